// The directory in Redis, behind sv-discover. Thread-safe: callable from any reactor. The driver blocks, so it lives on
// a thread of its own, where each call is one or two pipelined rounds.
//
// Keys, all under a prefix:
//   user:<user>      hash: "<incarnation> <url>" -> "+<fence>" (held) or "-<fence>" (released), the fence as 20 digits;
//   and "plain" -> the
//                    value of chat::PlainRecords. Every write lets it live kRecordsKept again (gateways write theirs
//                    more often), and kReleaseKept where nothing but releases and records of dead incarnations is left:
//                    longer than any earlier change may be on its way.
//   gateway:<url>    the gateway's lease: "<incarnation> <run_id> <opening>", with the lease as its time to live.
//   leases           sorted set: the key of each lease that was opened and not closed, by its end.
//   deaths           how many of those ended.
//   revocations...   see revocations.cc.
//   blocks...        see blocks.cc.
//
// A record counts if the lease of its url is that of its incarnation, so records of dead incarnations need no sweeping:
// they end with their key, or sooner, when a user's fields have become more than kFieldsMax.
//
// Incarnations carry no order, and clocks that could give them one go wrong: whoever opens the lease last holds it. A
// late renewal of a dead run hides the living one's records until that renews, which is then told that they were not
// kept.
//
// The run_id in the lease is that of the server's run in which it was opened. So a Redis that restarted, even one that
// came back with an older state of its data, makes the next renewal of every gateway answer that the records were not
// kept. The same holds after a failover to a replica. Redis must not evict keys (maxmemory-policy noeviction): that
// would be a loss that nobody notices.
//
// Failures: a connection on which anything went wrong is closed, and a new one is tried at the next call or at the next
// of the pings that run every kPingEvery, but no sooner than a backoff after the last failure. Meanwhile calls end at
// once with `unavailable`. A call ends within kWaitMax of waiting for its turn, kTimeout for each of connecting and
// greeting, and kTimeout for each silence of the server.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/redis/connection.h"
#include "adapters/redis/url.h"
#include "chat/blocks.h"
#include "chat/directory.h"
#include "chat/plain_records.h"
#include "chat/revocations.h"
#include "runtime/dependency.h"
#include "runtime/gate.h"
#include "runtime/worker.h"

namespace simplechat::adapters::redis {

class RedisDirectory final : public chat::Directory,
                             public chat::PlainRecords,
                             public chat::Revocations,
                             public chat::Blocks {
 public:
  static constexpr std::chrono::milliseconds kTimeout{1000};
  static constexpr std::chrono::milliseconds kWaitMax{1000};
  static constexpr std::chrono::milliseconds kPingEvery{1000};
  static constexpr std::chrono::milliseconds kBackoffMin{50};
  static constexpr std::chrono::milliseconds kBackoffMax{2000};
  static constexpr std::chrono::hours kRecordsKept{24};
  static constexpr std::chrono::minutes kReleaseKept{10};
  static constexpr std::size_t kFieldsMax = 16;
  static constexpr std::size_t kCallsWaitingMax = 1024;  // beyond: unavailable

  // Connects with the first call or ping, so a Redis that is down does not end start-up. `dependency` outlives it.
  // `tls`: for rediss:// URLs.
  RedisDirectory(Url url, runtime::Dependency& dependency,
                 std::string key_prefix = "simplechat:", runtime::TlsClient* tls = nullptr,
                 chat::BlockLimits block_limits = {});

  // Pings from `executor` until stop(), so that `dependency` is right also while nobody calls. stop() is called there
  // too.
  void start(const boost::asio::any_io_executor& executor);
  chat::Task<void> stop();

  chat::Task<chat::Result<chat::LeaseState>> renew(const chat::GatewayIdentity& gateway,
                                                   std::chrono::milliseconds lease) override;
  chat::Task<chat::Result<chat::Timestamp>> apply(const chat::GatewayIdentity& gateway,
                                                  std::span<const chat::RecordChange> changes) override;
  chat::Task<chat::Result<chat::Locations>> locate(std::span<const std::string> users) override;
  chat::Task<chat::Result<void>> close(const chat::GatewayIdentity& gateway) override;

  chat::Task<chat::Result<void>> set_plain(const std::string& key, const std::string& value) override;
  chat::Task<chat::Result<void>> remove_plain(const std::string& key) override;
  chat::Task<chat::Result<std::optional<std::string>>> find_plain(const std::string& key) override;

  chat::Task<chat::Result<void>> revoke(std::span<const chat::Revocation> revocations) override;
  chat::Task<chat::Result<chat::RevocationChanges>> changes_since(const std::string& version) override;

  chat::Task<chat::Result<void>> change_blocks(std::span<const chat::BlockChange> changes) override;
  chat::Task<chat::Result<chat::BlockChanges>> blocks_since(const std::string& version) override;

 private:
  using Clock = std::chrono::steady_clock;
  using Changes = std::span<const chat::RecordChange>;

  // Runs `job(Connection&) -> chat::Result<T>` on the worker and returns its result.
  template <class Job>
  auto on_worker(Job job) -> chat::Task<std::invoke_result_t<Job&, Connection&>>;

  // All of these run on the worker.
  chat::Result<void> ensure_connected();
  void lose_connection(const chat::Error& reason);
  chat::Result<void> load_scripts(Connection& redis);
  chat::Result<chat::Timestamp> apply_now(Connection& redis, const chat::GatewayIdentity& gateway, Changes changes);
  // The server's time; nothing if it does not know the script (any more).
  chat::Result<std::optional<chat::Timestamp>> try_apply(Connection& redis, const chat::GatewayIdentity& gateway,
                                                         Changes changes) const;
  chat::Result<chat::Locations> locate_now(Connection& redis, std::span<const std::string> users) const;
  chat::Result<Reply> revoke_part(Connection& redis, std::span<const chat::Revocation> part);
  chat::Result<Reply> change_part(Connection& redis, std::span<const chat::BlockChange> part);
  [[nodiscard]] std::string new_store_name();

  using RevocationKeys = std::array<std::string, 4>;
  [[nodiscard]] RevocationKeys revocation_keys() const;
  using BlockKeys = std::array<std::string, 4>;
  [[nodiscard]] BlockKeys block_keys() const;
  [[nodiscard]] std::string user_key(std::string_view user) const;
  [[nodiscard]] std::string lease_key(std::string_view url) const;
  chat::Task<void> ping_until_stopped();

  const Url url_;
  const std::string key_prefix_;
  runtime::TlsClient* const tls_;
  const chat::BlockLimits block_limits_;
  runtime::Dependency& dependency_;

  struct Pinging {
    explicit Pinging(const boost::asio::any_io_executor& executor) : gate(executor), timer(executor) {}

    runtime::Gate gate;
    boost::asio::steady_timer timer;
    bool stopped = false;
  };
  std::optional<Pinging> pinging_;  // on the executor of start()

  // The worker's.
  std::optional<Connection> connection_;
  std::string apply_sha_;  // by which the server knows kApplyScript
  chat::Error last_failure_;
  Clock::time_point retry_at_{};
  std::chrono::milliseconds backoff_ = kBackoffMin;
  std::minstd_rand jitter_{std::random_device{}()};

  runtime::Worker worker_;  // last: its thread ends before what it works on
};

template <class Job>
auto RedisDirectory::on_worker(Job job) -> chat::Task<std::invoke_result_t<Job&, Connection&>> {
  using Outcome = std::invoke_result_t<Job&, Connection&>;
  const Clock::time_point start_by = Clock::now() + kWaitMax;
  auto turn = [this, &job, start_by]() -> Outcome {
    if (Clock::now() > start_by)
      return chat::fail(chat::ErrorCode::unavailable, "redis is too slow: the call waited too long");
    if (auto connected = ensure_connected(); !connected) return std::unexpected(std::move(connected).error());
    Outcome outcome = job(*connection_);
    if (!outcome) lose_connection(outcome.error());
    return outcome;
  };
  auto outcome = co_await worker_.run(std::move(turn));
  if (!outcome) co_return chat::fail(chat::ErrorCode::unavailable, "redis is too slow: too many calls wait");
  co_return *std::move(outcome);
}

}  // namespace simplechat::adapters::redis
