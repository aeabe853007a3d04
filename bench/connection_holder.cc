// chat-hold: thousands of registered users on WebSocket connections, who answer pings and do what stdin says.
//
// The users are numbers (the contract reads a JSON integer as its decimal text), this process has those from
// --first-user on. A user costs its socket and a few dozen bytes, so that a million of them fit beside the gateways
// that they are to measure. Each is on a gateway of the list, in turn. A connection that is lost is opened again on
// another gateway of the list, chosen at random, after the web client's backoff with full jitter. Nobody tells the
// users which gateways of the list are dead.
//
// Commands, one a line; each is answered by one line of JSON when it is done, and the next one is read then:
//
//   connect RATE        opens and registers all, RATE connections a second, with at most --pending unanswered
//   send RATE SECONDS   each time from a random user of this process to a random one of all, RATE messages a second at
//                       random moments. Latencies count from the moment at which a message was to be sent, also if this
//                       process or the gateway was late
//   stats               what there is, and what has been since the last answer that was not to `peek`
//   peek                the same, and goes on counting
//   close               ends all connections with a closing handshake
//
// The end of stdin ends the process.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <queue>
#include <random>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "load_parts.h"
#include "websocket/decoder.h"

namespace {

using namespace simplechat;
using bench::now_us;

struct Options {
  std::vector<std::uint16_t> ports;
  unsigned first_user = 0;
  unsigned users = 1000;
  unsigned users_of_all = 1000;
  unsigned pending_max = 64;
  unsigned payload_bytes = 100;
};

constexpr std::int64_t kUsPerMs = 1000;
constexpr std::int64_t kUsPerS = 1'000'000;
constexpr std::int64_t kAnswerWaitUs = 20 * kUsPerS;  // for the handshake and the registration together
constexpr std::int64_t kBackoffFirstUs = 500 * kUsPerMs;
constexpr std::int64_t kBackoffMaxUs = 30 * kUsPerS;
constexpr std::int64_t kRestUs = 5 * kUsPerS;  // after the last message, for what is on its way
// connect() searches for a free port, tenfold longer where more than half of the range is taken.
constexpr unsigned kUsersPerSource = 10'000;
constexpr std::size_t kEventsPerTurn = 512;

enum class State : std::uint8_t { closed, connecting, upgrading, registering, registered, closing };

struct Client {
  websocket::Decoder decoder{{.message_bytes_max = 1 << 20}, websocket::Role::kClient};
  int fd = -1;
  std::uint32_t opened = 0;     // times: tells a deadline of an earlier connection from one of this
  std::uint32_t opened_us = 0;  // this and the next: the clock's low bits, so only good for differences
  std::uint32_t lost_us = 0;
  std::uint16_t gateway = 0;
  std::uint8_t attempt = 0;  // of opening it again
  State state = State::closed;
  bool lost = false;
};
static_assert(sizeof(Client) <= 48, "there are a million of them");

struct Counts {
  std::uint64_t sent = 0;
  std::uint64_t skipped = 0;  // because the sender drawn was not registered
  std::uint64_t acked = 0;
  std::uint64_t delivered = 0;
  std::uint64_t pings = 0;
  std::uint64_t resyncs = 0;
  std::uint64_t lost = 0;     // connections that were registered
  std::uint64_t refused = 0;  // connections that ended before
  std::uint64_t registrations = 0;
  std::map<std::string, std::uint64_t, std::less<>> errors;  // by code
  std::map<std::string, std::uint64_t, std::less<>> closes;  // by code
};

std::string json(const std::map<std::string, std::uint64_t, std::less<>>& counts) {
  std::string out = "{";
  for (const auto& [name, count] : counts) out += fmt::format(R"({}"{}":{})", out.size() > 1 ? "," : "", name, count);
  return out + "}";
}

class Holder final : private websocket::DecoderEvents {
 public:
  explicit Holder(const Options& options)
      : options_(options),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        clients_(options.users),
        random_(options.first_user) {
    ::fcntl(STDIN_FILENO, F_SETFL, ::fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    watch(EPOLL_CTL_ADD, STDIN_FILENO, kStdin, EPOLLIN);
  }
  virtual ~Holder() { ::close(epoll_); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  void run() {
    std::vector<epoll_event> events(kEventsPerTurn);
    while (!ended_) {
      do_what_is_due(now_us());
      const std::int64_t wait_us = std::clamp<std::int64_t>(next_due_us() - now_us(), 0, kUsPerS / 2);
      const timespec wait{.tv_sec = 0, .tv_nsec = wait_us * 1000};
      const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &wait, nullptr);
      for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
        event.data.u32 == kStdin ? read_commands() : on_ready(event.data.u32, event.events);
      }
    }
  }

 private:
  static constexpr std::uint32_t kStdin = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  enum class Doing : std::uint8_t { nothing, connecting, sending, resting, closing };

  struct Deadline {
    std::int64_t at_us;
    std::uint32_t index;
    std::uint32_t opened;
  };

  // --- commands ---

  void read_commands() {
    std::array<char, 4096> bytes;
    const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got == 0) ended_ = true;
    if (got > 0) commands_.append(bytes.data(), static_cast<std::size_t>(got));
  }

  void take_command(std::int64_t now) {
    const std::size_t end = commands_.find('\n');
    if (end == std::string::npos) return;
    std::istringstream words(commands_.substr(0, end));
    commands_.erase(0, end + 1);
    std::string verb;
    double rate = 0;
    double seconds = 0;
    words >> verb >> rate >> seconds;
    began_us_ = now;
    if (verb == "stats" || verb == "peek") {
      answer(verb);
    } else if (verb == "close") {
      close_all();
    } else if (verb == "connect" && rate > 0) {
      begin(Doing::connecting, rate);
    } else if (verb == "send" && rate > 0 && seconds > 0) {
      ends_us_ = now + static_cast<std::int64_t>(seconds * kUsPerS);
      begin(Doing::sending, rate);
    } else {
      throw std::runtime_error("not a command: " + verb);
    }
  }

  void begin(Doing doing, double rate) {
    doing_ = doing;
    between_us_ = std::exponential_distribution<double>(rate / kUsPerS);
    due_us_ = began_us_;
    advance();
  }

  void advance() { due_us_ += static_cast<std::int64_t>(between_us_(random_)); }

  void answer(std::string_view done) {
    std::cout << fmt::format(
        R"({{"done":"{}","seconds":{:.3f},"open":{},"registered":{},"sent":{},"skipped":{},"acked":{},"delivered":{},)"
        R"("pings":{},"resyncs":{},"lost":{},"refused":{},"registrations":{},"errors":{},"closes":{},)"
        R"("register_us":{},"delivery_us":{},"ack_us":{},"away_us":{}}})"
        "\n",
        done, static_cast<double>(now_us() - began_us_) / kUsPerS, open_, registered_, counts_.sent, counts_.skipped,
        counts_.acked, counts_.delivered, counts_.pings, counts_.resyncs, counts_.lost, counts_.refused,
        counts_.registrations, json(counts_.errors), json(counts_.closes), register_.json(), delivery_.json(),
        ack_.json(), away_.json());
    std::cout.flush();
    doing_ = Doing::nothing;
    if (done == "peek") return;
    counts_ = {};
    for (bench::Latencies* latencies : {&register_, &delivery_, &ack_, &away_}) latencies->clear();
  }

  // --- time ---

  void do_what_is_due(std::int64_t now) {
    while (!retries_.empty() && retries_.top().first <= now) {
      const std::uint32_t index = retries_.top().second;
      retries_.pop();
      if (!leaving_) open(index, other_gateway(clients_[index].gateway));
    }
    for (; !deadlines_.empty() && deadlines_.front().at_us <= now; deadlines_.pop_front()) {
      const Client& client = clients_[deadlines_.front().index];
      if (client.opened == deadlines_.front().opened && pending(client)) drop(deadlines_.front().index);
    }
    if (doing_ == Doing::nothing) take_command(now);
    if (doing_ == Doing::connecting) open_some(now);
    if (doing_ == Doing::sending) send_some(now);
    if (doing_ == Doing::resting && now >= ends_us_ + kRestUs) answer("send");
    if (doing_ == Doing::closing && open_ == 0) answer("close");
  }

  [[nodiscard]] std::int64_t next_due_us() const {
    std::int64_t due = kNever;
    if (!retries_.empty()) due = std::min(due, retries_.top().first);
    if (!deadlines_.empty()) due = std::min(due, deadlines_.front().at_us);
    if (doing_ == Doing::sending) due = std::min({due, due_us_, ends_us_});
    if (doing_ == Doing::resting) due = std::min(due, ends_us_ + kRestUs);
    if (doing_ == Doing::connecting && may_open()) due = std::min(due, due_us_);
    if (doing_ == Doing::nothing && !commands_.empty()) due = 0;
    return due;
  }

  // --- connections ---

  [[nodiscard]] bool may_open() const { return next_ < clients_.size() && pending_ < options_.pending_max; }
  [[nodiscard]] static bool pending(const Client& client) {
    return client.state != State::closed && client.state < State::registered;
  }

  void open_some(std::int64_t now) {
    for (; due_us_ <= now && may_open(); advance()) {
      const std::uint32_t index = next_++;
      open(index, static_cast<std::uint16_t>((options_.first_user + index) % options_.ports.size()));
    }
    if (!may_open()) due_us_ = std::max(due_us_, now);  // what the gateways are late by is not made up for in a burst
    if (registered_ == clients_.size()) answer("connect");
  }

  void open(std::uint32_t index, std::uint16_t gateway) {
    Client& client = clients_[index];
    client.gateway = gateway;
    const unsigned user = options_.first_user + index;
    const std::uint32_t source = (127U << 24) + (1U << 16) + (user / kUsersPerSource << 4) + 1;
    client.fd = bench::open_socket(options_.ports[gateway], source, SOCK_NONBLOCK);
    if (client.fd < 0) {
      ++counts_.refused;
      open_later(index);
      return;
    }
    ++open_;
    ++pending_;
    client.decoder = websocket::Decoder({.message_bytes_max = 1 << 20}, websocket::Role::kClient);
    client.state = State::connecting;
    client.opened_us = static_cast<std::uint32_t>(now_us());
    deadlines_.push_back({.at_us = now_us() + kAnswerWaitUs, .index = index, .opened = ++client.opened});
    watch(EPOLL_CTL_ADD, client.fd, index, EPOLLIN | EPOLLOUT);
  }

  void open_later(std::uint32_t index) {
    Client& client = clients_[index];
    const std::int64_t bound_us = std::min(kBackoffMaxUs, kBackoffFirstUs << std::min<int>(client.attempt, 10));
    client.attempt = static_cast<std::uint8_t>(std::min(client.attempt + 1, 10));
    retries_.emplace(now_us() + std::uniform_int_distribution<std::int64_t>(0, bound_us)(random_), index);
  }

  std::uint16_t other_gateway(std::uint16_t than) {
    const std::size_t count = options_.ports.size();
    if (count == 1) return than;
    const auto steps = std::uniform_int_distribution<std::size_t>(1, count - 1)(random_);
    return static_cast<std::uint16_t>((than + steps) % count);
  }

  void on_ready(std::uint32_t index, std::uint32_t events) {
    Client& client = clients_[index];
    if (client.state == State::connecting && (events & EPOLLOUT) != 0 && (events & EPOLLERR) == 0) {
      client.state = State::upgrading;
      watch(EPOLL_CTL_MOD, client.fd, index, EPOLLIN);
      out_ = bench::opening_request();
      append(websocket::Opcode::kText, fmt::format(R"({{"type":"register","from":{}}})", options_.first_user + index));
      flush(client);
    }
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) read(index);
  }

  void read(std::uint32_t index) {
    Client& client = clients_[index];
    const ssize_t got = ::recv(client.fd, in_.data(), in_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    std::span<char> bytes(in_.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (client.state == State::upgrading && got > 0) {
      const std::size_t head = bench::acceptance_bytes({bytes.data(), bytes.size()});
      if (head > 0) client.state = State::registering;
      bytes = bytes.subspan(head);
    }
    if (got <= 0 || client.state < State::registering) {
      drop(index);
      return;
    }
    current_ = index;
    if (client.decoder.feed(bytes, *this)) throw std::runtime_error("the gateway sent a malformed frame");
    flush(client);
  }

  // The connection has ended, or is given up.
  void drop(std::uint32_t index) {
    Client& client = clients_[index];
    ::close(client.fd);
    client.fd = -1;
    --open_;
    if (pending(client)) {
      --pending_;
      ++counts_.refused;
    } else if (client.state == State::registered) {
      --registered_;
      ++counts_.lost;
      client.lost = true;
      client.lost_us = static_cast<std::uint32_t>(now_us());
    }
    client.state = State::closed;
    if (!leaving_) open_later(index);
  }

  void close_all() {
    leaving_ = true;
    doing_ = Doing::closing;
    for (std::uint32_t index = 0; index < clients_.size(); ++index) {
      Client& client = clients_[index];
      if (pending(client)) drop(index);
      if (client.state != State::registered) continue;
      client.state = State::closing;
      --registered_;
      constexpr std::string_view kNormalClosure("\x03\xe8", 2);
      append(websocket::Opcode::kClose, kNormalClosure);
      flush(client);
    }
  }

  void watch(int operation, int fd, std::uint32_t index, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = index;
    if (::epoll_ctl(epoll_, operation, fd, &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }

  // --- frames ---

  void append(websocket::Opcode opcode, std::string_view text) {
    websocket::append_masked_frame(out_, opcode, text, bench::kMaskKey);
  }

  // A connection that broke is noticed when it is read.
  void flush(const Client& client) {
    if (out_.empty()) return;
    const ssize_t put = ::send(client.fd, out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put >= 0 ? put != static_cast<ssize_t>(out_.size()) : errno == EAGAIN) {
      throw std::runtime_error("a gateway does not read what is sent to it");
    }
    out_.clear();
  }

  void send_some(std::int64_t now) {
    for (; due_us_ <= now && due_us_ < ends_us_; advance()) send_message(due_us_);
    if (now >= ends_us_) doing_ = Doing::resting;
  }

  void send_message(std::int64_t at_us) {
    const auto index = std::uniform_int_distribution<std::uint32_t>(0, options_.users - 1)(random_);
    const unsigned from = options_.first_user + index;
    const unsigned to =
        (from + std::uniform_int_distribution<unsigned>(1, options_.users_of_all - 1)(random_)) % options_.users_of_all;
    if (clients_[index].state != State::registered) {
      ++counts_.skipped;
      return;
    }
    std::string payload = fmt::format("{} ", at_us);
    payload.resize(std::max<std::size_t>(payload.size(), options_.payload_bytes), 'x');
    append(websocket::Opcode::kText,
           fmt::format(R"({{"type":"normal","id":"{}-{}","to":{},"payload":"{}"}})", at_us, from, to, payload));
    flush(clients_[index]);
    ++counts_.sent;
  }

  void on_text(std::string_view text) override {
    if (text.starts_with(R"({"type":"ack")")) {
      ++counts_.acked;
      ack_.add(now_us() - bench::number_behind(text, R"("id":")"));
    } else if (text.starts_with(R"({"type":"normal")")) {
      ++counts_.delivered;
      delivery_.add(now_us() - bench::number_behind(text, R"("payload":")"));
    } else if (text.starts_with(R"({"type":"registered")")) {
      on_registered(clients_[current_]);
    } else if (text.starts_with(R"({"type":"resync")")) {
      ++counts_.resyncs;
    } else {
      on_error(text);
    }
  }

  void on_registered(Client& client) {
    if (client.state != State::registering) return;
    client.state = State::registered;
    client.attempt = 0;
    --pending_;
    ++registered_;
    ++counts_.registrations;
    const auto now = static_cast<std::uint32_t>(now_us());
    register_.add(now - client.opened_us);
    if (std::exchange(client.lost, false)) away_.add(now - client.lost_us);
  }

  void on_error(std::string_view text) {
    constexpr std::string_view kCode = R"("code":")";
    const std::size_t at = text.find(kCode);
    std::string code(at == std::string_view::npos ? text : text.substr(at + kCode.size()));
    ++counts_.errors[code.substr(0, code.find('"'))];
    // A registration that was refused is tried again, as by any client, on a new connection.
    if (clients_[current_].state == State::registering) ::shutdown(clients_[current_].fd, SHUT_RDWR);
  }

  void on_binary(std::string_view /*bytes*/) override {}
  void on_ping(std::string_view payload) override {
    ++counts_.pings;
    append(websocket::Opcode::kPong, payload);
  }
  void on_pong(std::string_view /*payload*/) override {}
  void on_close(std::uint16_t code, std::string_view /*reason*/) override {
    ++counts_.closes[std::to_string(code)];
    if (clients_[current_].state != State::closing) append(websocket::Opcode::kClose, {});
  }

  const Options options_;
  int epoll_;
  std::vector<Client> clients_;
  std::mt19937_64 random_;
  std::uint32_t next_ = 0;     // of those that have never been opened
  std::uint32_t current_ = 0;  // whose bytes the decoder is being fed
  std::size_t open_ = 0;       // sockets
  std::size_t pending_ = 0;    // of them, not registered yet
  std::size_t registered_ = 0;
  std::priority_queue<std::pair<std::int64_t, std::uint32_t>, std::vector<std::pair<std::int64_t, std::uint32_t>>,
                      std::greater<>>
      retries_;  // when, who
  std::deque<Deadline> deadlines_;

  std::string commands_;
  Doing doing_ = Doing::nothing;
  std::int64_t began_us_ = 0;  // the command
  std::int64_t ends_us_ = 0;
  std::int64_t due_us_ = 0;  // the next connection or message
  std::exponential_distribution<double> between_us_;
  bool leaving_ = false;
  bool ended_ = false;

  std::string out_;
  std::vector<char> in_ = std::vector<char>(std::size_t{64} * 1024);
  Counts counts_;
  bench::Latencies register_;  // from opening the socket to `registered`
  bench::Latencies delivery_;
  bench::Latencies ack_;
  bench::Latencies away_;  // from the loss of a connection to the next `registered`
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Holds registered users' connections; commands on stdin", "chat-hold");
  app.add_option("--port", options.ports, "WebSocket ports of the gateways on 127.0.0.1")->delimiter(',')->required();
  app.add_option("--first-user", options.first_user, "The first of this process's users")->capture_default_str();
  app.add_option("-n,--users", options.users, "Users of this process")->capture_default_str();
  app.add_option("--of", options.users_of_all, "Users of all processes, 0 to this")
      ->check(CLI::Range(2U, std::numeric_limits<unsigned>::max() / 2))
      ->required();
  app.add_option("--pending", options.pending_max, "Connections that `connect` opens before others are registered")
      ->capture_default_str();
  app.add_option("--payload", options.payload_bytes, "Bytes of a payload")
      ->check(CLI::Range(20, 60'000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    Holder(options).run();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "chat-hold: " << error.what() << '\n';
    return 1;
  }
}
