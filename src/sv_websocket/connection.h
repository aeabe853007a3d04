// One WebSocket connection after its upgrade: socket, codec and outbox. Knows frames, not chat.
//
// Lives on its reactor, owned by whoever made it. Nothing is sent at once: send_*() append to the outbox, and the
// transport writes at the end of the turn. The end is reported exactly once, by on_closed() at the end of a turn, after
// which the owner destroys it; until then every call is allowed and does nothing more. Where the listener speaks TLS,
// all bytes pass through its stream; the outbox holds plaintext.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "chat/limits.h"
#include "chat/relay.h"
#include "runtime/poller.h"
#include "runtime/tls_stream.h"
#include "sv_websocket/rate_limit.h"
#include "websocket/decoder.h"

namespace simplechat::sv_websocket {

class Transport;

// Views are valid during the call only.
class ConnectionHandler {
 public:
  virtual void on_text(std::string_view text) = 0;
  virtual void on_binary(std::string_view bytes) = 0;
  virtual void on_pong() = 0;
  // Whether to answer it.
  virtual bool on_ping() { return true; }
  // The connection is over. May destroy the connection.
  virtual void on_closed() = 0;

 protected:
  ~ConnectionHandler() = default;
};

// Why a connection is not read from. It is read from again when no reason is left.
enum class Pause : std::uint8_t {
  registration = 1,  // one is under way
  queue = 2,         // too much waits for it
  approvals = 4,     // too many of its messages wait for the application's word
  drain = 8,         // it is being sent away
};

struct ConnectionLimits {
  std::size_t message_bytes_max = chat::limits::kClientFrameBytesMax;  // one message from the peer; beyond: close 1009
  std::size_t outbox_bytes_max =
      chat::limits::kOutboxBytesMax;  // unsent bytes; ephemeral frames are dropped at half of it; beyond: close 4008
};

class Connection final : private runtime::Poller::Handler, private websocket::DecoderEvents {
 public:
  // Takes the descriptor of a connected, non-blocking socket, and what speaks TLS over it, if it does.
  Connection(Transport& transport, int fd, std::unique_ptr<runtime::TlsStream> tls, ConnectionHandler& handler,
             ConnectionLimits limits);
  virtual ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends `response` (the 101 answer) as it is and starts reading; `early` is what the peer sent behind its request.
  void start(std::string_view response, std::string early);

  void send_text(std::string_view text, chat::FrameClass frame_class = chat::FrameClass::message);
  // An answer that the peer asked for, of any size: one that is larger than the outbox may be goes out all the same, if
  // little waits before it. False if much does: then nothing is sent.
  [[nodiscard]] bool send_answer(std::string_view text);
  void send_binary(std::string_view bytes);
  void send_ping();

  // Starts the closing handshake; what was sent before still goes out. `reason` is cut to what a close frame holds.
  void close(std::uint16_t code, std::string_view reason);

  // Backpressure on the peer: while paused nothing is read from the socket.
  void pause_reading(Pause reason);
  void resume_reading(Pause reason);

  // The same for a time, and beside it.
  void slow_down(std::uint32_t wait_ms);
  [[nodiscard]] bool slowed() const { return slowed_; }
  // The other end as the system knows it, e.g. 10.0.0.7:51234, and without its port; empty once it is gone. A system
  // call.
  [[nodiscard]] std::string peer_address() const;
  [[nodiscard]] std::string peer_host() const;
  [[nodiscard]] bool open() const { return state_ == State::open; }
  [[nodiscard]] std::size_t outbox_bytes() const { return outbox_.size() - sent_; }

 private:
  friend class Transport;

  enum class State : std::uint8_t {
    open,
    closing,    // our close frame is queued or sent; waiting for the peer's
    lingering,  // both close frames passed or the peer failed the protocol: flush, then wait for the peer to end the
                // TCP connection
    dead,       // to be reported at the end of the turn
  };
  static constexpr std::chrono::seconds kCloseDeadline{5};
  static constexpr std::uint32_t kSlowAfterMs = 1000;

  // websocket::DecoderEvents
  void on_text(std::string_view message) override;
  void on_binary(std::string_view message) override;
  void on_ping(std::string_view payload) override;
  void on_pong(std::string_view payload) override;
  void on_close(std::uint16_t code, std::string_view reason) override;

  void on_ready(runtime::Poller::Ready ready) override;

  void read();
  void decrypt(std::span<const char> received);
  void charge(std::size_t bytes);
  void resume_from_slow();
  // Tell the transport what this connection holds, and end it if that is too much.
  void count_unsent();
  void count_gathered();
  void end_for_want_of_memory();
  void feed(std::span<char> bytes);
  // An outbox that may be appended to, borrowed if there was none.
  std::string& outbox();
  [[nodiscard]] bool admit(std::size_t bytes, chat::FrameClass frame_class);
  void queued();
  void flush();
  [[nodiscard]] ssize_t put(std::string_view bytes);
  void begin_close(State next);
  void update_interest();
  void die();
  // Called by the transport when everything of the turn is done. May destroy *this.
  void end_turn();

  Transport& transport_;
  ConnectionHandler& handler_;
  websocket::Decoder decoder_;
  std::string outbox_;
  std::size_t sent_ = 0;  // bytes of outbox_ that the kernel has
  std::size_t outbox_bytes_max_;
  RateBucket bytes_read_;
  std::chrono::steady_clock::time_point close_deadline_{};
  std::unique_ptr<runtime::TlsStream> tls_;
  int fd_;
  std::uint32_t unsent_bytes_ = 0;  // as the transport knows
  std::uint32_t unsent_since_ms_ = 0;
  std::uint32_t gathered_bytes_ = 0;  // as the transport knows
  State state_ = State::open;
  bool dirty_ = false;
  std::uint8_t pauses_ = 0;  // a bit for each reason
  bool slowed_ = false;      // is in the transport's list
  bool want_write_ = false;
  bool half_closed_ = false;  // we have ended our direction
  runtime::Poller::Interest interest_{};
};

}  // namespace simplechat::sv_websocket
