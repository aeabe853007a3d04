#include "adapters/memory/block_file.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/log.h"
#include "wire/block_body.h"

namespace simplechat::adapters::memory {

BlockFile::BlockFile(std::filesystem::path path, std::function<std::int64_t()> now_s, std::string store,
                     chat::BlockLimits limits)
    : memory_(std::move(now_s), std::move(store), limits), file_(std::move(path), "blocks") {
  if (!file_.exists()) return;
  file_.read([this](std::string_view line) -> chat::Result<void> {
    const auto changes = wire::parse_block(line);
    if (!changes) return std::unexpected(changes.error());
    memory_.restore(*changes);
    return {};
  });
  file_.replace_or_throw(all_lines());
  changes_ = memory_.size();
}

std::string BlockFile::all_lines() {
  std::string text;
  std::string version;
  for (bool more = true; more;) {
    chat::BlockChanges page = memory_.since_now(version);
    if (!page.changes.empty()) text.append(wire::encode_block(page.changes)).append("\n");
    version = std::move(page.version);
    more = page.more;
  }
  return text;
}

chat::Task<chat::Result<void>> BlockFile::change_blocks(std::span<const chat::BlockChange> changes) {
  auto job = [this, copy = std::vector(changes.begin(), changes.end())] { return change(copy); };
  co_return co_await file_.run(std::move(job));
}

chat::Result<void> BlockFile::change(const std::vector<chat::BlockChange>& changes) {
  const auto changing = memory_.would_change(changes);
  if (!changing) return std::unexpected(changing.error());
  if (!*changing) return {};
  if (auto appended = file_.append(wire::encode_block(changes)); !appended) return appended;
  memory_.restore(changes);  // on this thread alone changes are made, so they are still within the limits
  changes_ += changes.size();
  if (changes_ <= std::max(kChangesMin, kChangesPerBlockMax * memory_.size())) return {};
  // If it fails, the file is as it was, and the next change tries again.
  if (const auto written = file_.replace(all_lines()); !written) {
    runtime::log::warn("blocks_not_written_anew", {{"reason", written.error().message}});
    return {};
  }
  changes_ = memory_.size();
  return {};
}

chat::Task<chat::Result<chat::BlockChanges>> BlockFile::blocks_since(const std::string& version) {
  co_return memory_.since_now(version);
}

}  // namespace simplechat::adapters::memory
