// Keeps the directory in step with the roster: one batch of changes in flight, the next one fills meanwhile; keeps the
// gateway's lease; and keeps the gateway's clock by the directory's.
//
// Lives on one reactor of the gateway; ensure() and release() may be called from any. Changes of a user that wait are
// joined, the one with the highest fence counts, so what waits is bounded by the users of this gateway. When the
// directory is away, registrations fail with `unavailable` and releases are kept and repeated with backoff. When the
// directory says that it lost our records (an expired lease, a Redis that lost its data), everything is registered
// again and the sessions are told to resync, because others could not find them meanwhile. They are told so, too, when
// another gateway has died: it may have passed over some of them, and be the only one that knew.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/clock.h"
#include "chat/directory.h"
#include "runtime/gate.h"
#include "runtime/reactor.h"
#include "runtime/sharded_map.h"
#include "sv_websocket/roster.h"

namespace simplechat::sv_websocket {

class Registrar {
 public:
  using Done = std::function<void(chat::Result<void>)>;

  // What the registrar asks of the gateway. Called on the registrar's reactor.
  struct Callbacks {
    std::function<void()> register_all_again;  // call ensure() for every user that the gateway holds
    std::function<void()> resync_all;          // tell every session that live delivery may have missed something
  };

  Registrar(runtime::Reactor& reactor, chat::Directory& directory, chat::HybridLogicalClock& clock,
            chat::GatewayIdentity identity, std::chrono::milliseconds lease, Callbacks callbacks);

  // Starts renewing the lease.
  void start();
  enum class Leaving : std::uint8_t { with_nothing_to_tell, with_something_to_tell };

  // Ends the lease, so that nobody looks for this gateway's users here any more; or, if the gateway goes with something
  // to tell, leaves it to run out, as that of one that died, so that the others do what it could not. On the
  // registrar's reactor.
  chat::Task<void> stop(Leaving leaving);

  // Makes sure that the directory holds `user` for this gateway. `done`, which may be empty, is called on `home` with
  // the outcome. Thread-safe.
  void ensure(std::string user, std::uint64_t fence, runtime::Reactor& home, Done done);
  // Tells the directory that this gateway no longer holds `user`. Thread-safe.
  void release(std::string user, std::uint64_t fence);

 private:
  struct Waiter {
    runtime::Reactor* home;
    Done done;
  };
  struct Wanted {
    bool present = false;
    std::uint64_t fence = 0;
    bool owed = false;  // somebody wants the user present who does not wait for the outcome, and so would not ask again
    std::vector<Waiter> waiters;
  };

  void want(std::string user, bool present, std::uint64_t fence, Waiter waiter);
  chat::Task<void> apply_changes();
  chat::Task<void> apply_one_batch();
  void settle(std::string user, Wanted wanted, const chat::Result<void>& outcome);
  chat::Task<void> keep_lease();
  chat::Task<void> renew_once();
  void heard_time(chat::Timestamp now, bool prompt);
  chat::Task<void> resync_when_found_again();

  runtime::Reactor& reactor_;
  chat::Directory& directory_;
  chat::HybridLogicalClock& clock_;
  const chat::GatewayIdentity identity_;
  const std::chrono::milliseconds lease_;
  const Callbacks callbacks_;

  runtime::Gate gate_;
  boost::asio::steady_timer renew_timer_;
  boost::asio::steady_timer retry_timer_;
  boost::asio::steady_timer resync_timer_;
  runtime::StringMap<Wanted> wanted_;
  std::string opening_;                 // of the lease, as last heard
  std::optional<std::int64_t> deaths_;  // as last heard
  bool first_renewal_ = true;
  bool clock_follows_ = false;
  bool applying_ = false;
  bool resync_due_ = false;
  std::chrono::steady_clock::time_point resync_wanted_at_{};  // last
  bool stopping_ = false;
  int renewals_until_refresh_ = 0;
  int failures_in_a_row_ = 0;
};

}  // namespace simplechat::sv_websocket
