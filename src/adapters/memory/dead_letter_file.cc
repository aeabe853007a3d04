#include "adapters/memory/dead_letter_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "wire/json.h"
#include "wire/queue_body.h"

namespace simplechat::adapters::memory {
namespace {

std::string line_of(const chat::RecordBatch& records, std::string_view reason, chat::Timestamp at) {
  std::string line = R"({"at":)";
  wire::append_json_integer(line, at);
  line.append(R"(,"reason":)");
  wire::append_json_string(line, reason);
  line.append(R"(,"records":)");
  wire::append_queue_body(line, records);
  return line.append("}\n");
}

// 0, or the errno of what failed.
int append_durably(const std::filesystem::path& path, std::string_view line) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  int error = 0;
  while (!line.empty() && error == 0) {
    const ssize_t written = ::write(file, line.data(), line.size());
    if (written >= 0) {
      line.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (error == 0 && ::fsync(file) != 0) error = errno;
  ::close(file);
  return error;
}

}  // namespace

chat::Task<chat::Result<void>> DeadLetterFile::keep(const chat::RecordBatch& records, std::string_view reason) {
  auto write = [path = path_, line = line_of(records, reason, wall_clock_())] { return append_durably(path, line); };
  const auto error = co_await worker_.run(std::move(write));
  if (!error) co_return chat::fail(chat::ErrorCode::unavailable, "too many dead letters are waiting to be written");
  if (*error != 0) {
    co_return chat::fail(chat::ErrorCode::unavailable,
                         "cannot write " + path_.string() + ": " + std::generic_category().message(*error));
  }
  co_return chat::Result<void>{};
}

}  // namespace simplechat::adapters::memory
