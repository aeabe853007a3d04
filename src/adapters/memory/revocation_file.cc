#include "adapters/memory/revocation_file.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "adapters/memory/durable_file.h"
#include "wire/revocation_body.h"

namespace simplechat::adapters::memory {

RevocationFile::RevocationFile(std::filesystem::path path, std::function<std::int64_t()> now_s, std::string store)
    : path_(std::move(path)), memory_(std::move(now_s), std::move(store)) {
  if (!std::filesystem::exists(path_)) return;
  read();
  write_anew();
}

void RevocationFile::read() {
  std::ifstream stream(path_, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) throw std::runtime_error(fmt::format("{}: cannot be read", path_.string()));
  std::string_view rest = text;
  for (std::size_t number = 1; rest.find('\n') != std::string_view::npos; ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const auto revocations = wire::parse_revoke(line);
    const auto kept = revocations ? memory_.revoke_now(*revocations) : std::unexpected(revocations.error());
    if (!kept) throw std::runtime_error(fmt::format("{}, line {}: {}", path_.string(), number, kept.error().message));
  }
}

void RevocationFile::write_anew() {
  std::string text;
  std::string version;
  for (bool more = true; more;) {
    chat::RevocationChanges page = memory_.changes_now(version);
    if (!page.revocations.empty()) text.append(wire::encode_revoke(page.revocations)).append("\n");
    version = std::move(page.version);
    more = page.more;
  }
  const int error = replace_durably(path_, text);
  if (error == 0) return;
  throw std::runtime_error(
      fmt::format("{}: cannot be written: {}", path_.string(), std::generic_category().message(error)));
}

chat::Task<chat::Result<void>> RevocationFile::revoke(std::span<const chat::Revocation> revocations) {
  if (revocations.size() > chat::kRevocationsPerCallMax) {
    co_return chat::fail(chat::ErrorCode::too_large, "too many revocations in one call");
  }
  if (memory_.size() + revocations.size() > chat::kRevocationsMax) {
    co_return chat::fail(chat::ErrorCode::unavailable, "as many revocations are kept as may be");
  }
  const std::vector<chat::Revocation> copy(revocations.begin(), revocations.end());
  auto write = [path = path_, line = wire::encode_revoke(copy) + "\n"] { return append_durably(path, line); };
  const auto error = co_await worker_.run(std::move(write));
  if (!error) co_return chat::fail(chat::ErrorCode::unavailable, "too many revocations are waiting to be written");
  if (*error != 0) {
    co_return chat::fail(chat::ErrorCode::unavailable,
                         fmt::format("cannot write {}: {}", path_.string(), std::generic_category().message(*error)));
  }
  co_return memory_.revoke_now(copy);
}

chat::Task<chat::Result<chat::RevocationChanges>> RevocationFile::changes_since(const std::string& version) {
  co_return memory_.changes_now(version);
}

}  // namespace simplechat::adapters::memory
