#include "sv_websocket/transport.h"

#include <algorithm>
#include <utility>

#include "sv_websocket/connection.h"

namespace simplechat::sv_websocket {

void Transport::sweep(std::chrono::steady_clock::time_point now) {
  for (Connection* connection : closing_) {
    if (now >= connection->close_deadline_) connection->die();
  }
}

void Transport::resume_slowed() {
  const std::uint32_t now = clock_.now_ms();
  std::erase_if(slowed_, [now](const Slowed& entry) {
    if (TurnClock::elapsed_ms(entry.until_ms, now) == 0) return false;
    entry.connection->resume_from_slow();
    return true;
  });
}

void Transport::Tally::change(std::size_t before, std::size_t now) {
  bytes_ += now - before;
  holders_ += static_cast<std::size_t>(now > 0) - static_cast<std::size_t>(before > 0);
}

void Transport::flush_later(Connection& connection) {
  if (connection.dirty_) return;
  connection.dirty_ = true;
  dirty_.push_back(&connection);
  turn_end_.schedule(*this);
}

void Transport::forget(Connection& connection) {
  if (connection.dirty_) std::ranges::replace(dirty_, &connection, static_cast<Connection*>(nullptr));
  std::erase(closing_, &connection);
  if (connection.slowed_) {
    std::erase_if(slowed_, [&connection](const Slowed& entry) { return entry.connection == &connection; });
  }
}

std::string Transport::take_buffer() {
  if (spare_buffers_.empty()) {
    std::string buffer;
    buffer.reserve(1024);
    return buffer;
  }
  std::string buffer = std::move(spare_buffers_.back());
  spare_buffers_.pop_back();
  return buffer;
}

std::span<char> Transport::plaintext_buffer() {
  if (plaintext_buffer_.empty()) plaintext_buffer_.resize(kPlaintextBytes);
  return plaintext_buffer_;
}

void Transport::give_back(std::string&& buffer) {
  if (buffer.capacity() > kSpareBufferBytesMax || spare_buffers_.size() >= kSpareBuffersMax) return;
  buffer.clear();
  spare_buffers_.push_back(std::move(buffer));
}

void Transport::on_turn_end() {
  for (std::size_t next = 0; next < dirty_.size(); ++next) {  // dirty_ may grow and lose members meanwhile
    if (dirty_[next] != nullptr) std::exchange(dirty_[next], nullptr)->end_turn();
  }
  dirty_.clear();
}

}  // namespace simplechat::sv_websocket
