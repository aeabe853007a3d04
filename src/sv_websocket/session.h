// One client's session: takes its frames, holds it to the contract's order (register first, only for itself), and
// answers.
//
// Lives on its reactor, owned by the hub. Everything that it needs from elsewhere stands in SessionServices.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/authenticator.h"
#include "chat/clock.h"
#include "chat/connect_hook.h"
#include "chat/message_store.h"
#include "sv_websocket/address_table.h"
#include "sv_websocket/approvals.h"
#include "sv_websocket/client_address.h"
#include "sv_websocket/connection.h"
#include "sv_websocket/contacts.h"
#include "sv_websocket/credential.h"
#include "sv_websocket/gatekeeper.h"
#include "sv_websocket/handovers.h"
#include "sv_websocket/limits.h"
#include "sv_websocket/probe.h"
#include "sv_websocket/session_key.h"
#include "sv_websocket/turn_clock.h"
#include "wire/client_frame.h"

namespace simplechat::sv_websocket {

class Hub;
class Publisher;
class Registrar;
class Router;

// What the sessions of one reactor work with.
struct SessionServices {
  Hub& hub;
  Router& router;
  Publisher& publisher;
  Registrar& registrar;
  chat::MessageReader& reader;
  chat::HybridLogicalClock& clock;
  const Gatekeeper& gatekeeper;
  const Contacts& contacts;
  chat::ConnectHook* connect_hook;  // nullptr: nobody but the gatekeeper is asked
  Approvals* approvals;             // nullptr: messages are accepted without asking
  Probe& probe;
  TurnClock& turn_clock;
  ClientTables* clients;                             // where the sessions have their places; nullptr: nowhere
  const std::chrono::milliseconds register_timeout;  // 0: none
  const std::uint32_t user_sessions_max;             // 0: no limit
  const RateLimit frame_rate;                        // of a session, in kFrameUnits
  wire::FrameParser& parser;
  std::string scratch;      // for the frame being encoded
  std::string instance_id;  // ends the message ids that this gateway makes, and the session ids
};

// Delivers a message to the recipient's sessions and to the sender's other ones, wherever they are. `sender`: the
// session that it came from. `ticket`: an open one, of which the deliveries become parts. Leaves the frame in
// services.scratch.
void route_message(SessionServices& services, const chat::MessageView& message, SessionKey sender,
                   Handovers::Ticket ticket);

// What the person on call sees of a session.
struct SessionInfo {
  std::string session;  // as `registered` told it to the client
  std::string user;
  std::string device;   // as the client named it; may be empty
  std::string address;  // the client's, without a port if a trusted proxy told it; else the other end's
  std::uint32_t registered_for_s = 0;
  std::uint32_t silent_for_s = 0;
  std::size_t unsent_bytes = 0;
};

class Session final : private ConnectionHandler {
 public:
  static constexpr int kRequestsMax = 32;  // history, sync and conversations under way at once; beyond: rate_limited
  static constexpr std::uint32_t kRequestFrames = 20;  // as many frames one of them counts in the session's rate
  // So many frames refused for their rate between two heartbeat checks, and the session is read from no more for so
  // long.
  static constexpr std::uint8_t kRateRefusalsMax = 200;
  static constexpr std::uint32_t kThrottleMs = 1000;
  // So many messages at a time a session takes from its user's rate, so that the table is seldom asked.
  static constexpr std::uint8_t kMessagesGranted = 20;

  Session(SessionServices& services, Transport& transport, SessionKey key, int fd,
          std::unique_ptr<runtime::TlsStream> tls, IpAddress client, ConnectionLimits limits);
  virtual ~Session();

  void start(std::string_view response, std::string early) { connection_.start(response, std::move(early)); }

  [[nodiscard]] SessionKey key() const { return key_; }
  [[nodiscard]] const std::string& user() const { return user_; }

  // A frame for this session's user. While the registration is under way it is kept back until `registered` has gone
  // out.
  void deliver(std::string_view frame, chat::FrameClass frame_class);
  void acknowledge(std::string_view id, std::string_view to, chat::Timestamp at);
  void refused(const chat::MessageView& message, const chat::Error& error) { send_error(error, message.id); }
  void registration_ended(const chat::Result<void>& outcome);
  // Tells the client that live delivery may have missed something. False if there is nobody to tell: not registered, or
  // about to make its first sync.
  bool resync();
  void stop_reading(Pause reason) { connection_.pause_reading(reason); }
  void resume_reading(Pause reason) { connection_.resume_reading(reason); }
  // The application's word on a message of this session.
  void decided(const chat::Message& message, const chat::Result<chat::Approval>& approval);
  // Forgets the messages that wait for that word, and says so.
  void drop_waiting();

  [[nodiscard]] bool registered() const { return state_ == State::registered; }
  // While registered.
  [[nodiscard]] std::string id() const;
  [[nodiscard]] SessionInfo info() const;

  // Sends what is not bound to a user: draining.
  void send(std::string_view frame) { connection_.send_text(frame); }
  void close(std::uint16_t code, std::string_view reason) { connection_.close(code, reason); }

  // A token that came with the opening handshake, for a `register` that brings none.
  void offer_token(std::string token);
  // When the token was issued that the registration rests on, in seconds since the Unix epoch (0: it does not say), and
  // the hash of its id (0: it has none).
  [[nodiscard]] std::int64_t token_issued_s() const { return credential_ ? credential_->issued_s : 0; }
  [[nodiscard]] std::uint64_t token_hash() const { return credential_ ? credential_->token_hash : 0; }
  void revoked();

  // Called by the hub every Hub::kHeartbeatRounds seconds. Pings a silent peer, and closes one that stays silent.
  void check_heartbeat();
  // Called by the hub each second, as long as it returns true, once the token is about to expire. Closes the session
  // then.
  bool check_expiry();

  // Called by the hub MissedUsers::kCheckAfter after the registration: looks whether the session's first sync came
  // before the commit of something that was routed before the session could be found, and if so tells it to resync.
  // Likewise after a sync from which the store withheld something, until it does not any more.
  void check_view(std::chrono::steady_clock::time_point now);

  // Called by the hub register_timeout after the opening: closes the session if it has not tried to register as a user
  // that it may be.
  void check_known();

 private:
  enum class State : std::uint8_t { unregistered, admitting, registering, registered };  // admitting: the hook is asked

  // What piles up while the hook and the directory are asked; gone afterwards.
  struct Registering {
    std::vector<std::string> frames_in;  // at most one read buffer's worth: reading is paused
    std::vector<std::string> frames_out;
    std::string offered;  // the token, if it came with the opening handshake
    std::size_t bytes_out = 0;
    bool overflowed = false;
  };

  // What a session was shown in the time from its registration, or from a sync that could not show all, to its check.
  struct View {
    std::chrono::steady_clock::time_point until;
    std::vector<std::size_t> frames;    // hashes of the `normal` frames that it got or sent
    std::optional<std::string> cursor;  // of its latest sync, if that was answered to the end
    bool overflowed = false;

    void add(std::string_view frame);
    // Whether the session has seen all of the page, which then is behind it.
    [[nodiscard]] bool take(const chat::SyncPage& page);
  };
  static constexpr std::int64_t kRetryMsMin = 200;     // with rate_limited
  static constexpr std::size_t kViewFramesMax = 1000;  // beyond: a resync without looking

  void on_text(std::string_view text) override;
  void on_binary(std::string_view bytes) override;
  void on_pong() override;
  bool on_ping() override;
  void on_closed() override;

  void handle(const wire::RegisterFrame& frame);
  // What a `register` rests on.
  struct Proof {
    std::string token;
    bool offered = false;  // with the opening handshake
  };
  [[nodiscard]] Proof take_proof(const wire::RegisterFrame& frame);
  [[nodiscard]] chat::Result<void> find_room(const std::string& user);
  void refuse_registration(const chat::Error& error, Proof proof);
  void ask_hook(chat::Identity identity, Proof proof);
  void hook_answered(chat::Identity identity, Proof proof, chat::Result<std::string> user);
  void enter(chat::Identity identity, Proof proof);
  void renew(const wire::RegisterFrame& frame);
  void bind_to(const chat::Identity& identity);
  // Whether the token expires before the next check of the heartbeat.
  [[nodiscard]] bool expires_soon() const;
  void watch_expiry();
  void send_registered();
  // The client's address as far as it is known, else that of the connection's other end.
  [[nodiscard]] std::string client_address() const;
  void handle(const wire::UnregisterFrame& frame);
  void handle(const wire::NormalFrame& frame);
  void ask_about(const wire::NormalFrame& frame);
  // Hands the message to the queue and to its recipients. An empty `given_id`: it gets one. `sender`: this session,
  // unless it shall get the message, too.
  void accept(std::string_view given_id, std::string_view to, std::string_view payload, SessionKey sender);
  // Answers with an error if either of the two has blocked the other.
  [[nodiscard]] bool may_reach(std::string_view to, std::string_view id);
  [[nodiscard]] std::string make_message_id(chat::Timestamp at) const;
  void handle(const wire::TypingFrame& frame);
  void handle(const wire::MarkFrame& frame);
  void handle(const wire::HistoryFrame& frame);
  void handle(const wire::SyncFrame& frame);
  void handle(const wire::ConversationsFrame& frame);
  void handle(const wire::PingFrame& frame);

  // Answers with an error unless the session is registered and `from` is absent or its user.
  [[nodiscard]] bool may_act(std::string_view from, std::string_view id, std::string_view ref);
  [[nodiscard]] bool may_request(std::string_view from, std::string_view ref);
  // Counts so many frames in the session's rate. 0, or after how many milliseconds they would be taken.
  std::uint32_t take_frames(std::uint32_t frames, Limit limit);
  // Counts a message in its user's rate; answers with an error if that is used up.
  [[nodiscard]] bool take_message(std::string_view id);
  void refuse_for_rate(std::string_view text, std::uint32_t wait_ms);
  [[nodiscard]] std::uint32_t now_ms() const;
  void send_error(const chat::Error& error, std::string_view id = {}, std::string_view ref = {},
                  std::int64_t retry_ms = -1);
  void send_resync();
  void trace_delivery(std::string_view frame) const;
  void leave();
  [[nodiscard]] static std::uint32_t clock_s();
  void note_answer(const chat::SyncPage& page);
  void check_view_later();
  template <class Page>
  void note_answer(const Page& /*page*/) {}
  // Starts the request and sends what `encode(out, page)` makes of its outcome, if the session is still there then.
  template <class Query, class Encode>
  void request(Query query, std::string_view ref, Encode encode);

  SessionServices& services_;
  Connection connection_;
  std::string user_;  // while registering or registered
  std::unique_ptr<Registering> registering_;
  std::unique_ptr<View> view_;
  std::unique_ptr<Credential> credential_;
  std::unique_ptr<const std::string> device_;  // if the client named one
  IpAddress client_;                           // not known: as whom the connection says
  SessionKey key_;
  RateBucket frames_;
  std::uint32_t heard_ms_;
  std::uint32_t registered_s_ = 0;
  State state_ = State::unregistered;
  bool pinged_ = false;
  bool known_ = false;  // has said who it is, once at least
  bool expiry_watched_ = false;
  std::uint8_t requests_ = 0;
  std::uint8_t rate_refusals_ = 0;
  std::uint8_t messages_granted_ = 0;
};

}  // namespace simplechat::sv_websocket
