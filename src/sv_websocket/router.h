// Brings an encoded frame to every session of a user: on this reactor directly, on another reactor by its mailbox, on
// another gateway by asking the directory where and handing it to that gateway's API.
//
// Each hop to the outside has one batch in flight while the next one fills: one locate() for all frames of the turns
// meanwhile, one deliver() per gateway. A frame whose user was found before goes to that gateway while the directory is
// asked (see LocationHints). Order per recipient holds along each hop. Lives on its reactor; deliver_here() is also
// what frames from other gateways go through.
//
// Nothing is passed over in silence: a user whose frame could not be looked up or handed over, or whose message reached
// the store late, is told to `resync` as soon as a sync would show it (see MissedUsers) and the user can be reached.
// Bounds: kWaitingBytesMax for the look-up and per gateway, kMailboxBytesMax per pair of reactors: beyond, ephemeral
// frames are dropped and the recipients of others are remembered for a resync; MissedUsers::kUsersMax users are
// remembered, more are counted.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chat/directory.h"
#include "chat/relay.h"
#include "runtime/gate.h"
#include "runtime/mailbox.h"
#include "runtime/turn_end.h"
#include "sv_websocket/handovers.h"
#include "sv_websocket/location_hints.h"
#include "sv_websocket/missed_users.h"
#include "sv_websocket/probe.h"
#include "sv_websocket/roster.h"
#include "sv_websocket/session_key.h"

namespace simplechat::sv_websocket {

// What one reactor hands to another at the end of a turn.
struct HandedDeliveries {
  chat::DeliveryBatch deliveries;
  std::chrono::steady_clock::time_point since;  // when the first was added

  [[nodiscard]] std::size_t bytes() const { return deliveries.bytes(); }
  [[nodiscard]] bool empty() const { return deliveries.empty(); }
  void clear() { deliveries.clear(); }
};
using DeliveryMailbox = runtime::Mailbox<HandedDeliveries>;

class Router final : private runtime::TurnEnd::Hook {
 public:
  static constexpr std::size_t kWaitingBytesMax = 16UL * 1024 * 1024;
  static constexpr std::size_t kMailboxBytesMax = 16UL * 1024 * 1024;
  // Each is followed by a sync: a store that has just come back must not drown in them.
  static constexpr std::size_t kResyncsPerTickMax = 1000;

  struct Parts {
    runtime::Reactor& reactor;
    runtime::TurnEnd& turn_end;
    Roster& roster;
    chat::Directory& directory;
    chat::Relay& relay;
    Probe& probe;
    std::string own_url;
    // Gives the frame to the sessions of this reactor.
    std::function<void(const chat::DeliveryView& delivery, SessionKey except)> to_sessions;
  };

  explicit Router(Parts parts);
  virtual ~Router() = default;

  // Where frames for the other reactors go, by index; the own place is empty. Called once, before anything is routed.
  void connect(std::vector<DeliveryMailbox*> mailboxes);
  chat::Task<void> stop() { return gate_.close(); }

  // To every session of the user but `except`, wherever it is. `at` is the time that the frame carries, 0 if none. What
  // cannot be done at once becomes a part of `ticket`.
  void deliver(const chat::DeliveryView& delivery, chat::Timestamp at, SessionKey except,
               Handovers::Ticket ticket = Handovers::kNone);
  // Remembers that a message for the user was routed and is about to be published.
  void message_routed(std::string_view user) { missed_.routed(user); }
  // To the sessions of this gateway only. False if there are none.
  bool deliver_here(const chat::DeliveryView& delivery, SessionKey except);

  [[nodiscard]] Handovers& handovers() { return handovers_; }

  // What waits now, and how much may.
  void add_depths(Depths& depths) const;
  static void add_bounds(Depths& bounds);

  // Called a few times a second: tells those to resync who may have missed what is in the store by `stored_until`.
  void tick(MissedUsers::TimePoint stored_until, MissedUsers::TimePoint now);
  // Nothing is under way and nobody is left to be told: the gateway may go.
  [[nodiscard]] bool idle() const { return missed_.empty() && to_look_up_.empty() && !looking_up_ && peers_.empty(); }

 private:
  enum class Attempt : std::uint8_t { first, last };
  enum class HandOver : std::uint8_t { pending, delivered, absent, failed };
  using Where = MissedUsers::Where;

  // A frame that was handed to the hinted gateway before its look-up has ended. What has to be done depends on both
  // outcomes, and is done with the second.
  struct Hinted {
    enum class LookUp : std::uint8_t { pending, confirmed, refuted };

    std::string url;
    Handovers::Ticket ticket = Handovers::kNone;
    LookUp look_up = LookUp::pending;
    HandOver hand_over = HandOver::pending;
  };
  using HintedFrame = std::shared_ptr<Hinted>;  // null: not hinted

  // Deliveries with what the router itself must know of each.
  struct Batch {
    chat::DeliveryBatch deliveries;
    std::vector<Handovers::Ticket> tickets;
    std::vector<Attempt> attempts;
    std::vector<HintedFrame> hinted;
    std::chrono::steady_clock::time_point since;  // when the first of these deliveries was accepted

    void add(const chat::DeliveryView& delivery, chat::Timestamp at, Handovers::Ticket ticket, Attempt attempt,
             HintedFrame hinted_frame);
    void clear();
    [[nodiscard]] std::size_t size() const { return tickets.size(); }
    [[nodiscard]] bool empty() const { return tickets.empty(); }
  };

  // What waits to be handed to one gateway while a batch is on its way there; gone when nothing is.
  struct Peer {
    Batch waiting;
  };

  // The users of a batch, each once.
  struct Asked {
    std::vector<std::string> users;
    std::vector<std::size_t> index_of;                              // by delivery
    boost::unordered_flat_map<std::string_view, std::size_t> seen;  // into the batch

    void list(const chat::DeliveryBatch& batch);
  };

  void on_turn_end() override;
  chat::Task<void> look_up();
  chat::Task<void> look_up_batch();
  void look_up_later(const chat::DeliveryView& delivery, chat::Timestamp at, Handovers::Ticket ticket);
  void look_up_again(const Batch& batch, std::size_t index, Handovers::Ticket ticket);
  void learn(const chat::Locations& located);
  [[nodiscard]] HintedFrame follow_hint(const chat::DeliveryView& delivery, chat::Timestamp at,
                                        Handovers::Ticket ticket);
  void look_up_ended(Hinted& hinted, bool confirmed, std::size_t index);
  void hand_over(const std::string& url, const Batch& batch, std::size_t index);
  [[nodiscard]] Batch* waiting_for(const std::string& url, const chat::DeliveryView& delivery,
                                   std::chrono::steady_clock::time_point since);
  chat::Task<void> relay(std::string url, Peer& peer);
  void handed_over(const Batch& batch, std::size_t index, HandOver outcome);
  void after_hand_over(const Batch& batch, std::size_t index, HandOver outcome, Handovers::Ticket ticket);
  void done(const Batch& batch);
  void missed(const chat::DeliveryView& delivery, Where where, MissedBy reason);
  void missed_all(const chat::DeliveryBatch& batch, Where where, MissedBy reason);

  Parts parts_;
  runtime::Gate gate_;
  std::vector<DeliveryMailbox*> mailboxes_;
  std::vector<HandedDeliveries> outgoing_;  // by reactor, to be posted at the end of the turn
  Batch to_look_up_;
  Batch looked_up_;  // under way
  Asked asked_;      // of looked_up_
  bool looking_up_ = false;
  LocationHints hints_;
  runtime::StringMap<std::unique_ptr<Peer>> peers_;
  Handovers handovers_;
  MissedUsers missed_{std::chrono::steady_clock::now()};
};

}  // namespace simplechat::sv_websocket
