// A client that keeps to the contract: it registers, syncs from the cursor that it kept, repeats what was not acked
// under the same id, syncs when told to, and comes back with full jitter, to any gateway. It answers some of what it
// sees.
//
// Speaks WebSocket over a socketpair whose other end the gateway's hub holds. Between it and the gateway lies the
// world's network: bytes take their time, and wait while it is cut or the gateway stalls.
#pragma once

#include <simdjson.h>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gateway.h"
#include "journal.h"
#include "websocket/decoder.h"
#include "world.h"

namespace simplechat::sim {

// How the clients of a seed behave.
struct Habits {
  double send = 0.1;         // chance at each tick, some ten a second
  double answer = 0.2;       // chance for each message seen
  double leave = 0;          // chance at each tick to drop the connection, while there are faults
  double register_anew = 0;  // chance at each tick to unregister and register again, while there are faults
  double doze = 0;           // chance at each tick to do nothing, not even read, for seconds, while there are faults
};

class Client final : private websocket::DecoderEvents {
 public:
  Client(World& world, Gateways& gateways, Journal& journal, const Habits& habits, std::string user, int device,
         std::vector<std::string> peers);
  virtual ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void start();
  void send_often() { often_ = true; }
  void stop_sending() { sending_ = false; }
  // Syncs once more, to the end.
  void sync_again();
  // Closes the connection and makes none again.
  void leave_for_good();

  [[nodiscard]] const Seen& seen() const { return seen_; }
  [[nodiscard]] std::size_t unacked() const { return unacked_.size(); }

 private:
  enum class State : std::uint8_t { offline, registering, registered };

  struct Outgoing {
    TimePoint due;
    std::string bytes;
  };
  struct Unacked {
    MessageKey key;
    std::string frame;
    std::optional<TimePoint> sent;   // on this connection
    std::optional<TimePoint> again;  // refused: when to send it again
  };

  void tick();
  void act();
  void connect();
  void disconnect();
  void abandon(std::string_view why);
  void come_back_later();
  void send_register();
  void send_new_message();
  void answer(const MessageKey& key, chat::Timestamp at);
  void write_message(const std::string& to, std::optional<MessageKey> answers, chat::Timestamp answered_at);
  void send_message(Unacked& message);
  void repeat_unacked();
  void request_sync();
  void send(std::string frame);
  void pump();
  void wait_readable();
  void read_later();
  void read();
  [[nodiscard]] bool held() const;
  [[nodiscard]] microseconds latency();

  void on_text(std::string_view text) override;
  void on_binary(std::string_view /*bytes*/) override {}
  void on_ping(std::string_view payload) override;
  void on_pong(std::string_view /*payload*/) override {}
  void on_close(std::uint16_t code, std::string_view reason) override;

  void on_registered();
  void on_ack(simdjson::dom::object frame);
  void on_error(simdjson::dom::object frame);
  void on_normal(simdjson::dom::object frame);
  void on_sync(simdjson::dom::object frame);

  World& world_;
  Gateways& gateways_;
  Journal& journal_;
  const Habits& habits_;
  Random random_;
  const std::string user_;
  const std::string name_;
  const std::vector<std::string> peers_;
  Seen seen_;

  State state_ = State::offline;
  std::optional<boost::asio::posix::basic_stream_descriptor<runtime::Executor>> socket_;
  std::uint64_t connection_ = 0;  // counts them
  Process* gateway_ = nullptr;
  websocket::Decoder decoder_;
  simdjson::dom::parser parser_;
  boost::asio::steady_timer tick_timer_;
  boost::asio::steady_timer write_timer_;
  boost::asio::steady_timer read_timer_;
  std::deque<Outgoing> outgoing_;
  bool ended_by_peer_ = false;

  std::string cursor_;
  std::deque<Unacked> unacked_;
  std::uint64_t messages_ = 0;
  std::uint64_t sync_ref_ = 0;
  std::optional<TimePoint> sync_sent_;
  std::optional<TimePoint> sync_again_at_;
  std::optional<TimePoint> register_at_;
  TimePoint registering_since_{};
  TimePoint back_at_{};
  int attempts_ = 0;
  bool sync_wanted_ = false;
  TimePoint awake_at_{};
  bool sending_ = true;
  bool often_ = false;
  bool gone_ = false;
};

}  // namespace simplechat::sim
