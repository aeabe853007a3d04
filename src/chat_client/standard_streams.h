// stdin and stdout on an event loop, whatever they are: a terminal, a pipe, a file. Neither makes the loop wait, and
// neither changes the mode of what other processes share with this one.
//
// Live on one io_context, whose thread calls them and is called back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace simplechat::chat_client {

class StandardInput {
 public:
  // `on_bytes` with what was read; with nothing: the end, and no call follows.
  StandardInput(boost::asio::io_context& loop, std::function<void(std::string_view)> on_bytes);

  // Reads only while it is wanted.
  void want(bool wanted);

 private:
  void wait();
  void ready();

  boost::asio::io_context& loop_;
  boost::asio::posix::stream_descriptor descriptor_;
  std::function<void(std::string_view)> on_bytes_;
  bool wanted_ = false;
  bool waiting_ = false;
  bool ended_ = false;
  bool always_ready_ = false;  // a file: nothing to wait for
};

// Bound: is_full() from kUnwrittenBytesMax on; then whoever writes waits for `on_change`.
class StandardOutput {
 public:
  static constexpr std::size_t kUnwrittenBytesMax = std::size_t{1024} * 1024;

  // `on_change`: less is unwritten than before, or nobody reads any more.
  StandardOutput(boost::asio::io_context& loop, std::function<void()> on_change);

  void write(std::string_view bytes);
  [[nodiscard]] bool is_full() const { return unwritten_.size() >= kUnwrittenBytesMax; }
  [[nodiscard]] bool is_empty() const { return unwritten_.empty(); }
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  void pump();
  void wait();
  void broke();
  void watch_reader();

  boost::asio::io_context& loop_;
  boost::asio::posix::stream_descriptor descriptor_;
  std::function<void()> on_change_;
  std::string unwritten_;
  bool waiting_ = false;
  bool always_ready_ = false;
  bool is_broken_ = false;
};

}  // namespace simplechat::chat_client
