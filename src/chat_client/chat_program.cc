#include "chat_client/chat_program.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "chat_client/client_session.h"
#include "chat_client/command_line.h"
#include "chat_client/safe_text.h"
#include "chat_client/script_front.h"
#include "chat_client/standard_streams.h"
#include "chat_client/terminal_front.h"
#include "chat_client/terminal_mode.h"
#include "chat_client/websocket_link.h"

namespace simplechat::chat_client {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kGoodbyeMax{1};

std::uint64_t random_bits() {
  static std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

std::uint64_t unix_ms() {
  using std::chrono::system_clock;
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<Milliseconds>(system_clock::now().time_since_epoch()).count());
}

std::tm local_time(std::time_t time) {
  std::tm local{};
  ::localtime_r(&time, &local);
  return local;
}

std::expected<std::string, std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected(std::generic_category().message(errno));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

SessionOptions session_options(const Settings& settings, const Plan& plan) {
  return {.me = settings.me,
          .token = settings.token,
          .receives = plan.interactive || settings.follows,
          .history_with = settings.to,
          .history_count = settings.to.empty() ? 0 : plan.history};
}

// One thread runs it all. Every callback ends with pump(), which carries what came of it from part to part.
class ChatProgram final : LinkEvents {
 public:
  ChatProgram(const Settings& settings, const Plan& plan)
      : session_(session_options(settings, plan), random_bits, unix_ms),
        link_(loop_, settings.urls, settings.ca_file, *this),
        timer_(loop_),
        goodbye_timer_(loop_),
        signals_(loop_, SIGINT, SIGTERM, SIGHUP),
        resized_(loop_, SIGWINCH),
        output_(loop_, [this] { pump(); }),
        input_(loop_, [this](std::string_view bytes) { take_input(bytes); }) {
    if (plan.interactive) {
      terminal_ = std::make_unique<TerminalMode>();
      auto front = std::make_unique<TerminalFront>(session_, settings, plan, local_time, [this] { suspend(); });
      terminal_front_ = front.get();
      front_ = std::move(front);
    } else {
      front_ = std::make_unique<ScriptFront>(session_, settings, plan, local_time);
    }
  }

  int run() {
    await_signal();
    if (terminal_front_ != nullptr) await_resize();
    session_.start(now());
    front_->start(now());
    pump();
    loop_.run();
    return exit_code_;
  }

 private:
  static Instant now() { return std::chrono::steady_clock::now(); }

  // LinkEvents
  void link_opened() override {
    session_.link_opened(now());
    pump();
  }
  void text_received(std::string_view text) override {
    session_.frame_received(text, now());
    pump();
  }
  void link_lost(const LinkLoss& loss) override {
    session_.link_lost(loss, now());
    pump();
  }
  void link_closed() override {
    said_goodbye_ = true;
    pump();
  }

  void take_input(std::string_view bytes) {
    if (finishing_) return;
    if (bytes.empty()) {
      front_->input_ended(now());
    } else {
      front_->input(bytes, now());
    }
    pump();
  }

  void await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int /*signal*/) {
      if (error) return;
      if (finishing_) return loop_.stop();  // asked again: not even for the reader of stdout
      front_->interrupted(now());
      pump();
      await_signal();
    });
  }

  void await_resize() {
    terminal_front_->resize(TerminalMode::columns());
    pump();
    resized_.async_wait([this](const boost::system::error_code& error, int /*signal*/) {
      if (!error) await_resize();
    });
  }

  void suspend() {
    output_.write(front_->take_output());
    terminal_->suspend();
    terminal_front_->resize(TerminalMode::columns());
  }

  void pump() {
    if (finishing_) return finish();
    if (output_.is_broken()) return begin_finish(session_.outbox().empty() ? kOk : kNotAcked);
    carry();
    if (const auto code = front_->exit_code()) return begin_finish(*code);
    // While the reader of stdout is slow, the session's time stands still; the server may give it up, and it syncs
    // later.
    input_.want(front_->wants_input() && !output_.is_full());
    link_.pause(output_.is_full());
    arm_timer();
  }

  // Until nothing comes of anything any more.
  void carry() {
    for (auto events = session_.take_events(); !events.empty(); events = session_.take_events()) {
      for (Event& event : events) front_->handle(std::move(event), now());
    }
    const LinkOrder order = session_.take_order();
    if (order.drop) link_.drop();
    if (order.open) link_.open();
    link_.send(session_.take_frames());
    output_.write(front_->take_output());
    const std::string errors = front_->take_errors();
    std::fwrite(errors.data(), 1, errors.size(), stderr);
  }

  void arm_timer() {
    auto at = front_->next_wake();
    const auto session_at = output_.is_full() ? std::nullopt : session_.next_wake();
    if (session_at && (!at || *session_at < *at)) at = session_at;
    if (!at) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(*at);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error || finishing_) return;
      if (!output_.is_full()) session_.wake(now());
      front_->wake(now());
      pump();
    });
  }

  void begin_finish(int code) {
    finishing_ = true;
    exit_code_ = code;
    timer_.cancel();
    input_.want(false);
    session_.flush_marks(now());
    carry();
    link_.close();
    goodbye_timer_.expires_after(kGoodbyeMax);
    goodbye_timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      said_goodbye_ = true;
      finish();
    });
    finish();
  }

  void finish() {
    if (said_goodbye_ && (output_.is_empty() || output_.is_broken())) loop_.stop();
  }

  asio::io_context loop_{1};
  ClientSession session_;
  WebSocketLink link_;
  asio::steady_timer timer_;
  asio::steady_timer goodbye_timer_;
  asio::signal_set signals_;
  asio::signal_set resized_;
  StandardOutput output_;
  StandardInput input_;
  std::unique_ptr<TerminalMode> terminal_;
  std::unique_ptr<Front> front_;
  TerminalFront* terminal_front_ = nullptr;  // front_, if it is one
  bool finishing_ = false;
  bool said_goodbye_ = false;
  int exit_code_ = kFailed;
};

int report(const Stop& stop) {
  std::fwrite(stop.text.data(), 1, stop.text.size(), stop.exit_code == kOk ? stdout : stderr);
  return stop.exit_code;
}

}  // namespace

int run_chat(int argc, const char* const* argv) {
  // A closed stdout is a failed write, and that ends quietly.
  std::signal(SIGPIPE, SIG_IGN);
  const Surroundings surroundings{.environment = [](const char* name) -> const char* { return std::getenv(name); },
                                  .read_file = read_file};
  const auto settings = parse_command_line({argv, argv + argc}, surroundings);
  if (!settings) return report(settings.error());
  const auto plan = make_plan(*settings, ::isatty(STDIN_FILENO) == 1, ::isatty(STDOUT_FILENO) == 1);
  if (!plan) return report(plan.error());
  try {
    return ChatProgram(*settings, *plan).run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "simplechat: %s\n", safe_line(failure.what()).c_str());
    return kFailed;
  }
}

}  // namespace simplechat::chat_client
