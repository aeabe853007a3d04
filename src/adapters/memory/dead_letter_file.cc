#include "adapters/memory/dead_letter_file.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "adapters/memory/durable_file.h"
#include "wire/admin_body.h"
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

constexpr std::string_view kRecordsKey = R"(,"records":)";

// The records stand at the line's end, behind a key that is within no JSON string: there a quote has a backslash before
// it.
std::optional<chat::DeadLetter> letter_of(const std::string& line) {
  const std::size_t records = line.find(kRecordsKey);
  const auto reason = wire::parse_dead_letter_reason(line);
  if (!reason || records == std::string::npos) return std::nullopt;
  const std::size_t body_begin = records + kRecordsKey.size();
  chat::DeadLetter letter{.id = chat::dead_letter_id({}, {}, line),
                          .reason = *reason,
                          .queue = "memory",
                          .body = line.substr(body_begin, line.size() - body_begin - 1)};
  return letter;
}

std::vector<chat::DeadLetter> read_letters(const std::filesystem::path& path, std::size_t limit) {
  std::vector<chat::DeadLetter> letters;
  std::ifstream file(path);
  for (std::string line; letters.size() < limit && std::getline(file, line);) {
    if (auto letter = letter_of(line)) letters.push_back(*std::move(letter));
  }
  return letters;
}

// Writes the file anew without the lines of these ids. 0, or the errno of what failed.
int rewrite_without(const std::filesystem::path& path, const std::vector<std::string>& ids) {
  std::ifstream file(path);
  std::string kept;
  for (std::string line; std::getline(file, line);) {
    if (std::ranges::find(ids, chat::dead_letter_id({}, {}, line)) == ids.end()) kept.append(line).append("\n");
  }
  if (file.bad()) return EIO;
  return replace_durably(path, kept);
}

}  // namespace

chat::Task<chat::Result<std::vector<chat::DeadLetter>>> DeadLetterFile::list(std::size_t limit) {
  auto read = [path = path_, limit = std::min(limit, chat::kDeadLettersMax)] { return read_letters(path, limit); };
  auto letters = co_await worker_.run(std::move(read));
  if (!letters) co_return chat::fail(chat::ErrorCode::unavailable, "too many calls wait for the file of dead letters");
  co_return *std::move(letters);
}

chat::Task<chat::Result<void>> DeadLetterFile::remove(std::vector<std::string> ids) {
  auto rewrite = [path = path_, ids = std::move(ids)] { return rewrite_without(path, ids); };
  const auto error = co_await worker_.run(std::move(rewrite));
  if (!error) co_return chat::fail(chat::ErrorCode::unavailable, "too many calls wait for the file of dead letters");
  if (*error != 0) {
    co_return chat::fail(chat::ErrorCode::unavailable,
                         "cannot write " + path_.string() + ": " + std::generic_category().message(*error));
  }
  co_return chat::Result<void>{};
}

chat::Task<chat::Result<std::size_t>> FileDeadLetters::replay(std::span<const std::string> ids) {
  const std::vector<std::string> wanted(ids.begin(), ids.end());
  const auto letters = co_await file_.list(chat::kDeadLettersMax);
  if (!letters) co_return std::unexpected(letters.error());
  wire::QueueBodyParser parser;
  std::vector<std::string> replayed;
  for (const chat::DeadLetter& letter : *letters) {
    if (!wanted.empty() && std::ranges::find(wanted, letter.id) == wanted.end()) continue;
    chat::RecordBatch records;
    const auto parsed = parser.parse(letter.body, {}, records);
    if (!parsed) co_return std::unexpected(parsed.error());
    const auto published = co_await queue_.publish(records);
    if (!published) co_return std::unexpected(published.error());
    replayed.push_back(letter.id);
  }
  const auto removed = replayed.empty() ? chat::Result<void>{} : co_await file_.remove(replayed);
  if (!removed) co_return std::unexpected(removed.error());
  co_return replayed.size();
}

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
