#include "sv_websocket/registrar.h"

#include <algorithm>
#include <utility>

#include "runtime/log.h"

namespace simplechat::sv_websocket {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr std::size_t kChangesPerBatchMax = 5000;
constexpr milliseconds kRetryMin{100};
constexpr milliseconds kRetryMax{2000};
constexpr int kRenewalsPerLease = 4;
// A second for writing the records, and what MissedUsers takes to know which messages are late.
constexpr milliseconds kResyncAfter{2500};
constexpr milliseconds kResyncPoll{100};
constexpr milliseconds kPromptMax{
    100};  // a renewal whose reading of the directory's clock is better than the one before
// A directory may let go of records that nobody has written for a day; all are written again long before.
constexpr std::chrono::hours kRefreshEvery{6};

}  // namespace

Registrar::Registrar(runtime::Reactor& reactor, chat::Directory& directory, chat::HybridLogicalClock& clock,
                     chat::GatewayIdentity identity, milliseconds lease, Callbacks callbacks)
    : reactor_(reactor),
      directory_(directory),
      clock_(clock),
      identity_(std::move(identity)),
      lease_(lease),
      callbacks_(std::move(callbacks)),
      gate_(reactor.executor()),
      renew_timer_(reactor.executor()),
      retry_timer_(reactor.executor()),
      resync_timer_(reactor.executor()) {}

void Registrar::start() {
  reactor_.post([this] { gate_.spawn(keep_lease()); });
}

chat::Task<void> Registrar::stop(Leaving leaving) {
  stopping_ = true;
  renew_timer_.cancel();
  retry_timer_.cancel();
  resync_timer_.cancel();
  co_await gate_.close();
  if (leaving == Leaving::with_something_to_tell) co_return;
  const chat::Result<void> closed = co_await directory_.close(identity_);
  if (!closed) runtime::log::warn("lease_not_closed", {{"reason", closed.error().message}});
}

void Registrar::ensure(std::string user, std::uint64_t fence, runtime::Reactor& home, Done done) {
  reactor_.post([this, user = std::move(user), fence, waiter = Waiter{&home, std::move(done)}]() mutable {
    want(std::move(user), true, fence, std::move(waiter));
  });
}

void Registrar::release(std::string user, std::uint64_t fence) {
  reactor_.post([this, user = std::move(user), fence]() mutable { want(std::move(user), false, fence, {}); });
}

void Registrar::want(std::string user, bool present, std::uint64_t fence, Waiter waiter) {
  Wanted& wanted = wanted_[std::move(user)];
  if (fence > wanted.fence) {
    wanted.present = present;
    wanted.fence = fence;
  }
  if (waiter.done) {
    wanted.waiters.push_back(std::move(waiter));
  } else if (present) {
    wanted.owed = true;
  }
  if (applying_ || stopping_) return;
  applying_ = true;  // before: the coroutine may run to its end within spawn()
  gate_.spawn(apply_changes());
}

chat::Task<void> Registrar::apply_changes() {
  while (!wanted_.empty() && !stopping_) {
    co_await apply_one_batch();
    if (failures_in_a_row_ == 0) continue;
    if (stopping_) break;
    retry_timer_.expires_after(std::min(kRetryMax, kRetryMin * (1 << std::min(failures_in_a_row_ - 1, 5))));
    boost::system::error_code stopped;
    co_await retry_timer_.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
  }
  applying_ = false;
}

chat::Task<void> Registrar::apply_one_batch() {
  std::vector<std::pair<std::string, Wanted>> batch;
  std::vector<chat::RecordChange> changes;
  // In one pass, as begin() of a flat map passes over all of its empty places first.
  for (auto entry = wanted_.begin(); entry != wanted_.end() && batch.size() < kChangesPerBatchMax;) {
    changes.push_back({.user = entry->first, .present = entry->second.present, .fence = entry->second.fence});
    batch.emplace_back(entry->first, std::move(entry->second));
    wanted_.erase(entry++);
  }
  if (wanted_.empty()) runtime::StringMap<Wanted>().swap(wanted_);  // else a burst's places are passed over ever after
  const chat::Result<chat::Timestamp> applied = co_await directory_.apply(identity_, changes);
  failures_in_a_row_ = applied ? 0 : failures_in_a_row_ + 1;
  // Before anybody learns that he is registered: what he answers is later than what he has seen elsewhere.
  if (applied) heard_time(*applied, false);
  const chat::Result<void> outcome = applied ? chat::Result<void>() : std::unexpected(applied.error());
  for (auto& [user, wanted] : batch) settle(std::move(user), std::move(wanted), outcome);
}

void Registrar::settle(std::string user, Wanted wanted, const chat::Result<void>& outcome) {
  for (Waiter& waiter : wanted.waiters) {
    waiter.home->post([done = std::move(waiter.done), outcome] { done(outcome); });
  }
  if (outcome) return;
  // A registration that somebody waited for has failed for them, and their session's end will be a release of its own.
  // What nobody waits for must still become true.
  if (!wanted.present || wanted.owed) want(std::move(user), wanted.present, wanted.fence, {});
}

chat::Task<void> Registrar::keep_lease() {
  while (!stopping_) {
    co_await renew_once();
    if (stopping_) break;
    renew_timer_.expires_after(lease_ / kRenewalsPerLease);
    boost::system::error_code stopped;
    co_await renew_timer_.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
  }
}

chat::Task<void> Registrar::renew_once() {
  const bool first = std::exchange(first_renewal_, false);
  const auto asked_at = std::chrono::steady_clock::now();
  auto state = co_await directory_.renew(identity_, lease_);
  if (!state) co_return;  // the adapter has said so in the readiness; users can't be found when the lease runs out
  heard_time(state->now, std::chrono::steady_clock::now() - asked_at < kPromptMax);
  const bool lost = !first && state->opening != opening_;
  const bool someone_died = deaths_.has_value() && *deaths_ != state->deaths;
  opening_ = std::move(state->opening);
  deaths_ = state->deaths;
  const bool refresh = --renewals_until_refresh_ <= 0;
  if (refresh) renewals_until_refresh_ = static_cast<int>(kRefreshEvery / (lease_ / kRenewalsPerLease));
  if (lost || refresh) callbacks_.register_all_again();
  if (lost) runtime::log::warn("directory_lost_records", {{"gateway", identity_.url}});
  if (someone_died) runtime::log::warn("gateway_died", {{"noticed_by", identity_.url}});
  if (!lost && !someone_died) co_return;
  resync_wanted_at_ = std::chrono::steady_clock::now();
  if (std::exchange(resync_due_, true)) co_return;
  gate_.spawn(resync_when_found_again());
}

// A reading that was long on its way is behind, which does no harm but to the times that people see; a clock that has
// never followed may be ahead.
void Registrar::heard_time(chat::Timestamp now, bool prompt) {
  if (now == 0) return;
  const bool first = !std::exchange(clock_follows_, true);
  if (prompt || first) {
    clock_.follow(now);
  } else {
    clock_.pass(now);
  }
}

// Not before the users are found again and what was sent before that is stored, or known to be late: then a sync shows
// what was missed.
chat::Task<void> Registrar::resync_when_found_again() {
  const auto written = [this] { return failures_in_a_row_ == 0 && wanted_.size() < kChangesPerBatchMax; };
  while (!stopping_ && (std::chrono::steady_clock::now() < resync_wanted_at_ + kResyncAfter || !written())) {
    resync_timer_.expires_after(kResyncPoll);
    boost::system::error_code stopped;
    co_await resync_timer_.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
  }
  resync_due_ = false;
  if (!stopping_) callbacks_.resync_all();
}

}  // namespace simplechat::sv_websocket
