// The blocks of the cluster, in the directory's Redis. Keys, all under the directory's prefix:
//
//   blocks          sorted set: "<user> <blocked>" by the number of its latest change
//   blocks:removed  sorted set: of these the ones that are blocked no more, by when that was
//   blocks:counts   hash: how many a user has blocked
//   blocks:state    hash: `number` of the latest change; `forgotten`, that of the latest removal that is remembered no
//                   more; `run` of the server and `store`, a name for the data in that run
//
// A run of the server is a store of its own, though it has the data of the run before: it may lack their last second.
// So after a restart the gateways read everything, and make again what is missing.

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/redis/block_scripts.h"
#include "adapters/redis/directory.h"

namespace simplechat::adapters::redis {
namespace {

// What one run of the script may hold up the server's other clients by.
constexpr std::size_t kChangesPerScript = 250;
constexpr std::string_view kFullOfUser = "FULL ";
constexpr std::size_t kHeadWords = 6;  // of the answer, before the changes

// As it is asked for. Nothing that is a version: everything.
struct Version {
  std::string store{};
  std::string number = "0";
  std::string base = "0";
};

// Takes "-<digits>" from the end; empty if there are none that fit into a double.
std::string take_number(std::string_view& text) {
  constexpr std::size_t kDigitsMax = 15;
  const std::size_t dash = text.rfind('-');
  if (dash == std::string_view::npos) return {};
  std::string digits(text.substr(dash + 1));
  text = text.substr(0, dash);
  const bool number =
      digits.size() <= kDigitsMax && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  return number ? digits : std::string();
}

// "<store>-<number>-<base>". What is not of that form is another store's.
Version parse_version(const std::string& version) {
  if (version.empty()) return {};
  std::string_view rest = version;
  std::string base = take_number(rest);
  std::string number = take_number(rest);
  if (base.empty() || number.empty() || rest.empty()) return {.store = "-"};
  return {.store = std::string(rest), .number = std::move(number), .base = std::move(base)};
}

chat::Result<chat::BlockChanges> changes_of(const Connection& redis, const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < kHeadWords)
    return redis.failure("an answer of an unknown form");
  const auto word = [&reply](std::size_t index) { return text_of(*reply.element[index]); };
  chat::BlockChanges changes{.version = fmt::format("{}-{}-{}", word(0), word(1), word(2)),
                             .all = word(3) == "1",
                             .lost = word(4) == "1",
                             .more = word(5) == "1"};
  for (std::size_t i = kHeadWords; i + 1 < reply.elements; i += 2) {
    const std::string_view pair = word(i);
    const std::size_t space = std::min(pair.find(' '), pair.size());
    changes.changes.push_back({.user = std::string(pair.substr(0, space)),
                               .blocked = std::string(pair.substr(std::min(space + 1, pair.size()))),
                               .present = word(i + 1) == "1"});
  }
  return changes;
}

}  // namespace

RedisDirectory::BlockKeys RedisDirectory::block_keys() const {
  const std::string first = key_prefix_ + "blocks";
  return {first, first + ":removed", first + ":counts", first + ":state"};
}

chat::Task<chat::Result<void>> RedisDirectory::change_blocks(std::span<const chat::BlockChange> changes) {
  if (changes.size() > chat::kBlockChangesPerCallMax) co_return chat::too_many_block_changes();
  std::string outcome = "OK";
  const auto made = co_await on_worker([&](Connection& redis) -> chat::Result<void> {
    for (auto rest = changes; !rest.empty() && outcome == "OK";) {
      const auto part = rest.first(std::min(rest.size(), kChangesPerScript));
      rest = rest.subspan(part.size());
      const auto reply = change_part(redis, part);
      if (!reply) return std::unexpected(reply.error());
      outcome = text_of(**reply);
    }
    return {};
  });
  if (!made) co_return made;
  if (outcome == "FULL") co_return chat::too_many_blocks();
  if (outcome.starts_with(kFullOfUser)) {
    co_return chat::too_many_blocks_of(outcome.substr(kFullOfUser.size()), block_limits_.of_user);
  }
  co_return made;
}

chat::Result<Reply> RedisDirectory::change_part(Connection& redis, std::span<const chat::BlockChange> part) {
  const BlockKeys keys = block_keys();
  std::vector<std::string> words{"EVAL", std::string(kBlockScript), std::to_string(keys.size())};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), {redis.run_id(), new_store_name(), std::to_string(block_limits_.blocks),
                             std::to_string(block_limits_.of_user), std::to_string(block_limits_.removals),
                             std::to_string(block_limits_.removal_kept.count())});
  for (const chat::BlockChange& each : part) {
    words.insert(words.end(), {each.user, each.blocked, each.present ? "1" : "0"});
  }
  redis.append(std::vector<std::string_view>(words.begin(), words.end()));
  return redis.receive_success();
}

chat::Task<chat::Result<chat::BlockChanges>> RedisDirectory::blocks_since(const std::string& version) {
  co_return co_await on_worker([&](Connection& redis) -> chat::Result<chat::BlockChanges> {
    const Version since = parse_version(version);
    const BlockKeys keys = block_keys();
    const auto reply =
        redis.call({"EVAL", kBlocksScript, "4", keys[0], keys[1], keys[2], keys[3], redis.run_id(), new_store_name(),
                    since.store, since.number, since.base, std::to_string(chat::kBlockChangesPerCallMax)});
    if (!reply) return std::unexpected(reply.error());
    return changes_of(redis, **reply);
  });
}

}  // namespace simplechat::adapters::redis
