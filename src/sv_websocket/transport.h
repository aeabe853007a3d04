// What the WebSocket connections of one reactor share: the poller, one read buffer, spare write buffers, and the end of
// the turn, at which everything that was queued on any connection leaves, one system call a connection.
//
// Because reading happens into the shared buffer and a write buffer is only borrowed while bytes wait, an idle
// connection holds neither. Lives on its reactor; outlives its connections.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/poller.h"
#include "runtime/reactor.h"
#include "runtime/turn_end.h"
#include "sv_websocket/limits.h"
#include "sv_websocket/turn_clock.h"

namespace simplechat::sv_websocket {

class Connection;

// What the connections of one reactor keep to together.
struct TransportLimits {
  RateLimit bytes{};  // that are read from one connection; beyond: it is read from more slowly
  // Of all connections: three quarters for what waits to be sent, a quarter for what is half received. 0: no limit.
  // Beyond: connections that hold at least as much as all do on average are closed with 4008.
  std::size_t buffers_bytes_max = 0;
  std::function<void(Limit)> limited{};
};

class Transport final : private runtime::TurnEnd::Hook {
 public:
  explicit Transport(runtime::Reactor& reactor, TransportLimits limits = {})
      : limits_(std::move(limits)), poller_(reactor), turn_end_(reactor) {}
  virtual ~Transport() = default;

  [[nodiscard]] runtime::TurnEnd& turn_end() { return turn_end_; }
  [[nodiscard]] TurnClock& clock() { return clock_; }

  // Drops connections whose closing handshake the peer did not finish in time. Called about once a second.
  void sweep(std::chrono::steady_clock::time_point now);
  // Reads again from connections that were slowed down for long enough. Called some times a second.
  void resume_slowed();

 private:
  friend class Connection;

  static constexpr std::size_t kReadBufferBytes = 64UL * 1024;
  static constexpr std::size_t kPlaintextBytes = 16UL * 1024;  // the longest record's (RFC 8446 section 5.1)
  static constexpr std::size_t kSpareBuffersMax = 1024;
  static constexpr std::size_t kSpareBufferBytesMax = 64UL * 1024;  // larger ones are freed

  void flush_later(Connection& connection);
  void closing(Connection& connection) { closing_.push_back(&connection); }
  void slowed(Connection& connection, std::uint32_t until_ms) { slowed_.push_back({&connection, until_ms}); }
  void forget(Connection& connection);
  void limited(Limit limit) {
    if (limits_.limited) limits_.limited(limit);
  }
  [[nodiscard]] std::string take_buffer();
  // What is decrypted goes here, a record at a time. Made at its first use.
  [[nodiscard]] std::span<char> plaintext_buffer();
  void give_back(std::string&& buffer);

  void on_turn_end() override;

  // What all connections hold of one kind.
  class Tally {
   public:
    explicit Tally(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    // A connection held `before` bytes and holds `now`.
    void change(std::size_t before, std::size_t now);
    // All hold more than they may, and this one no less than they do on average.
    [[nodiscard]] bool is_too_much(std::size_t held) const { return is_beyond(bytes_max_, held); }
    // Only a quarter is left.
    [[nodiscard]] bool is_nearly_too_much(std::size_t held) const {
      return is_beyond(bytes_max_ - bytes_max_ / 4, held);
    }

   private:
    [[nodiscard]] bool is_beyond(std::size_t bytes_max, std::size_t held) const {
      return bytes_max_ != 0 && bytes_ > bytes_max && held * holders_ >= bytes_;
    }

    const std::size_t bytes_max_;  // 0: no limit
    std::size_t bytes_ = 0;
    std::size_t holders_ = 0;
  };

  struct Slowed {
    Connection* connection;
    std::uint32_t until_ms;
  };

  const TransportLimits limits_;
  runtime::Poller poller_;
  runtime::TurnEnd turn_end_;
  TurnClock clock_{turn_end_};
  std::array<char, kReadBufferBytes> read_buffer_;
  std::vector<char> plaintext_buffer_;
  std::vector<std::string> spare_buffers_;
  std::vector<Connection*> dirty_;    // have bytes to send or an end to report at the end of this turn
  std::vector<Connection*> closing_;  // have a close deadline
  std::vector<Slowed> slowed_;
  Tally unsent_{limits_.buffers_bytes_max - limits_.buffers_bytes_max / 4};
  Tally gathered_{limits_.buffers_bytes_max / 4};
};

}  // namespace simplechat::sv_websocket
