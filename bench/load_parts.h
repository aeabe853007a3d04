// What the load programs share: time, sockets to the gateways, the opening handshake, and latencies.
//
// A load program is one thread on one epoll set; nothing here is thread-safe.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>

#include "websocket/client_codec.h"

namespace simplechat::bench {

// Of the monotonic clock, which all processes of a machine share: a receiver may subtract a sender's.
inline std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Any key will do: nothing stands between a load program and its gateways that masking would protect.
inline constexpr websocket::MaskKey kMaskKey = 0x12345678;

inline std::string opening_request() {
  return websocket::upgrade_request("127.0.0.1", "/", "dGhlIHNhbXBsZSBub25jZQ==");
}

// Bytes of the answer to the opening request at the front of `bytes`, 0 if it is not the acceptance or not all there.
inline std::size_t acceptance_bytes(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  return bytes.starts_with("HTTP/1.1 101") && end != std::string_view::npos ? end + 4 : 0;
}

// The number behind `key` in a frame of the gateway, which writes its members without spaces; 0 if there is none.
inline std::int64_t number_behind(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  std::int64_t number = 0;
  if (at != std::string_view::npos) std::from_chars(text.data() + at + key.size(), text.data() + text.size(), number);
  return number;
}

// A socket that connects to 127.0.0.1:`port` from `source`, an address of 127.0.0.0/8 in host byte order; -1 with errno
// set. `flags`: 0, or SOCK_NONBLOCK, when the outcome shows in the socket's first readiness.
inline int open_socket(std::uint16_t port, std::uint32_t source, int flags) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0) return fd;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // The port is chosen at connect(), so that connections to different gateways may share one.
  ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(source);
  bool opened = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  opened = opened &&
           (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EINPROGRESS);
  if (opened) return fd;
  const int failure = errno;
  ::close(fd);
  errno = failure;
  return -1;
}

// Durations in microseconds, counted in classes that are at most 1/32 wide: what a percentile of it is wrong by.
class Latencies {
 public:
  void add(std::int64_t us) { ++counts_[class_of(us < 0 ? 0 : static_cast<std::uint64_t>(us))]; }
  void clear() { counts_.fill(0); }

  // Upper bound of the class that the value at `percent` falls into; 0 if there is none.
  [[nodiscard]] std::uint64_t percentile(double percent) const {
    const auto total = std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
    double before = static_cast<double>(total) * percent / 100;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      before -= static_cast<double>(counts_[i]);
      if (counts_[i] > 0 && before <= 0) return upper_bound_us(i);
    }
    return 0;
  }

  // [[upper bound in microseconds, count], ...], so that those of several processes can be added up.
  [[nodiscard]] std::string json() const {
    std::string out = "[";
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] == 0) continue;
      if (out.size() > 1) out += ',';
      out += '[' + std::to_string(upper_bound_us(i)) + ',' + std::to_string(counts_[i]) + ']';
    }
    return out + ']';
  }

 private:
  static constexpr unsigned kBits = 5;
  static constexpr std::uint64_t kParts = 1U << kBits;  // of each power of two
  static constexpr std::size_t kClasses = kParts * 32;  // up to 2^36 us, 19 hours

  static std::size_t class_of(std::uint64_t us) {
    if (us < kParts) return us;
    const auto shift = static_cast<unsigned>(std::bit_width(us)) - kBits - 1;
    const std::size_t index = (shift + 1) * kParts + ((us >> shift) - kParts);
    return index < kClasses ? index : kClasses - 1;
  }
  static std::uint64_t upper_bound_us(std::size_t index) {
    if (index < kParts) return index;
    const std::size_t shift = index / kParts - 1;
    return ((kParts + index % kParts + 1) << shift) - 1;
  }

  std::array<std::uint64_t, kClasses> counts_{};
};

}  // namespace simplechat::bench
