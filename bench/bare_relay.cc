// bare-relay: the least that a relay for the gateway's clients can do, as a yardstick: it receives a frame, finds the
// recipient's connections and sends them the same text. It checks nothing, stores nothing and has no bounds; a client
// that does not read ends it. With --ack-after-ms it also acks a frame some time later, as if a store had to commit
// first: then it sends as often as a gateway must.
//
// One thread on raw epoll. What goes to a connection during a turn leaves in one write at its end, and a frame to many
// is put together once.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "websocket/encoder.h"
#include "websocket/handshake.h"
#include "websocket/mask.h"

namespace {

using namespace simplechat;

constexpr std::size_t kEventsPerTurn = 1024;
constexpr std::size_t kReadBytes = std::size_t{256} * 1024;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

std::string_view value_of(std::string_view text, std::string_view key) {
  const std::size_t begin = text.find(key);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin + key.size());
  return text.substr(0, text.find('"'));
}

// A part of what the turn sends.
struct Piece {
  std::size_t offset;
  std::size_t size;
};

struct Connection {
  explicit Connection(int descriptor) : fd(descriptor) {}

  int fd;
  bool upgraded = false;
  std::string cut;         // the beginning of a frame whose end has not come yet
  std::vector<Piece> out;  // of this turn
};

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
};

class Relay {
 public:
  // `ack_after`: negative if frames are not acked.
  Relay(std::uint16_t port, std::chrono::milliseconds ack_after)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)), listener_(listen(port)), ack_after_(ack_after) {
    watch(listener_, nullptr);
  }

  [[noreturn]] void run() {
    while (true) {
      const int wait_ms = acks_.empty() ? -1 : 1;
      const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), wait_ms);
      for (int i = 0; i < count; ++i) {
        auto* const connection = static_cast<Connection*>(events_[static_cast<std::size_t>(i)].data.ptr);
        connection == nullptr ? accept() : read(*connection);
      }
      send_acks();
      for (Connection* connection : dirty_) flush(*connection);
      dirty_.clear();
      bytes_.clear();
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  struct Ack {
    Clock::time_point due;
    Connection* sender;
    std::string frame;
  };

  static int listen(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
    if (::listen(fd, 4096) != 0) fail("listen");
    return fd;
  }

  void watch(int fd, Connection* connection) const {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = connection;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  void accept() {
    for (int fd = -1; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(fd, connections_.emplace_back(std::make_unique<Connection>(fd)).get());
    }
  }

  void read(Connection& connection) {
    if (connection.fd < 0) return;
    std::size_t size = connection.cut.copy(in_.data(), in_.size());
    connection.cut.clear();
    const ssize_t got = ::recv(connection.fd, in_.data() + size, in_.size() - size, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return end(connection);
    size += static_cast<std::size_t>(got);
    if (size == in_.size()) throw std::runtime_error("more came at once than there is room for");
    const std::size_t used = connection.upgraded ? 0 : upgrade(connection, {in_.data(), size});
    take(connection, in_.data() + used, size - used);
  }

  std::size_t upgrade(Connection& connection, std::string_view request) {
    constexpr std::string_view kKey = "Sec-WebSocket-Key: ";
    const std::size_t key = request.find(kKey);
    const std::size_t end = request.find("\r\n\r\n");
    if (key == std::string_view::npos || end == std::string_view::npos) throw std::runtime_error("not a handshake");
    connection.upgraded = true;
    constexpr std::size_t kKeyBytes = 24;
    send(connection,
         websocket::switching_protocols(websocket::accept_key(request.substr(key + kKey.size(), kKeyBytes))));
    return end + 4;
  }

  // Whole frames, masked, of at most 64 KiB; keeps what is cut.
  void take(Connection& connection, char* bytes, std::size_t size) {
    while (size >= 8) {
      const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
      const bool is_long = byte(1) == (0x80 | 126);
      const std::size_t header = is_long ? 8 : 6;
      const std::size_t payload = is_long ? static_cast<std::size_t>(byte(2) << 8 | byte(3)) : byte(1) & 0x7f;
      if (size < header + payload) break;
      char* const text = bytes + header;
      websocket::apply_mask({text, payload}, mask_key(text - sizeof(websocket::MaskKey)));
      if ((byte(0) & 0x0f) == static_cast<unsigned char>(websocket::Opcode::kText))
        on_text(connection, {text, payload});
      bytes += header + payload;
      size -= header + payload;
    }
    connection.cut.assign(bytes, size);
  }

  static websocket::MaskKey mask_key(const char* bytes) {
    websocket::MaskKey key = 0;
    std::memcpy(&key, bytes, sizeof key);
    return key;
  }

  void on_text(Connection& connection, std::string_view text) {
    const std::string_view to = value_of(text, R"("to":")");
    if (to.empty()) {  // register
      by_user_[std::string(value_of(text, R"("from":")"))].push_back(&connection);
      send_frame(connection, R"({"type":"registered"})");
      return;
    }
    const auto entry = by_user_.find(to);
    if (entry == by_user_.end()) return;
    const std::size_t begin = bytes_.size();
    websocket::append_text(bytes_, text);
    for (Connection* recipient : entry->second) attach(*recipient, {.offset = begin, .size = bytes_.size() - begin});
    if (ack_after_.count() < 0) return;
    std::string ack = R"({"type":"ack","id":")";
    ack.append(value_of(text, R"("id":")")).append(R"(","to":")").append(to).append(R"(","at":1732400000000007})");
    acks_.push_back({.due = Clock::now() + ack_after_, .sender = &connection, .frame = std::move(ack)});
  }

  void send_acks() {
    if (acks_.empty()) return;
    for (const auto now = Clock::now(); !acks_.empty() && acks_.front().due <= now; acks_.pop_front()) {
      send_frame(*acks_.front().sender, acks_.front().frame);
    }
  }

  void send_frame(Connection& connection, std::string_view text) {
    std::string frame;
    websocket::append_text(frame, text);
    send(connection, frame);
  }

  void send(Connection& connection, std::string_view bytes) {
    attach(connection, {.offset = bytes_.size(), .size = bytes.size()});
    bytes_.append(bytes);
  }

  void attach(Connection& connection, Piece piece) {
    if (connection.out.empty()) {
      dirty_.push_back(&connection);
    } else if (Piece& last = connection.out.back(); last.offset + last.size == piece.offset) {
      last.size += piece.size;
      return;
    }
    connection.out.push_back(piece);
  }

  void flush(Connection& connection) {
    std::size_t size = 0;
    vectors_.clear();
    for (const Piece& piece : connection.out) {
      vectors_.push_back({.iov_base = bytes_.data() + piece.offset, .iov_len = piece.size});
      size += piece.size;
    }
    connection.out.clear();
    if (connection.fd < 0) return;
    msghdr message{};
    message.msg_iov = vectors_.data();
    message.msg_iovlen = vectors_.size();
    const ssize_t put = vectors_.size() == 1 ? ::send(connection.fd, vectors_[0].iov_base, size, MSG_NOSIGNAL)
                                             : ::sendmsg(connection.fd, &message, MSG_NOSIGNAL);
    if (put < 0 && (errno == EPIPE || errno == ECONNRESET)) return end(connection);
    if (put != static_cast<ssize_t>(size)) throw std::runtime_error("a client does not read");
  }

  // The object stays: it is small, and a run is short.
  void end(Connection& connection) {
    ::close(connection.fd);
    connection.fd = -1;
    for (auto& [user, connections] : by_user_) std::erase(connections, &connection);
  }

  const int epoll_;
  const int listener_;
  const std::chrono::milliseconds ack_after_;
  std::vector<epoll_event> events_ = std::vector<epoll_event>(kEventsPerTurn);
  std::vector<char> in_ = std::vector<char>(kReadBytes);
  std::string bytes_;  // what goes out at the end of this turn
  std::vector<iovec> vectors_;
  std::vector<Connection*> dirty_;
  std::deque<Ack> acks_;  // earliest first
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unordered_map<std::string, std::vector<Connection*>, NameHash, std::equal_to<>> by_user_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The least that a relay can do", "bare-relay");
  std::uint16_t port = 0;
  std::int64_t ack_after_ms = -1;
  app.add_option("port", port, "WebSocket port on 127.0.0.1")->required();
  app.add_option("--ack-after-ms", ack_after_ms, "acks each frame so much later; negative: not at all")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  try {
    Relay(port, std::chrono::milliseconds(ack_after_ms)).run();
  } catch (const std::exception& error) {
    std::cerr << "bare-relay: " << error.what() << '\n';
    return 1;
  }
}
