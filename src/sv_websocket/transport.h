// What the WebSocket connections of one reactor share: the poller, one read buffer, spare write buffers, and the end of
// the turn, at which everything that was queued on any connection leaves, one system call a connection.
//
// Because reading happens into the shared buffer and a write buffer is only borrowed while bytes wait, an idle
// connection holds neither. Lives on its reactor; outlives its connections.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "runtime/poller.h"
#include "runtime/reactor.h"
#include "runtime/turn_end.h"

namespace simplechat::sv_websocket {

class Connection;

class Transport final : private runtime::TurnEnd::Hook {
 public:
  explicit Transport(runtime::Reactor& reactor) : poller_(reactor), turn_end_(reactor) {}
  virtual ~Transport() = default;

  [[nodiscard]] runtime::TurnEnd& turn_end() { return turn_end_; }

  // Drops connections whose closing handshake the peer did not finish in time. Called about once a second.
  void sweep(std::chrono::steady_clock::time_point now);

 private:
  friend class Connection;

  static constexpr std::size_t kReadBufferBytes = 64UL * 1024;
  static constexpr std::size_t kPlaintextBytes = 16UL * 1024;  // the longest record's (RFC 8446 section 5.1)
  static constexpr std::size_t kSpareBuffersMax = 1024;
  static constexpr std::size_t kSpareBufferBytesMax = 64UL * 1024;  // larger ones are freed

  void flush_later(Connection& connection);
  void closing(Connection& connection) { closing_.push_back(&connection); }
  void forget(Connection& connection);
  [[nodiscard]] std::string take_buffer();
  // What is decrypted goes here, a record at a time. Made at its first use.
  [[nodiscard]] std::span<char> plaintext_buffer();
  void give_back(std::string&& buffer);

  void on_turn_end() override;

  runtime::Poller poller_;
  runtime::TurnEnd turn_end_;
  std::array<char, kReadBufferBytes> read_buffer_;
  std::vector<char> plaintext_buffer_;
  std::vector<std::string> spare_buffers_;
  std::vector<Connection*> dirty_;    // have bytes to send or an end to report at the end of this turn
  std::vector<Connection*> closing_;  // have a close deadline
};

}  // namespace simplechat::sv_websocket
