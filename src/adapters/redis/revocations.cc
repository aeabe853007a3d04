// The revocations of the cluster, in the directory's Redis. Keys, all under the directory's prefix:
//
//   revocations          hash: "u:<user>" or "t:<token id>" -> "<issued until> <kept until>", in seconds
//   revocations:changes  sorted set: the same subjects by the number of their latest change
//   revocations:ends     sorted set: the same by when they may be forgotten, which a later revoke() does
//   revocations:state    hash: `number` of the latest change; `run` of the server and `store`, a name for the data in
//                        that run
//
// A run of the server is a store of its own, as for blocks: without the last second of the run before it would give the
// numbers that some gateways know to other changes. So after a restart the gateways read everything, and revoke again
// what they know.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/directory.h"
#include "adapters/redis/revocation_scripts.h"

namespace simplechat::adapters::redis {
namespace {

// What one run of the script may hold up the server's other clients by.
constexpr std::size_t kRevocationsPerScript = 250;

std::string subject_of(const chat::Revocation& revocation) {
  return (revocation.what == chat::Revoked::user ? "u:" : "t:") + revocation.subject;
}

std::int64_t seconds_of(std::string_view digits) {
  std::int64_t seconds = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  return seconds;
}

chat::Revocation revocation_of(std::string_view subject, std::string_view times) {
  const std::size_t space = std::min(times.find(' '), times.size());
  return {.what = subject.starts_with("u:") ? chat::Revoked::user : chat::Revoked::token,
          .subject = std::string(subject.substr(2)),
          .issued_until_s = seconds_of(times.substr(0, space)),
          .kept_until_s = seconds_of(times.substr(std::min(space + 1, times.size())))};
}

chat::Result<chat::RevocationChanges> changes_of(const Connection& redis, const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 4) return redis.failure("an answer of an unknown form");
  const auto word = [&reply](std::size_t index) { return text_of(*reply.element[index]); };
  chat::RevocationChanges changes{
      .version = fmt::format("{}-{}", word(0), word(1)), .all = word(2) == "1", .more = word(3) == "1"};
  for (std::size_t i = 4; i + 1 < reply.elements; i += 2) {
    changes.revocations.push_back(revocation_of(word(i), word(i + 1)));
  }
  return changes;
}

}  // namespace

RedisDirectory::RevocationKeys RedisDirectory::revocation_keys() const {
  const std::string first = key_prefix_ + "revocations";
  return {first, first + ":changes", first + ":ends", first + ":state"};
}

chat::Task<chat::Result<void>> RedisDirectory::revoke(std::span<const chat::Revocation> revocations) {
  if (revocations.size() > chat::kRevocationsPerCallMax) {
    co_return chat::fail(chat::ErrorCode::too_large, "too many revocations in one call");
  }
  bool full = false;
  const auto kept = co_await on_worker([&](Connection& redis) -> chat::Result<void> {
    for (auto rest = revocations; !rest.empty() && !full;) {
      const auto part = rest.first(std::min(rest.size(), kRevocationsPerScript));
      rest = rest.subspan(part.size());
      const auto reply = revoke_part(redis, part);
      if (!reply) return std::unexpected(reply.error());
      full = text_of(**reply) == "FULL";
    }
    return {};
  });
  if (kept && full) co_return chat::fail(chat::ErrorCode::unavailable, "as many revocations are kept as may be");
  co_return kept;
}

chat::Result<Reply> RedisDirectory::revoke_part(Connection& redis, std::span<const chat::Revocation> part) {
  const RevocationKeys keys = revocation_keys();
  std::vector<std::string> words{"EVAL", std::string(kRevokeScript), std::to_string(keys.size())};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), {redis.run_id(), new_store_name(), std::to_string(chat::kRevocationsMax)});
  for (const chat::Revocation& each : part) {
    words.insert(words.end(),
                 {subject_of(each), std::to_string(each.issued_until_s), std::to_string(each.kept_until_s)});
  }
  redis.append(std::vector<std::string_view>(words.begin(), words.end()));
  return redis.receive_success();
}

chat::Task<chat::Result<chat::RevocationChanges>> RedisDirectory::changes_since(const std::string& version) {
  co_return co_await on_worker([&](Connection& redis) -> chat::Result<chat::RevocationChanges> {
    const std::size_t dash = version.rfind('-');
    const bool known = dash != std::string::npos && dash + 1 < version.size() &&
                       std::ranges::all_of(version.substr(dash + 1), [](char c) { return c >= '0' && c <= '9'; });
    const std::string store = known ? version.substr(0, dash) : std::string();
    const std::string number = known ? version.substr(dash + 1) : "0";
    const RevocationKeys keys = revocation_keys();
    const auto reply = redis.call({"EVAL", kRevocationsScript, "4", keys[0], keys[1], keys[2], keys[3], redis.run_id(),
                                   new_store_name(), store, number, std::to_string(chat::kRevocationsPerCallMax)});
    if (!reply) return std::unexpected(reply.error());
    return changes_of(redis, **reply);
  });
}

std::string RedisDirectory::new_store_name() { return fmt::format("{:08x}{:08x}", jitter_(), jitter_()); }

}  // namespace simplechat::adapters::redis
