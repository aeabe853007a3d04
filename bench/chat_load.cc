// chat-load: users who chat through one or more gateways, as fast as these let them or at a given rate, for a given
// time. Prints `began` and `ended` when the measured time does, and then one line of JSON.
//
// Who sends to whom (--pattern), connections being spread over the gateways in turn:
//   pairs    the even one of connections 2i and 2i+1 sends, the odd one receives; with two gateways all talk across
//   mutual   both of such a pair send
//   fanout   connection 0 sends to one user who has all the other connections
//
// Closed loop: each sender has `window` messages under way, and sends the next one when one is acked or delivered
// (--next; with fanout: when all have it). Open loop, with --rate: at random moments, whatever the gateways do; then
// latencies count from the moment at which a message was to be sent. A message's id begins with that moment, so that
// both its ack and its delivery tell how long they took.
//
// It shares the machine with what it measures, so it is frugal: a frame is a template in which fixed places are
// overwritten, what falls due on a connection during a turn leaves in one write, and of what comes in only a frame's
// header, type and id are read.

#include <fmt/format.h>
#include <sys/epoll.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "load_parts.h"

namespace {

using namespace simplechat;
using bench::now_us;

enum class Pattern : std::uint8_t { pairs, mutual, fanout };
enum class Next : std::uint8_t { ack, delivery };

struct Options {
  std::vector<std::uint16_t> ports{8082};
  unsigned connections = 1000;
  unsigned window = 1;
  unsigned payload_bytes = 100;
  double warm_up_s = 1;
  double seconds = 10;
  double rate = 0;  // 0: closed loop
  Pattern pattern = Pattern::pairs;
  Next next = Next::ack;
};

constexpr std::int64_t kUsPerS = 1'000'000;
constexpr std::int64_t kRegisterWaitUs = 30 * kUsPerS;
constexpr std::int64_t kRestUs = 2 * kUsPerS;       // at the end, for what is on its way
constexpr unsigned kConnectionsPerSource = 10'000;  // connect() searches longer where most ports are taken
constexpr unsigned kConnectingMax = 256;
constexpr std::size_t kEventsPerTurn = 1024;

// Any masking key is allowed; this one leaves the bytes as they are, which spares this program the work, not a server.
constexpr websocket::MaskKey kNoMask = 0;

constexpr std::size_t kTimeDigits = 16;
constexpr std::size_t kSequenceDigits = 8;

void put_hex(char* to, std::uint64_t value, std::size_t digits) {
  for (; digits > 0; value >>= 4) to[--digits] = "0123456789abcdef"[value & 15];
}

std::int64_t hex(std::string_view digits) {
  std::int64_t value = 0;
  for (const char digit : digits) value = value << 4 | (digit <= '9' ? digit - '0' : digit - 'a' + 10);
  return value;
}

// A message as a masked frame, but for its time, number and recipient.
class Template {
 public:
  explicit Template(std::size_t payload_bytes) {
    const std::string text = fmt::format(R"({{"type":"normal","id":"{:0{}}-{:0{}}","to":"{}","payload":"{}"}})", 0,
                                         kTimeDigits, 0, kSequenceDigits, user(0), std::string(payload_bytes, 'x'));
    websocket::append_masked_frame(frame_, websocket::Opcode::kText, text, kNoMask);
    id_at_ = frame_.find(R"("id":")") + 6;
    to_at_ = frame_.find(R"("to":")") + 6;
  }

  static std::string user(unsigned index) { return fmt::format("load{:05}", index); }

  void append(std::string& out, std::int64_t at_us, std::uint64_t sequence, std::string_view to) const {
    const std::size_t begin = out.size();
    out.append(frame_);
    char* const frame = out.data() + begin;
    put_hex(frame + id_at_, static_cast<std::uint64_t>(at_us), kTimeDigits);
    put_hex(frame + id_at_ + kTimeDigits + 1, sequence, kSequenceDigits);
    std::memcpy(frame + to_at_, to.data(), to.size());
  }

 private:
  std::string frame_;
  std::size_t id_at_ = 0;
  std::size_t to_at_ = 0;
};

struct Client {
  int fd = -1;
  bool upgraded = false;
  bool queued = false;         // is in the list of those that may send
  unsigned may_send = 0;       // messages, at the end of this turn
  std::uint64_t sequence = 0;  // of the latest message
  std::string peer;            // whom it sends to; empty: nobody
  std::string cut;             // the beginning of a frame whose end has not come yet
};

struct Counts {
  std::uint64_t sent = 0;
  std::uint64_t acked = 0;
  std::uint64_t delivered = 0;
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        template_(options.payload_bytes),
        clients_(options.connections) {
    for (unsigned i = 0; i < options_.connections; ++i) {
      connect(i);
      if ((i + 1) % kConnectingMax == 0 || i + 1 == options_.connections) await_registered(i + 1);
    }
    for (unsigned i = 0; i < options_.connections; ++i) {
      if (!clients_[i].peer.empty()) senders_.push_back(i);
    }
  }
  ~Load() {
    for (const Client& client : clients_) ::close(client.fd);
    ::close(epoll_);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void run() {
    if (options_.rate > 0) {
      between_us_ = std::exponential_distribution<double>(options_.rate / kUsPerS);
      due_us_ = static_cast<double>(now_us());
    } else {
      for (const unsigned sender : senders_) allow(sender, options_.window);
      send_allowed();
    }
    run_for(options_.warm_up_s);
    std::cout << "began" << std::endl;
    const Counts before = counts_;
    for (bench::Latencies* latencies : {&delivery_, &ack_}) latencies->clear();
    const std::int64_t began_us = now_us();
    run_for(options_.seconds);
    const double elapsed_s = static_cast<double>(now_us() - began_us) / kUsPerS;
    std::cout << "ended" << std::endl;
    const Counts after = counts_;
    stopped_ = true;
    run_until([this] { return nothing_under_way(); }, now_us() + kRestUs);
    report(elapsed_s, after.acked - before.acked, after.delivered - before.delivered);
  }

 private:
  [[nodiscard]] unsigned receivers() const {
    return options_.pattern == Pattern::fanout ? options_.connections - 1 : 1;
  }
  // A server that has acked nothing so far is taken for one that does not ack.
  [[nodiscard]] bool nothing_under_way() const {
    return counts_.delivered == counts_.sent * receivers() && (counts_.acked == counts_.sent || counts_.acked == 0);
  }

  // --- connecting ---

  [[nodiscard]] std::string user_of(unsigned index) const {
    return Template::user(options_.pattern == Pattern::fanout ? std::min(index, 1U) : index);
  }

  void connect(unsigned index) {
    Client& client = clients_[index];
    const bool sends =
        options_.pattern == Pattern::mutual || (options_.pattern == Pattern::pairs ? index % 2 == 0 : index == 0);
    if (sends) client.peer = user_of(index ^ 1);
    const std::uint16_t port = options_.ports[index % options_.ports.size()];
    const std::uint32_t source = (127U << 24) + (2U << 16) + (index / kConnectionsPerSource << 4) + 1;
    client.fd = bench::open_socket(port, source, 0);
    if (client.fd < 0) {
      throw std::system_error(errno, std::generic_category(), fmt::format("connect 127.0.0.1:{}", port));
    }
    out_ = bench::opening_request();
    flush(client);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;  // one recv() takes all that has come
    event.data.u32 = index;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event);
  }

  void await_registered(unsigned count) {
    run_until([&] { return registered_ == count; }, now_us() + kRegisterWaitUs);
    if (registered_ != count) throw std::runtime_error("not all registered in time");
  }

  // --- turns ---

  void run_for(double seconds) {
    run_until([] { return false; }, now_us() + static_cast<std::int64_t>(seconds * kUsPerS));
  }

  template <class Done>
  void run_until(Done done, std::int64_t deadline_us) {
    for (std::int64_t now = now_us(); !done() && now < deadline_us; now = now_us()) {
      const bool on_time = options_.rate > 0 && due_us_ > 0 && !stopped_;
      if (on_time) send_due(now);
      const std::int64_t wait_us = std::clamp<std::int64_t>(
          on_time ? static_cast<std::int64_t>(due_us_) - now : kUsPerS / 100, 0, kUsPerS / 100);
      take_events(wait_us);
      send_allowed();
    }
  }

  void take_events(std::int64_t wait_us) {
    const timespec wait{.tv_sec = 0, .tv_nsec = wait_us * 1000};
    const int count = ::epoll_pwait2(epoll_, events_.data(), static_cast<int>(events_.size()), &wait, nullptr);
    read_at_us_ = now_us();
    for (int i = 0; i < count; ++i) read(events_[static_cast<std::size_t>(i)].data.u32);
  }

  // --- sending ---

  void allow(unsigned index, unsigned messages) {
    Client& client = clients_[index];
    client.may_send += messages;
    if (std::exchange(client.queued, true)) return;
    allowed_.push_back(index);
  }

  void send_allowed() {
    const std::int64_t now = allowed_.empty() ? 0 : now_us();
    for (const unsigned index : allowed_) {
      Client& client = clients_[index];
      client.queued = false;
      for (unsigned count = std::exchange(client.may_send, 0); count > 0 && !stopped_; --count) append(client, now);
      flush(client);
    }
    allowed_.clear();
  }

  void send_due(std::int64_t now) {
    for (; due_us_ <= static_cast<double>(now); due_us_ += between_us_(random_)) {
      Client& client = clients_[senders_[turn_++ % senders_.size()]];
      append(client, static_cast<std::int64_t>(due_us_));
      flush(client);
    }
  }

  void append(Client& client, std::int64_t at_us) {
    template_.append(out_, at_us, ++client.sequence, client.peer);
    ++counts_.sent;
  }

  // Waits if the gateway does not read: what it sends meanwhile it must keep.
  void flush(const Client& client) {
    if (out_.empty()) return;
    if (::send(client.fd, out_.data(), out_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out_.size())) {
      throw std::runtime_error("send failed");
    }
    out_.clear();
  }

  // --- receiving ---

  void read(unsigned index) {
    Client& client = clients_[index];
    const std::size_t kept = client.cut.copy(in_.data(), in_.size());
    client.cut.clear();
    const ssize_t got = ::recv(client.fd, in_.data() + kept, in_.size() - kept, MSG_DONTWAIT);
    if (got == 0) throw std::runtime_error("the server closed a connection");
    if (got < 0) throw std::system_error(errno, std::generic_category(), "recv");
    std::string_view bytes(in_.data(), kept + static_cast<std::size_t>(got));
    if (bytes.size() == in_.size()) throw std::runtime_error("more came at once than there is room for");
    take(index, bytes);
    client.cut = bytes;
  }

  // Takes whole frames off the front of `bytes`.
  void take(unsigned index, std::string_view& bytes) {
    Client& client = clients_[index];
    if (!client.upgraded) {
      const std::size_t head = bench::acceptance_bytes(bytes);
      if (head == 0) throw std::runtime_error("no upgrade: " + std::string(bytes));
      client.upgraded = true;
      bytes.remove_prefix(head);
      // Not together with the opening request: some servers lose what comes so early.
      websocket::append_masked_frame(out_, websocket::Opcode::kText,
                                     fmt::format(R"({{"type":"register","from":"{}"}})", user_of(index)), kNoMask);
      flush(client);
    }
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    while (bytes.size() >= 2) {
      const bool is_long = byte(1) == 126;
      if (byte(1) > 126) throw std::runtime_error("a frame that is masked or very long");
      if (is_long && bytes.size() < 4) return;
      const std::size_t header = is_long ? 4 : 2;
      const std::size_t size = is_long ? static_cast<std::size_t>(byte(2) << 8 | byte(3)) : byte(1);
      if (bytes.size() < header + size) return;
      on_frame(index, static_cast<websocket::Opcode>(byte(0) & 0x0f), bytes.substr(header, size));
      bytes.remove_prefix(header + size);
    }
  }

  void on_frame(unsigned index, websocket::Opcode opcode, std::string_view text) {
    constexpr std::string_view kAck = R"({"type":"ack","id":")";
    constexpr std::string_view kNormal = R"({"type":"normal","id":")";
    if (opcode == websocket::Opcode::kPing) {
      websocket::append_masked_frame(out_, websocket::Opcode::kPong, text, kNoMask);
      flush(clients_[index]);
    } else if (text.starts_with(kNormal)) {
      ++counts_.delivered;
      delivery_.add(read_at_us_ - hex(text.substr(kNormal.size(), kTimeDigits)));
      if (options_.next == Next::delivery || options_.pattern == Pattern::fanout) on_delivered(index);
    } else if (text.starts_with(kAck)) {
      ++counts_.acked;
      ack_.add(read_at_us_ - hex(text.substr(kAck.size(), kTimeDigits)));
      if (options_.next == Next::ack && options_.pattern != Pattern::fanout && options_.rate == 0) allow(index, 1);
    } else if (text.starts_with(R"({"type":"registered")")) {
      ++registered_;
    } else if (text.starts_with(R"({"type":"resync")")) {
      ++resyncs_;  // the store is more than a second behind
    } else if (errors_++ == 0) {
      std::cerr << "chat-load: unexpected: " << text << '\n';
    }
  }

  void on_delivered(unsigned index) {
    if (options_.rate > 0) return;
    if (options_.pattern != Pattern::fanout) {
      allow(index ^ 1, 1);
    } else if (counts_.delivered % receivers() == 0) {
      allow(0, 1);
    }
  }

  void report(double elapsed_s, std::uint64_t acked, std::uint64_t delivered) {
    const auto per_s = [&](std::uint64_t count) { return static_cast<double>(count) / elapsed_s; };
    std::cout << fmt::format(
        R"({{"connections":{},"window":{},"payload_bytes":{},"seconds":{:.2f},"messages_in_all":{},"acked":{},"delivered":{},"missing":{},)"
        R"("errors":{},"resyncs":{},"acked_per_s":{:.0f},"delivered_per_s":{:.0f},)"
        R"("delivery_us":{{"p50":{},"p99":{}}},"ack_us":{{"p50":{},"p99":{}}}}})"
        "\n",
        options_.connections, options_.window, options_.payload_bytes, elapsed_s, counts_.sent, acked, delivered,
        counts_.sent * receivers() - counts_.delivered, errors_, resyncs_, per_s(acked), per_s(delivered),
        delivery_.percentile(50), delivery_.percentile(99), ack_.percentile(50), ack_.percentile(99));
  }

  const Options options_;
  const int epoll_;
  const Template template_;
  std::vector<Client> clients_;
  std::vector<unsigned> senders_;
  std::vector<unsigned> allowed_;  // to send at the end of this turn
  std::size_t turn_ = 0;
  std::string out_;
  std::vector<char> in_ = std::vector<char>(std::size_t{1024} * 1024);
  std::vector<epoll_event> events_ = std::vector<epoll_event>(kEventsPerTurn);
  std::int64_t read_at_us_ = 0;
  double due_us_ = 0;  // when the next message is
  std::mt19937 random_{1};
  std::exponential_distribution<double> between_us_;
  bool stopped_ = false;
  unsigned registered_ = 0;
  Counts counts_;
  std::uint64_t errors_ = 0;
  std::uint64_t resyncs_ = 0;
  bench::Latencies delivery_;
  bench::Latencies ack_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Users chatting as fast as gateways let them, or at a given rate", "chat-load");
  app.add_option("--port", options.ports, "WebSocket ports of the gateways on 127.0.0.1")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("-n,--connections", options.connections, "Connections")
      ->check(CLI::Range(2, 20'000))
      ->capture_default_str();
  const std::map<std::string, Pattern> patterns{
      {"pairs", Pattern::pairs}, {"mutual", Pattern::mutual}, {"fanout", Pattern::fanout}};
  app.add_option("--pattern", options.pattern, "Who sends to whom")->transform(CLI::CheckedTransformer(patterns));
  app.add_option("--window", options.window, "Messages of a sender that are under way")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  const std::map<std::string, Next> nexts{{"ack", Next::ack}, {"delivery", Next::delivery}};
  app.add_option("--next", options.next, "What lets a sender send the next message")
      ->transform(CLI::CheckedTransformer(nexts));
  app.add_option("--rate", options.rate, "Messages a second in all, whatever comes back; 0: as --window allows")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--payload", options.payload_bytes, "Bytes of a payload")
      ->check(CLI::Range(1, 60'000))
      ->capture_default_str();
  app.add_option("--warm-up", options.warm_up_s, "Seconds of sending before the measured time")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "The measured time")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    Load(options).run();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "chat-load: " << error.what() << '\n';
    return 1;
  }
}
