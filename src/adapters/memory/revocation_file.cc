#include "adapters/memory/revocation_file.h"

#include <utility>
#include <vector>

#include "wire/revocation_body.h"

namespace simplechat::adapters::memory {

RevocationFile::RevocationFile(std::filesystem::path path, std::function<std::int64_t()> now_s, std::string store)
    : memory_(std::move(now_s), std::move(store)), file_(std::move(path), "revocations") {
  if (!file_.exists()) return;
  file_.read([this](std::string_view line) -> chat::Result<void> {
    const auto revocations = wire::parse_revoke(line);
    if (!revocations) return std::unexpected(revocations.error());
    return memory_.revoke_now(*revocations);
  });
  file_.replace_or_throw(all_lines());
}

std::string RevocationFile::all_lines() {
  std::string text;
  std::string version;
  for (bool more = true; more;) {
    chat::RevocationChanges page = memory_.changes_now(version);
    if (!page.revocations.empty()) text.append(wire::encode_revoke(page.revocations)).append("\n");
    version = std::move(page.version);
    more = page.more;
  }
  return text;
}

chat::Task<chat::Result<void>> RevocationFile::revoke(std::span<const chat::Revocation> revocations) {
  if (revocations.size() > chat::kRevocationsPerCallMax) {
    co_return chat::fail(chat::ErrorCode::too_large, "too many revocations in one call");
  }
  auto write = [this, copy = std::vector(revocations.begin(), revocations.end())]() -> chat::Result<void> {
    if (memory_.size() + copy.size() > chat::kRevocationsMax) {
      return chat::fail(chat::ErrorCode::unavailable, "as many revocations are kept as may be");
    }
    if (auto appended = file_.append(wire::encode_revoke(copy)); !appended) return appended;
    return memory_.revoke_now(copy);
  };
  co_return co_await file_.run(std::move(write));
}

chat::Task<chat::Result<chat::RevocationChanges>> RevocationFile::changes_since(const std::string& version) {
  co_return memory_.changes_now(version);
}

}  // namespace simplechat::adapters::memory
