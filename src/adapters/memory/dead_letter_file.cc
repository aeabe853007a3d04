#include "adapters/memory/dead_letter_file.h"

#include <string>
#include <system_error>
#include <utility>

#include "adapters/memory/durable_file.h"
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
