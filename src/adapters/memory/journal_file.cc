#include "adapters/memory/journal_file.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "adapters/memory/durable_file.h"

namespace simplechat::adapters::memory {
namespace {

chat::Result<void> written(const std::filesystem::path& path, int error) {
  if (error == 0) return {};
  return chat::fail(chat::ErrorCode::unavailable,
                    fmt::format("cannot write {}: {}", path.string(), std::generic_category().message(error)));
}

}  // namespace

void JournalFile::read(const std::function<chat::Result<void>(std::string_view line)>& take) const {
  std::ifstream stream(path_, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) throw std::runtime_error(fmt::format("{}: cannot be read", path_.string()));
  std::string_view rest = text;
  for (std::size_t number = 1; rest.find('\n') != std::string_view::npos; ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const auto taken = take(line);
    if (!taken) throw std::runtime_error(fmt::format("{}, line {}: {}", path_.string(), number, taken.error().message));
  }
}

void JournalFile::replace_or_throw(std::string_view text) const {
  if (const auto done = replace(text); !done) throw std::runtime_error(done.error().message);
}

chat::Result<void> JournalFile::append(std::string line) const {
  return written(path_, append_durably(path_, line.append("\n")));
}

chat::Result<void> JournalFile::replace(std::string_view text) const {
  return written(path_, replace_durably(path_, text));
}

}  // namespace simplechat::adapters::memory
