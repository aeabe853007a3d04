// Records that the store refuses for good, kept for a person: a file of JSON lines, each {"at", "reason", "records":
// [...]} with the records as in a queue body, and `at` the wall clock's microseconds.
//
// All calls may be made from any reactor; the file is read, written and flushed to the disk on a thread of its own.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/dead_letters.h"
#include "chat/error.h"
#include "chat/message.h"
#include "chat/message_queue.h"
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

  // The oldest `limit` lines as letters; a line that this class has not written is left out. Their ids are of the whole
  // line, its time with it.
  chat::Task<chat::Result<std::vector<chat::DeadLetter>>> list(std::size_t limit);
  // Takes the letters with these ids out of the file, which is replaced by another as a whole.
  chat::Task<chat::Result<void>> remove(std::vector<std::string> ids);

 private:
  static constexpr std::size_t kWaitingMax = 16;

  const std::filesystem::path path_;
  const std::function<chat::Timestamp()> wall_clock_;
  runtime::Worker worker_{"dead-letters", kWaitingMax};
};

// chat::DeadLetters on that file: what is replayed goes into the queue again. Both outlive it.
class FileDeadLetters final : public chat::DeadLetters {
 public:
  FileDeadLetters(DeadLetterFile& file, chat::MessageQueue& queue) : file_(file), queue_(queue) {}

  chat::Task<chat::Result<std::vector<chat::DeadLetter>>> list(std::size_t limit) override { return file_.list(limit); }
  chat::Task<chat::Result<std::size_t>> replay(std::span<const std::string> ids) override;

 private:
  DeadLetterFile& file_;
  chat::MessageQueue& queue_;
};

}  // namespace simplechat::adapters::memory
