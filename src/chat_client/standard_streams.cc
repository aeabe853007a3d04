#include "chat_client/standard_streams.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace simplechat::chat_client {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kReadBytes = std::size_t{16} * 1024;
// A pipe that is writable takes so many bytes without waiting (pipe(7), PIPE_BUF).
constexpr std::size_t kWriteBytes = 4096;

// Another number for the same file, so that the loop can own it. A closed one is read and written as /dev/null would
// be.
int duplicate(int descriptor) {
  const int copy = ::dup(descriptor);
  if (copy < 0) throw std::runtime_error("stdin or stdout is closed");
  return copy;
}

}  // namespace

StandardInput::StandardInput(asio::io_context& loop, std::function<void(std::string_view)> on_bytes)
    : loop_(loop), descriptor_(loop, duplicate(STDIN_FILENO)), on_bytes_(std::move(on_bytes)) {}

void StandardInput::want(bool wanted) {
  wanted_ = wanted;
  if (wanted_ && !waiting_ && !ended_) wait();
}

void StandardInput::wait() {
  waiting_ = true;
  if (always_ready_) {
    asio::post(loop_, [this] { ready(); });
    return;
  }
  descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error == asio::error::operation_aborted) return;
    if (error) always_ready_ = true;  // a file or /dev/null: the loop cannot wait for it, and need not
    ready();
  });
}

void StandardInput::ready() {
  waiting_ = false;
  if (!wanted_ || ended_) return;
  std::array<char, kReadBytes> bytes;
  const ssize_t count = ::read(descriptor_.native_handle(), bytes.data(), bytes.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return wait();
  if (count <= 0) {
    ended_ = true;
    return on_bytes_({});
  }
  on_bytes_({bytes.data(), static_cast<std::size_t>(count)});
  if (wanted_ && !waiting_) wait();
}

StandardOutput::StandardOutput(asio::io_context& loop, std::function<void()> on_change)
    : loop_(loop), descriptor_(loop, duplicate(STDOUT_FILENO)), on_change_(std::move(on_change)) {
  watch_reader();
}

// A pipe whose reader is gone says so, even if nothing is written.
void StandardOutput::watch_reader() {
  struct stat status{};
  if (::fstat(descriptor_.native_handle(), &status) != 0 || !S_ISFIFO(status.st_mode)) return;
  descriptor_.async_wait(asio::posix::stream_descriptor::wait_error, [this](const boost::system::error_code& error) {
    if (!error) broke();
  });
}

void StandardOutput::write(std::string_view bytes) {
  if (is_broken_ || bytes.empty()) return;
  unwritten_.append(bytes);
  if (!waiting_) pump();
}

void StandardOutput::pump() {
  std::size_t written = 0;
  while (written < unwritten_.size()) {
    pollfd ready{.fd = descriptor_.native_handle(), .events = POLLOUT, .revents = 0};
    if (!always_ready_ && ::poll(&ready, 1, 0) == 0) break;
    const std::size_t bytes = std::min(kWriteBytes, unwritten_.size() - written);
    const ssize_t count = ::write(descriptor_.native_handle(), unwritten_.data() + written, bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return broke();
    written += static_cast<std::size_t>(count);
  }
  unwritten_.erase(0, written);
  if (!unwritten_.empty()) wait();
}

void StandardOutput::wait() {
  waiting_ = true;
  descriptor_.async_wait(asio::posix::stream_descriptor::wait_write, [this](const boost::system::error_code& error) {
    waiting_ = false;
    if (error == asio::error::operation_aborted) return;
    if (error) always_ready_ = true;
    pump();
    on_change_();
  });
}

void StandardOutput::broke() {
  if (std::exchange(is_broken_, true)) return;
  unwritten_.clear();
  asio::post(loop_, on_change_);
}

}  // namespace simplechat::chat_client
