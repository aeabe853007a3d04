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
  RateLimit bytes{};                  // that are read from one connection; beyond: it is read from more slowly
  std::size_t buffers_bytes_max = 0;  // of all connections: what waits to be sent and what is half received; 0: no
                                      // limit. Beyond: those that hold the most are closed with 4008
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
  void forget_slowed(const Connection& connection);
  void forget(Connection& connection);
  // A connection held `before` bytes in its buffers and holds `now` of them. True if that is too much of all.
  [[nodiscard]] bool rebook(std::size_t before, std::size_t now);
  void limited(Limit limit) {
    if (limits_.limited) limits_.limited(limit);
  }
  [[nodiscard]] std::string take_buffer();
  // What is decrypted goes here, a record at a time. Made at its first use.
  [[nodiscard]] std::span<char> plaintext_buffer();
  void give_back(std::string&& buffer);

  void on_turn_end() override;

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
  std::size_t buffers_bytes_ = 0;  // held by connections
  std::size_t holders_ = 0;        // connections that hold any
};

}  // namespace simplechat::sv_websocket
