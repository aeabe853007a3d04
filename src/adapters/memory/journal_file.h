// A file of lines, each a change, from which a list is read when the process starts again: what the embedded server's
// lists (revocations, blocks) have in common.
//
// The file is written and flushed to the disk on a thread of its own; jobs there run one after the other. A line that a
// crash cut off is one that was never answered as kept.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "chat/error.h"
#include "chat/task.h"
#include "runtime/worker.h"

namespace simplechat::adapters::memory {

class JournalFile {
 public:
  // `thread`: its thread's name.
  JournalFile(std::filesystem::path path, std::string thread)
      : path_(std::move(path)), worker_(std::move(thread), kWaitingMax) {}

  [[nodiscard]] bool exists() const { return std::filesystem::exists(path_); }
  // Gives each whole line to `take`. Throws std::runtime_error naming the file, and the line that is damaged: a server
  // that has forgotten what it must not allow must not start.
  void read(const std::function<chat::Result<void>(std::string_view line)>& take) const;
  // Throws std::runtime_error naming the file.
  void replace_or_throw(std::string_view text) const;

  // Runs `job() -> chat::Result<void>` on the file's thread. Error: unavailable if kWaitingMax wait.
  template <class Job>
  [[nodiscard]] chat::Task<chat::Result<void>> run(Job job) {
    auto outcome = co_await worker_.run(std::move(job));
    if (!outcome) co_return chat::fail(chat::ErrorCode::unavailable, "too much is waiting to be written");
    co_return *std::move(outcome);
  }

  // In a job. Error: unavailable, naming the file.
  [[nodiscard]] chat::Result<void> append(std::string line) const;
  [[nodiscard]] chat::Result<void> replace(std::string_view text) const;

 private:
  static constexpr std::size_t kWaitingMax = 16;

  const std::filesystem::path path_;
  runtime::Worker worker_;
};

}  // namespace simplechat::adapters::memory
