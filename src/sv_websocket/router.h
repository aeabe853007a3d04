// Brings an encoded frame to every session of a user: on this reactor directly, on another reactor by its mailbox, on
// another gateway by asking the directory where and handing it to that gateway's API.
//
// Each hop to the outside has one batch in flight while the next one fills: one locate() for all frames of the turns
// meanwhile, one deliver() per gateway. Order per recipient holds along each hop. Lives on its reactor; deliver_here()
// is also what frames from other gateways go through.
//
// Nothing is passed over in silence: a user whose frame could not be looked up or handed over is remembered and told to
// `resync` as soon as it can be reached. Bounds: kWaitingBytesMax for the look-up and per gateway, kMailboxBytesMax per
// pair of reactors: beyond, ephemeral frames are dropped and the recipients of others are remembered for a resync;
// kMissedUsersMax users are remembered, beyond that a warning is logged and counted.
#pragma once

#include <boost/asio/steady_timer.hpp>
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
#include "sv_websocket/probe.h"
#include "sv_websocket/roster.h"
#include "sv_websocket/session_key.h"

namespace simplechat::sv_websocket {

using DeliveryMailbox = runtime::Mailbox<chat::DeliveryBatch>;

class Router final : private runtime::TurnEnd::Hook {
 public:
  static constexpr std::size_t kWaitingBytesMax = 16UL * 1024 * 1024;
  static constexpr std::size_t kMailboxBytesMax = 16UL * 1024 * 1024;
  static constexpr std::size_t kMissedUsersMax = 200'000;

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
  void connect(std::vector<DeliveryMailbox*> mailboxes) { mailboxes_ = std::move(mailboxes); }
  void start();
  chat::Task<void> stop();

  // To every session of the user but `except`, wherever it is. `at` is the time that the frame carries, 0 if none.
  void deliver(const chat::DeliveryView& delivery, chat::Timestamp at, SessionKey except);
  // To the sessions of this gateway only. False if there are none.
  bool deliver_here(const chat::DeliveryView& delivery, SessionKey except);

 private:
  enum class Attempt : std::uint8_t { first, last };

  enum class Missed : std::uint8_t { elsewhere, here };  // by other gateways' sessions, or by this gateway's too

  // What waits to be handed to one gateway while a batch is on its way there; gone when nothing is.
  struct Peer {
    chat::DeliveryBatch waiting;
    std::vector<Attempt> attempts;  // of the deliveries in `waiting`
  };

  void on_turn_end() override;
  chat::Task<void> look_up();
  chat::Task<void> look_up_batch(const chat::DeliveryBatch& batch, Attempt attempt);
  void hand_over(const std::string& url, const chat::DeliveryView& delivery, chat::Timestamp at, Attempt attempt);
  chat::Task<void> relay(std::string url, Peer& peer);
  void take_back(const chat::DeliveryBatch& batch, const std::vector<Attempt>& attempts,
                 const std::vector<std::size_t>& absent);
  void look_up_later(const chat::DeliveryView& delivery, chat::Timestamp at);
  void missed(const chat::DeliveryView& delivery, Missed where);
  void missed_all(const chat::DeliveryBatch& batch, Missed where);
  chat::Task<void> resync_missed();

  Parts parts_;
  runtime::Gate gate_;
  std::vector<DeliveryMailbox*> mailboxes_;
  std::vector<chat::DeliveryBatch> outgoing_;  // by reactor, to be posted at the end of the turn
  chat::DeliveryBatch to_look_up_;             // first attempt
  chat::DeliveryBatch to_look_up_again_;       // a gateway did not hold the user after all
  bool looking_up_ = false;
  runtime::StringMap<std::unique_ptr<Peer>> peers_;
  runtime::StringMap<Missed> missed_users_;
  boost::asio::steady_timer resync_timer_;
};

}  // namespace simplechat::sv_websocket
