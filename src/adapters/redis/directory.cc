#include "adapters/redis/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <utility>

#include "adapters/redis/scripts.h"
#include "runtime/sharded_map.h"

namespace simplechat::adapters::redis {
namespace {

namespace asio = boost::asio;

// What one run of the script may hold up the server's other clients by: about a millisecond.
constexpr std::size_t kChangesPerScript = 500;
constexpr std::string_view kPlainField = "plain";

std::string milliseconds_text(std::chrono::milliseconds time) { return std::to_string(time.count()); }

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

// Calls `visit(incarnation, url)` for each record of a user's fields (a HGETALL reply) that says that the user is
// there.
template <class Visit>
void for_each_holder(const redisReply& fields, Visit visit) {
  for (std::size_t i = 0; i + 1 < fields.elements; i += 2) {
    const std::string_view field = text_of(*fields.element[i]);
    const std::size_t space = field.find(' ');
    if (space == std::string_view::npos || !text_of(*fields.element[i + 1]).starts_with('+')) continue;
    visit(field.substr(0, space), field.substr(space + 1));
  }
}

std::int64_t number_of(const redisReply& reply) {
  const std::string_view digits = text_of(reply);
  std::int64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

// As TIME replies: seconds, and microseconds of the current one.
chat::Timestamp time_of(std::span<redisReply* const> parts) {
  return number_of(*parts[0]) * 1'000'000 + number_of(*parts[1]);
}

}  // namespace

RedisDirectory::RedisDirectory(Url url, runtime::Dependency& dependency, std::string key_prefix,
                               runtime::TlsClient* tls, chat::BlockLimits block_limits)
    : url_(std::move(url)),
      key_prefix_(std::move(key_prefix)),
      tls_(tls),
      block_limits_(block_limits),
      dependency_(dependency),
      worker_("redis", kCallsWaitingMax) {}

// --- the connection ---

chat::Result<void> RedisDirectory::ensure_connected() {
  if (connection_) return {};
  if (Clock::now() < retry_at_) return std::unexpected(last_failure_);
  chat::Result<Connection> opened = Connection::open(url_, kTimeout, tls_);
  chat::Result<void> loaded = opened ? load_scripts(*opened) : std::unexpected(opened.error());
  if (!loaded) {
    lose_connection(loaded.error());
    return loaded;
  }
  connection_ = *std::move(opened);
  backoff_ = kBackoffMin;
  dependency_.up();
  return {};
}

void RedisDirectory::lose_connection(const chat::Error& reason) {
  connection_.reset();
  last_failure_ = reason;
  dependency_.down(reason.message);
  // A quarter more or less, so that the services of a cluster do not come back in step.
  const auto quarter = static_cast<int>(backoff_.count() / 4);
  retry_at_ =
      Clock::now() + backoff_ + std::chrono::milliseconds(std::uniform_int_distribution(-quarter, quarter)(jitter_));
  backoff_ = std::min(2 * backoff_, kBackoffMax);
}

chat::Result<void> RedisDirectory::load_scripts(Connection& redis) {
  const chat::Result<Reply> sha = redis.call({"SCRIPT", "LOAD", kApplyScript});
  if (!sha) return std::unexpected(sha.error());
  apply_sha_ = text_of(**sha);
  return {};
}

void RedisDirectory::start(const asio::any_io_executor& executor) {
  pinging_.emplace(executor);
  pinging_->gate.spawn(ping_until_stopped());
}

chat::Task<void> RedisDirectory::stop() {
  pinging_->stopped = true;
  pinging_->timer.cancel();
  co_await pinging_->gate.close();
}

chat::Task<void> RedisDirectory::ping_until_stopped() {
  while (!pinging_->stopped) {
    // What it answers, on_worker() has told the dependency.
    [[maybe_unused]] const chat::Result<Reply> pong =
        co_await on_worker([](Connection& redis) { return redis.call({"PING"}); });
    if (pinging_->stopped) break;
    pinging_->timer.expires_after(kPingEvery);
    boost::system::error_code stopped;
    co_await pinging_->timer.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
  }
}

// --- leases ---

chat::Task<chat::Result<chat::LeaseState>> RedisDirectory::renew(const chat::GatewayIdentity& gateway,
                                                                 std::chrono::milliseconds lease) {
  co_return co_await on_worker([&](Connection& redis) -> chat::Result<chat::LeaseState> {
    const std::string holder = fmt::format("{} {} ", gateway.incarnation, redis.run_id());
    const std::string opening = fmt::format("{:08x}{:08x}", jitter_(), jitter_());
    const auto reply = redis.call({"EVAL", kRenewScript, "3", lease_key(gateway.url), key_prefix_ + "leases",
                                   key_prefix_ + "deaths", holder, opening, milliseconds_text(lease)});
    if (!reply) return std::unexpected(reply.error());
    const std::span<redisReply*> parts((*reply)->element, (*reply)->elements);
    return chat::LeaseState{
        .opening = std::string(text_of(*parts[0])), .deaths = number_of(*parts[1]), .now = time_of(parts.subspan(2))};
  });
}

chat::Task<chat::Result<void>> RedisDirectory::close(const chat::GatewayIdentity& gateway) {
  co_return co_await on_worker([&](Connection& redis) -> chat::Result<void> {
    const auto closed =
        redis.call({"EVAL", kCloseScript, "2", lease_key(gateway.url), key_prefix_ + "leases", gateway.incarnation});
    if (!closed) return std::unexpected(closed.error());
    return {};
  });
}

// --- records ---

chat::Task<chat::Result<chat::Timestamp>> RedisDirectory::apply(const chat::GatewayIdentity& gateway, Changes changes) {
  co_return co_await on_worker([&](Connection& redis) { return apply_now(redis, gateway, changes); });
}

chat::Result<chat::Timestamp> RedisDirectory::apply_now(Connection& redis, const chat::GatewayIdentity& gateway,
                                                        Changes changes) {
  auto applied_at = try_apply(redis, gateway, changes);
  if (applied_at && !*applied_at) {  // somebody has flushed the server's scripts; changes may be repeated
    if (const auto loaded = load_scripts(redis); !loaded) return std::unexpected(loaded.error());
    applied_at = try_apply(redis, gateway, changes);
  }
  if (!applied_at) return std::unexpected(applied_at.error());
  if (!*applied_at) return redis.failure("the server forgets the script at once");
  return **applied_at;
}

chat::Result<std::optional<chat::Timestamp>> RedisDirectory::try_apply(Connection& redis,
                                                                       const chat::GatewayIdentity& gateway,
                                                                       Changes changes) const {
  const std::string lease_prefix = lease_key("");
  const std::string field = gateway.incarnation + " " + gateway.url;
  std::size_t scripts = 0;
  for (; !changes.empty(); ++scripts) {
    const Changes part = changes.first(std::min(changes.size(), kChangesPerScript));
    changes = changes.subspan(part.size());
    std::vector<std::string> owned{"EVALSHA", apply_sha_, std::to_string(part.size())};
    for (const chat::RecordChange& change : part) owned.push_back(user_key(change.user));
    owned.insert(owned.end(), {field, lease_prefix, milliseconds_text(kRecordsKept), milliseconds_text(kReleaseKept),
                               std::to_string(kFieldsMax)});
    for (const chat::RecordChange& change : part) {
      owned.push_back(fmt::format("{}{:020}", change.present ? '+' : '-', change.fence));
    }
    redis.append(std::vector<std::string_view>(owned.begin(), owned.end()));
  }
  redis.append({"TIME"});
  bool known = true;
  for (; scripts > 0; --scripts) {
    const chat::Result<Reply> reply = redis.receive();
    if (!reply) return std::unexpected(reply.error());
    if ((*reply)->type != REDIS_REPLY_ERROR) continue;
    if (!text_of(**reply).starts_with("NOSCRIPT")) return redis.failure(text_of(**reply));
    known = false;
  }
  const auto time = redis.receive_success();
  if (!time) return std::unexpected(time.error());
  if (!known) return std::nullopt;
  return time_of({(*time)->element, (*time)->elements});
}

chat::Task<chat::Result<chat::Locations>> RedisDirectory::locate(std::span<const std::string> users) {
  co_return co_await on_worker([&](Connection& redis) { return locate_now(redis, users); });
}

chat::Result<chat::Locations> RedisDirectory::locate_now(Connection& redis, std::span<const std::string> users) const {
  for (const std::string& user : users) redis.append({"HGETALL", user_key(user)});
  std::vector<Reply> records;
  runtime::StringMap<std::string> incarnations;  // of the gateways that are named, by url; empty: no lease
  for (std::size_t i = 0; i < users.size(); ++i) {
    chat::Result<Reply> reply = redis.receive_success();
    if (!reply) return std::unexpected(reply.error());
    for_each_holder(**reply, [&](std::string_view, std::string_view url) {
      if (!incarnations.contains(url)) incarnations.emplace(url, std::string());
    });
    records.push_back(*std::move(reply));
  }
  for (const auto& [url, incarnation] : incarnations) redis.append({"GET", lease_key(url)});
  for (auto& [url, incarnation] : incarnations) {
    const chat::Result<Reply> lease = redis.receive_success();
    if (!lease) return std::unexpected(lease.error());
    incarnation = first_word(text_of(**lease));
  }
  chat::Locations locations;
  for (const Reply& fields : records) {
    locations.add_user();
    for_each_holder(*fields, [&](std::string_view incarnation, std::string_view url) {
      if (incarnations.find(url)->second == incarnation) locations.add_gateway(url);
    });
  }
  return locations;
}

// --- plain records ---

chat::Task<chat::Result<void>> RedisDirectory::set_plain(const std::string& key, const std::string& value) {
  co_return co_await on_worker([&](Connection& redis) -> chat::Result<void> {
    redis.append({"HSET", user_key(key), kPlainField, value});
    redis.append({"PEXPIRE", user_key(key), milliseconds_text(kRecordsKept)});
    for (int reply = 0; reply < 2; ++reply) {
      const auto done = redis.receive_success();
      if (!done) return std::unexpected(done.error());
    }
    return {};
  });
}

chat::Task<chat::Result<void>> RedisDirectory::remove_plain(const std::string& key) {
  co_return co_await on_worker([&](Connection& redis) -> chat::Result<void> {
    const auto removed = redis.call({"HDEL", user_key(key), kPlainField});
    if (!removed) return std::unexpected(removed.error());
    return {};
  });
}

chat::Task<chat::Result<std::optional<std::string>>> RedisDirectory::find_plain(const std::string& key) {
  co_return co_await on_worker([&](Connection& redis) -> chat::Result<std::optional<std::string>> {
    const auto value = redis.call({"HGET", user_key(key), kPlainField});
    if (!value) return std::unexpected(value.error());
    if ((*value)->type == REDIS_REPLY_NIL) return std::nullopt;
    return std::string(text_of(**value));
  });
}

std::string RedisDirectory::user_key(std::string_view user) const {
  return fmt::format("{}user:{}", key_prefix_, user);
}

std::string RedisDirectory::lease_key(std::string_view url) const {
  return fmt::format("{}gateway:{}", key_prefix_, url);
}

}  // namespace simplechat::adapters::redis
