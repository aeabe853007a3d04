#include "sv_websocket/connection.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "sv_websocket/transport.h"
#include "websocket/close_code.h"
#include "websocket/encoder.h"
#include "wire/close_code.h"

namespace simplechat::sv_websocket {
namespace {

constexpr std::size_t kCompactBytes =
    64UL * 1024;  // sent bytes that are dropped from the front of an outbox that goes on growing

struct Peer {
  std::string host;  // empty: there is none
  std::string port;
};

Peer peer_of(int fd) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getpeername(fd, generic, &bytes) != 0 || ::getnameinfo(generic, bytes, host.data(), host.size(), port.data(),
                                                               port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  return {.host = host.data(), .port = port.data()};
}

}  // namespace

Connection::Connection(Transport& transport, int fd, std::unique_ptr<runtime::TlsStream> tls,
                       ConnectionHandler& handler, ConnectionLimits limits)
    : transport_(transport),
      handler_(handler),
      decoder_(websocket::DecoderLimits{.message_bytes_max = limits.message_bytes_max}),
      outbox_bytes_max_(limits.outbox_bytes_max),
      tls_(std::move(tls)),
      fd_(fd) {}

Connection::~Connection() {
  transport_.forget(*this);
  transport_.unsent_.change(unsent_bytes_, 0);
  transport_.gathered_.change(gathered_bytes_, 0);
  if (fd_ >= 0) {
    transport_.poller_.remove(fd_, *this);
    ::close(fd_);
  }
  if (outbox_.capacity() > 0) transport_.give_back(std::move(outbox_));
}

void Connection::start(std::string_view response, std::string early) {
  if (!transport_.poller_.add(fd_, *this, interest_)) {
    die();
    return;
  }
  outbox().append(response);
  queued();
  if (!early.empty()) feed(early);
}

void Connection::send_text(std::string_view text, chat::FrameClass frame_class) {
  if (state_ != State::open || !admit(text.size(), frame_class)) return;
  websocket::append_text(outbox(), text);
  queued();
}

bool Connection::send_answer(std::string_view text) {
  if (state_ != State::open) return true;
  if (outbox_bytes() > outbox_bytes_max_ / 2) return false;
  websocket::append_text(outbox(), text);
  queued();
  return true;
}

void Connection::send_binary(std::string_view bytes) {
  if (state_ != State::open || !admit(bytes.size(), chat::FrameClass::message)) return;
  websocket::append_binary(outbox(), bytes);
  queued();
}

void Connection::send_ping() {
  if (state_ != State::open) return;
  websocket::append_ping(outbox(), {});
  queued();
}

void Connection::close(std::uint16_t code, std::string_view reason) {
  if (state_ != State::open) return;
  websocket::append_close(outbox(), code, reason);
  begin_close(State::closing);
}

std::string Connection::peer_address() const {
  const Peer peer = peer_of(fd_);
  if (peer.host.empty()) return {};
  const bool is_v6 = peer.host.contains(':');
  return (is_v6 ? "[" : "") + peer.host + (is_v6 ? "]:" : ":") + peer.port;
}

std::string Connection::peer_host() const { return peer_of(fd_).host; }

void Connection::pause_reading(Pause reason) {
  pauses_ |= static_cast<std::uint8_t>(reason);
  update_interest();
}

void Connection::resume_reading(Pause reason) {
  pauses_ &= static_cast<std::uint8_t>(~static_cast<unsigned>(reason));
  update_interest();
}

void Connection::slow_down(std::uint32_t wait_ms) {
  if (slowed_ || state_ == State::dead) return;
  slowed_ = true;
  transport_.slowed(*this, transport_.clock().now_ms() + wait_ms);
  update_interest();
}

void Connection::resume_from_slow() {
  slowed_ = false;
  update_interest();
}

bool Connection::admit(std::size_t bytes, chat::FrameClass frame_class) {
  const std::size_t would_wait = outbox_bytes() + bytes;
  if (frame_class == chat::FrameClass::ephemeral) return would_wait <= outbox_bytes_max_ / 2;
  if (would_wait <= outbox_bytes_max_) return true;
  transport_.limited(Limit::outbox);
  close(wire::kCloseSlowConsumer, "slow consumer");
  return false;
}

void Connection::on_text(std::string_view message) {
  if (state_ == State::open) handler_.on_text(message);
}

void Connection::on_binary(std::string_view message) {
  if (state_ == State::open) handler_.on_binary(message);
}

void Connection::on_ping(std::string_view payload) {
  if (state_ != State::open || !handler_.on_ping() || !admit(payload.size(), chat::FrameClass::ephemeral)) return;
  websocket::append_pong(outbox(), payload);
  queued();
}

void Connection::on_pong(std::string_view /*payload*/) {
  if (state_ == State::open) handler_.on_pong();
}

void Connection::on_close(std::uint16_t code, std::string_view /*reason*/) {
  if (state_ == State::open) {
    // RFC 6455 5.5.1: answer with the status that came.
    const auto normal = static_cast<std::uint16_t>(websocket::CloseCode::kNormal);
    websocket::append_close(outbox(), code == websocket::kNoStatusReceived ? normal : code, {});
  }
  begin_close(State::lingering);
}

void Connection::on_ready(runtime::Poller::Ready ready) {
  if (ready.writable) flush();
  if (state_ == State::dead) return;
  if (pauses_ != 0 || slowed()) {
    if (ready.broken) die();
  } else if (ready.readable || ready.broken) {
    read();
  }
}

void Connection::read() {
  const ssize_t got = ::recv(fd_, transport_.read_buffer_.data(), transport_.read_buffer_.size(), MSG_DONTWAIT);
  if (got > 0) {
    const std::span bytes(transport_.read_buffer_.data(), static_cast<std::size_t>(got));
    charge(bytes.size());
    tls_ ? decrypt(bytes) : feed(bytes);
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    die();
  }
}

// All of it: what stays with TLS is less than a record, of which the poller will tell the rest.
void Connection::decrypt(std::span<const char> received) {
  for (;;) {
    const ssize_t got = tls_->decrypt(received, transport_.plaintext_buffer());
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      die();
      return;
    }
    feed({transport_.plaintext_buffer().data(), static_cast<std::size_t>(got)});
    if (state_ == State::dead) return;
  }
  if (tls_->unsent()) queued();  // its answer to what the peer asked of it
}

// What clients send beyond their rate waits in their own buffers and the kernel's.
void Connection::charge(std::size_t bytes) {
  const std::uint32_t wait_ms =
      bytes_read_.charge(transport_.limits_.bytes, static_cast<std::uint32_t>(bytes), transport_.clock().now_ms());
  if (wait_ms == 0) return;
  transport_.limited(Limit::bytes);
  slow_down(wait_ms);
}

void Connection::count_unsent() {
  const std::size_t held = want_write_ ? outbox_.capacity() : 0;
  if (held == unsent_bytes_) return;
  const std::uint32_t now_ms = transport_.clock().now_ms();
  if (unsent_bytes_ == 0) unsent_since_ms_ = now_ms;
  const bool grown = held > unsent_bytes_;
  transport_.unsent_.change(std::exchange(unsent_bytes_, static_cast<std::uint32_t>(held)), held);
  // Who has just been sent a lot is not slow yet.
  const bool slow = TurnClock::elapsed_ms(unsent_since_ms_, now_ms) >= kSlowAfterMs;
  if (grown && (transport_.unsent_.is_too_much(held) || (slow && transport_.unsent_.is_nearly_too_much(held)))) {
    end_for_want_of_memory();
  }
}

void Connection::count_gathered() {
  const std::size_t held = decoder_.gathered_bytes();
  if (held == gathered_bytes_) return;
  const bool grown = held > gathered_bytes_;
  transport_.gathered_.change(std::exchange(gathered_bytes_, static_cast<std::uint32_t>(held)), held);
  if (grown && transport_.gathered_.is_too_much(held)) end_for_want_of_memory();
}

// At once, since a closing handshake would keep what is too much. Behind bytes that the peer does not read a close
// frame would not reach it either.
void Connection::end_for_want_of_memory() {
  if (state_ == State::dead) return;
  transport_.limited(Limit::buffers);
  if (state_ == State::open && !want_write_) {
    websocket::append_close(outbox(), wire::kCloseSlowConsumer, "too much waits on this gateway's connections");
    flush();
  }
  die();
}

void Connection::feed(std::span<char> bytes) {
  if (state_ == State::lingering || state_ == State::dead) return;
  const auto failure = decoder_.feed(bytes, *this);
  if (!decoder_.idle() || gathered_bytes_ != 0) count_gathered();
  if (!failure) return;
  if (state_ == State::open) websocket::append_close(outbox(), failure->code, failure->reason);
  begin_close(State::lingering);
}

std::string& Connection::outbox() {
  if (outbox_.capacity() <= std::string{}.capacity()) outbox_ = transport_.take_buffer();
  return outbox_;
}

void Connection::queued() { transport_.flush_later(*this); }

void Connection::begin_close(State next) {
  if (state_ == State::dead) return;
  if (state_ == State::open) {
    close_deadline_ = std::chrono::steady_clock::now() + kCloseDeadline;
    transport_.closing(*this);
  }
  state_ = next;
  pauses_ = 0;  // the peer's close frame, or its end, must be seen
  update_interest();
  queued();
}

ssize_t Connection::put(std::string_view bytes) {
  return tls_ ? tls_->send(bytes) : ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Connection::flush() {
  while (sent_ < outbox_.size() || (tls_ && tls_->unsent())) {
    const ssize_t taken = put(std::string_view(outbox_).substr(sent_));
    if (taken < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) {
        die();
        return;
      }
      want_write_ = true;
      if (sent_ >= kCompactBytes) {
        outbox_.erase(0, sent_);
        sent_ = 0;
      }
      update_interest();
      return;
    }
    sent_ += static_cast<std::size_t>(taken);
  }
  sent_ = 0;
  outbox_.clear();
  if (outbox_.capacity() > std::string{}.capacity()) transport_.give_back(std::exchange(outbox_, {}));
  want_write_ = false;
  update_interest();
  if (state_ == State::lingering && !half_closed_) {
    // RFC 6455 7.1.1: end our direction first and let the peer's end come, so that our close frame is not lost to a
    // reset.
    half_closed_ = true;
    if (tls_) tls_->end_sending();
    ::shutdown(fd_, SHUT_WR);
  }
}

void Connection::update_interest() {
  const runtime::Poller::Interest wanted{.readable = pauses_ == 0 && !slowed_, .writable = want_write_};
  if (state_ == State::dead || (wanted.readable == interest_.readable && wanted.writable == interest_.writable)) return;
  interest_ = wanted;
  transport_.poller_.change(fd_, *this, interest_);
}

void Connection::die() {
  if (state_ == State::dead) return;
  state_ = State::dead;
  decoder_.stop();
  transport_.poller_.remove(fd_, *this);
  queued();
}

void Connection::end_turn() {
  dirty_ = false;
  if (state_ != State::dead && !want_write_) flush();
  if (want_write_ || unsent_bytes_ != 0) count_unsent();
  if (state_ == State::dead) handler_.on_closed();
}

}  // namespace simplechat::sv_websocket
