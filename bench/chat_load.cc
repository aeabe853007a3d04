// chat-load: pairs of users who chat through one or more gateways, as fast as acks let them, for a given time. Prints
// one line of JSON.
//
// Connections 2i and 2i+1 are a pair, and are spread over the gateways in turn, so that with two gateways every pair
// talks across. The even one sends, with `window` messages not acked yet; the odd one receives. A message's payload
// begins with its send time, from which the receiver takes the delivery latency; the sender takes the ack latency.

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <deque>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "load_parts.h"
#include "websocket/decoder.h"

namespace {

using namespace simplechat;
using std::chrono::steady_clock;

struct Options {
  std::vector<std::uint16_t> ports{8082};
  unsigned connections = 1000;
  unsigned window = 1;
  unsigned payload_bytes = 100;
  double seconds = 10;
};

using bench::now_us;

struct Totals {
  std::uint64_t registered = 0;
  std::uint64_t acked = 0;
  std::uint64_t delivered = 0;
  std::uint64_t errors = 0;
  std::uint64_t resyncs = 0;
  std::vector<std::int64_t> delivery_us;
  std::vector<std::int64_t> ack_us;
};

class Client final : private websocket::DecoderEvents {
 public:
  Client(const Options& options, Totals& totals, unsigned index)
      : options_(options),
        totals_(totals),
        index_(index),
        decoder_({.message_bytes_max = 1 << 20}, websocket::Role::kClient) {}
  virtual ~Client() {
    if (fd_ >= 0) ::close(fd_);
  }

  void connect(int epoll) {
    const std::uint16_t port = options_.ports[index_ % options_.ports.size()];
    fd_ = bench::open_socket(port, INADDR_LOOPBACK, 0);
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), fmt::format("connect 127.0.0.1:{}", port));
    out_ = bench::opening_request();
    send_text(fmt::format(R"({{"type":"register","from":"load{}"}})", index_));
    flush();
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd_, &event);
  }

  void read(std::span<char> buffer) {
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) throw std::runtime_error("the server closed a connection");
    std::span<char> bytes = buffer.first(static_cast<std::size_t>(got));
    if (!upgraded_) {
      const std::size_t head = bench::acceptance_bytes({bytes.data(), bytes.size()});
      if (head == 0) throw std::runtime_error("no upgrade: " + std::string(bytes.data(), bytes.size()));
      upgraded_ = true;
      bytes = bytes.subspan(head);
    }
    if (decoder_.feed(bytes, *this)) throw std::runtime_error("the server sent a malformed frame");
    flush();
  }

  void start_sending() {
    if (index_ % 2 != 0) return;
    for (unsigned i = 0; i < options_.window; ++i) send_message();
    flush();
  }
  void stop_sending() { stopped_ = true; }

 private:
  void send_text(std::string_view text) {
    websocket::append_masked_frame(out_, websocket::Opcode::kText, text, bench::kMaskKey);
  }

  void send_message() {
    std::string payload = fmt::format("{} ", now_us());
    payload.resize(std::max<std::size_t>(payload.size(), options_.payload_bytes), 'x');
    sent_at_.push_back(now_us());
    send_text(fmt::format(R"({{"type":"normal","id":"{:x}-{}","to":"load{}","payload":"{}"}})", now_us(), ++sequence_,
                          index_ + 1, payload));
  }

  void flush() {
    if (out_.empty()) return;
    if (::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out_.size()))
      throw std::runtime_error("send failed");
    out_.clear();
  }

  void on_text(std::string_view text) override {
    if (text.starts_with(R"({"type":"ack")")) {
      ++totals_.acked;
      totals_.ack_us.push_back(now_us() - sent_at_.front());
      sent_at_.pop_front();
      if (!stopped_) send_message();
    } else if (text.starts_with(R"({"type":"normal")")) {
      ++totals_.delivered;
      totals_.delivery_us.push_back(now_us() - bench::number_behind(text, R"("payload":")"));
    } else if (text.starts_with(R"({"type":"registered")")) {
      ++totals_.registered;
    } else if (text.starts_with(R"({"type":"resync")")) {
      ++totals_.resyncs;  // the store is more than a second behind
    } else {
      if (totals_.errors++ == 0) std::cerr << "chat-load: unexpected: " << text << '\n';
    }
  }
  void on_binary(std::string_view /*bytes*/) override {}
  void on_ping(std::string_view payload) override {
    websocket::append_masked_frame(out_, websocket::Opcode::kPong, payload, bench::kMaskKey);
  }
  void on_pong(std::string_view /*payload*/) override {}
  void on_close(std::uint16_t code, std::string_view reason) override {
    throw std::runtime_error(fmt::format("the server closed with {} {}", code, reason));
  }

  const Options& options_;
  Totals& totals_;
  unsigned index_;
  int fd_ = -1;
  bool upgraded_ = false;
  bool stopped_ = false;
  websocket::Decoder decoder_;
  std::string out_;
  std::deque<std::int64_t> sent_at_;
  std::uint64_t sequence_ = 0;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (unsigned i = 0; i < options.connections; ++i) {
      clients_.push_back(std::make_unique<Client>(options_, totals_, i));
      clients_.back()->connect(epoll_);
    }
    constexpr std::chrono::seconds kRegisterTime{30};
    run_until([this] { return totals_.registered == clients_.size(); }, steady_clock::now() + kRegisterTime);
    if (totals_.registered != clients_.size()) throw std::runtime_error("not all registered in time");
  }
  ~Load() { ::close(epoll_); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void run() {
    const auto begin = steady_clock::now();
    for (const auto& client : clients_) client->start_sending();
    run_until([] { return false; }, begin + std::chrono::duration_cast<steady_clock::duration>(
                                                std::chrono::duration<double>(options_.seconds)));
    const double elapsed = std::chrono::duration<double>(steady_clock::now() - begin).count();
    const std::uint64_t acked = totals_.acked;
    for (const auto& client : clients_) client->stop_sending();
    constexpr std::chrono::seconds kRest{2};  // what is on its way
    run_until([] { return false; }, steady_clock::now() + kRest);
    std::cout << fmt::format(
        R"({{"connections":{},"window":{},"payload_bytes":{},"seconds":{:.2f},"acked":{},"delivered":{},"errors":{},"resyncs":{},"acked_per_s":{:.0f},)"
        R"("delivery_us":{{"p50":{},"p99":{}}},"ack_us":{{"p50":{},"p99":{}}}}})"
        "\n",
        options_.connections, options_.window, options_.payload_bytes, elapsed, totals_.acked, totals_.delivered,
        totals_.errors, totals_.resyncs, static_cast<double>(acked) / elapsed, percentile(totals_.delivery_us, 50),
        percentile(totals_.delivery_us, 99), percentile(totals_.ack_us, 50), percentile(totals_.ack_us, 99));
  }

 private:
  template <class Done>
  void run_until(Done done, steady_clock::time_point deadline) {
    std::vector<epoll_event> events(256);
    while (!done() && steady_clock::now() < deadline) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 10);
      for (int i = 0; i < count; ++i) static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr)->read(buffer_);
    }
  }

  static std::int64_t percentile(std::vector<std::int64_t>& values, std::size_t percent) {
    if (values.empty()) return 0;
    const auto nth = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) * percent / 100);
    std::nth_element(values.begin(), nth, values.end());
    return *nth;
  }

  const Options options_;
  int epoll_;
  Totals totals_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{64} * 1024);
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Pairs of users chatting as fast as acks let them", "chat-load");
  app.add_option("--port", options.ports, "WebSocket ports of the gateways on 127.0.0.1")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("-n,--connections", options.connections, "Connections, two a pair")
      ->check(CLI::Range(2, 20'000))
      ->capture_default_str();
  app.add_option("--window", options.window, "Messages of a sender that are not acked")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--payload", options.payload_bytes, "Bytes of a payload")
      ->check(CLI::Range(20, 60'000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "How long to send")
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
