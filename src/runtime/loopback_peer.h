// For tests: a blocking end of a TCP connection on the loopback interface that sends and reads raw bytes, so that a
// test decides about every one of them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace simplechat::runtime {

class LoopbackPeer {
 public:
  struct Message {
    std::string header;  // with the first line, without the empty one
    std::string body;

    [[nodiscard]] int status() const { return std::stoi(header.substr(header.find(' ') + 1)); }
  };

  // Not connected yet.
  LoopbackPeer() : LoopbackPeer(Descriptor{::socket(AF_INET, SOCK_STREAM, 0)}) {}
  explicit LoopbackPeer(std::uint16_t port) : LoopbackPeer() { connect(port); }
  LoopbackPeer(LoopbackPeer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), unread_(std::move(other.unread_)) {}
  LoopbackPeer& operator=(LoopbackPeer&&) = delete;
  ~LoopbackPeer() { close(); }

  void connect(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect to the server under test");
    }
  }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  // How long a read waits before it reports silence; far longer than any correct server needs.
  void give_up_after(int milliseconds) {
    const timeval timeout{milliseconds / 1000, (milliseconds % 1000) * 1000L};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  }

  // Returns false if the other side has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // nullopt: closed before a whole answer came. `head`: it answers HEAD, so no body follows.
  std::optional<Message> read_answer(bool head = false) {
    std::size_t end = std::string::npos;
    while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return std::nullopt;
    }
    Message answer{take(end + 4), {}};
    answer.header.resize(end);
    const std::size_t length = head ? 0 : content_length(answer.header);
    while (unread_.size() < length) {
      if (!read_more()) return std::nullopt;
    }
    answer.body = take(length);
    return answer;
  }

  std::optional<Message> read_request() { return read_answer(); }

  // Exactly that many bytes, fewer if the other side closed before.
  std::string read_bytes(std::size_t count) {
    while (unread_.size() < count && read_more()) continue;
    return take(std::min(count, unread_.size()));
  }

  // Whether the other side closes without sending anything more.
  bool read_closed() { return unread_.empty() && !read_more() && !silent_; }
  // Whether the last read ended because nothing came.
  [[nodiscard]] bool silent() const { return silent_; }

 private:
  friend class LoopbackListener;

  struct Descriptor {
    int fd;
  };
  explicit LoopbackPeer(Descriptor descriptor) : fd_(descriptor.fd) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    give_up_after(30'000);
  }

  static std::size_t content_length(std::string_view header) {
    constexpr std::string_view kName = "Content-Length: ";
    const std::size_t at = header.find(kName);
    if (at == std::string_view::npos) return 0;
    std::size_t length = 0;
    std::from_chars(header.data() + at + kName.size(), header.data() + header.size(), length);
    return length;
  }

  bool read_more() {
    char bytes[4096];
    const ssize_t received = ::recv(fd_, bytes, sizeof bytes, 0);
    silent_ = received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (received <= 0) return false;
    unread_.append(bytes, static_cast<std::size_t>(received));
    return true;
  }

  std::string take(std::size_t count) {
    std::string taken = unread_.substr(0, count);
    unread_.erase(0, count);
    return taken;
  }

  int fd_;
  std::string unread_;
  bool silent_ = false;
};

// A listener whose connections the test serves itself.
class LoopbackListener {
 public:
  LoopbackListener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd_, SOMAXCONN) != 0) {
      throw std::runtime_error("cannot listen on the loopback interface");
    }
    const timeval timeout{30, 0};  // also bounds accept()
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  }
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;
  ~LoopbackListener() { ::close(fd_); }

  [[nodiscard]] std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

  [[nodiscard]] LoopbackPeer accept() const {
    const int fd = ::accept(fd_, nullptr, nullptr);
    if (fd < 0) throw std::runtime_error("nobody connected");
    return LoopbackPeer(LoopbackPeer::Descriptor{fd});
  }

  // Whether a connection waits to be accepted.
  [[nodiscard]] bool has_waiting() const {
    pollfd poll{fd_, POLLIN, 0};
    return ::poll(&poll, 1, 0) > 0;
  }

 private:
  int fd_;
};

}  // namespace simplechat::runtime
