// The sessions of one reactor, by key and by user. Lives on its reactor; owns the sessions.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/relay.h"
#include "chat/revocations.h"
#include "runtime/gate.h"
#include "runtime/sharded_map.h"
#include "sv_websocket/address_table.h"
#include "sv_websocket/roster.h"
#include "sv_websocket/session.h"
#include "sv_websocket/transport.h"
#include "sv_websocket/upgraded_socket.h"

namespace simplechat::sv_websocket {

class Hub {
 public:
  Hub(runtime::Reactor& reactor, Transport& transport, Roster& roster, ConnectionLimits limits);
  ~Hub();

  // Called once, before the first session.
  void connect(SessionServices& services) { services_ = &services; }

  // Takes over an upgraded socket. `client`: whose place in the address table was taken, to be given back when the
  // session ends.
  void accept(UpgradedSocket socket, IpAddress client = {});
  // nullptr once the session is gone.
  [[nodiscard]] Session* find(SessionKey key);
  void destroy(SessionKey key);

  // Enters the session under its user(), and takes it out again. The change is the gateway's, to be told to the
  // directory.
  Roster::Change add(Session& session);
  Roster::Change remove(Session& session);

  void deliver(const chat::DeliveryView& delivery, SessionKey except);
  // Tells every session that is registered now to resync, kResyncsPerTickMax of them with each call of resync_some():
  // each is followed by a sync, and a store that has just come back must not drown in them.
  void resync_all() { resynced_ = 0; }
  void resync_some();

  void close_all(std::uint16_t code, std::string_view reason);
  // Ends the sessions whose clients have not finished the closing handshake. Before destruction: a session leaves the
  // hub, the roster and the services when it ends.
  void end_all();
  // Closes the sessions whose registration rests on what is revoked.
  void close_revoked(std::span<const chat::Revocation> revocations);

  // Slots that have been given out: each holds a session, or did.
  [[nodiscard]] std::size_t slots() const { return slots_.size(); }
  // Calls visit(Session&) for the sessions in slots [begin, end), registered or not.
  template <class Visit>
  void for_each_session(std::size_t begin, std::size_t end, Visit visit) {
    for (std::size_t slot = begin; slot < end && slot < slots_.size(); ++slot) {
      if (slots_[slot].session) visit(*slots_[slot].session);
    }
  }
  // Calls visit(Session&) for the registered sessions of a user. `visit` must not end one at once.
  template <class Visit>
  void for_each_session_of(std::string_view user, Visit visit) {
    const auto entry = by_user_.find(user);
    if (entry == by_user_.end()) return;
    for (Session* session : entry->second) {
      if (session->registered()) visit(*session);
    }
  }

  // Senders that wait for the publisher.
  void pause(Session& session);
  void resume_paused();

  // Calls session.check_view() when MissedUsers::kCheckAfter has passed, if the session still is there.
  void check_later(const Session& session);
  // Both these and, where there is a time limit, those of sessions that have not registered.
  void run_checks(std::chrono::steady_clock::time_point now);

  // Checks heartbeats of a part of the sessions; all have been checked after kHeartbeatRounds calls, once a second.
  void tick();
  // Calls session.check_expiry() with each tick() from now on, as long as it says so.
  void watch_expiry(const Session& session);

  [[nodiscard]] std::size_t sessions_of(std::string_view user) const;
  [[nodiscard]] std::size_t sessions() const { return slots_.size() - free_.size(); }
  [[nodiscard]] runtime::Reactor& reactor() { return reactor_; }
  [[nodiscard]] runtime::Gate& gate() { return gate_; }
  template <class Visit>
  void for_each_user(Visit visit) const {
    for (const auto& [user, keys] : by_user_) visit(user);
  }

  static constexpr std::uint32_t kHeartbeatRounds = 15;

 private:
  static constexpr std::size_t kResyncsPerTickMax = 1000;

  static constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();

  struct Slot {
    std::unique_ptr<Session> session;
    std::uint32_t generation = 1;
  };

  struct Check {
    std::chrono::steady_clock::time_point at;
    SessionKey session;
  };

  runtime::Reactor& reactor_;
  Transport& transport_;
  Roster& roster_;
  ConnectionLimits limits_;
  SessionServices* services_ = nullptr;
  runtime::Gate gate_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  runtime::StringMap<std::vector<Session*>> by_user_;
  std::vector<SessionKey> paused_;
  std::deque<Check> checks_;          // earliest first
  std::deque<Check> unknowns_;        // likewise; one for each session of the last register_timeout
  std::vector<SessionKey> expiring_;  // whose token expires before the next round
  std::size_t next_check_ = 0;
  std::size_t resynced_ = kNobody;  // slots whose sessions have been told; kNobody: none has to be
};

}  // namespace simplechat::sv_websocket
