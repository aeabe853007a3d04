// Records that the store refuses for good, kept for a person: a file of JSON lines, each {"at", "reason", "records":
// [...]} with the records as in a queue body, and `at` the wall clock's microseconds.
//
// keep() may be called from any reactor; the file is written and flushed to the disk on a thread of its own.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>
#include <utility>

#include "chat/error.h"
#include "chat/message.h"
#include "chat/records.h"
#include "chat/task.h"
#include "runtime/worker.h"

namespace simplechat::adapters::memory {

class DeadLetterFile {
 public:
  // The file is made by the first keep().
  DeadLetterFile(std::filesystem::path path, std::function<chat::Timestamp()> wall_clock)
      : path_(std::move(path)), wall_clock_(std::move(wall_clock)) {}

  // Ends when the records are on the disk; unavailable if they could not be written.
  chat::Task<chat::Result<void>> keep(const chat::RecordBatch& records, std::string_view reason);

 private:
  static constexpr std::size_t kWaitingMax = 16;

  const std::filesystem::path path_;
  const std::function<chat::Timestamp()> wall_clock_;
  runtime::Worker worker_{"dead-letters", kWaitingMax};
};

}  // namespace simplechat::adapters::memory
