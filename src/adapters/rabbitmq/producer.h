// A thread with its own connection in confirm mode, which publishes to some of the queues.
//
// For each queue it sends a body at once if none is unconfirmed, and otherwise joins what arrives meanwhile until the
// body is full or has waited long enough (Linger); at most kBodiesUnconfirmedMax are under way. A lost connection is
// made again with backoff, and what was not confirmed is sent again, the same, in the same order, for as long as its
// deadline is not past. While the broker blocks publishers, everything waits within its deadline.
//
// submit() is thread-safe; everything else happens on the producer's thread. The destructor cuts the connection, fails
// what is left, and joins.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "adapters/rabbitmq/backoff.h"
#include "adapters/rabbitmq/body_assembler.h"
#include "adapters/rabbitmq/connection.h"
#include "adapters/rabbitmq/linger.h"
#include "adapters/rabbitmq/link_status.h"
#include "adapters/rabbitmq/probe.h"
#include "adapters/rabbitmq/wakeup.h"

namespace simplechat::adapters::rabbitmq {

class Producer final : private ConnectionHandler {
 public:
  static constexpr std::size_t kBodiesUnconfirmedMax = 8;  // per queue
  static constexpr std::chrono::milliseconds kLingerMax{100};

  struct Options {
    BrokerAddress address;
    Topology topology;
    std::string name;                                 // shown by the broker's tools
    std::vector<std::string> queues;                  // that it publishes to; a submit() names one by its index
    std::chrono::microseconds linger{2000};           // at least
    std::chrono::milliseconds confirm_timeout{5000};  // beyond, the broker counts as down
    runtime::MetricsRegistry* metrics = nullptr;      // outlives the producer; nullptr: nothing is counted
  };

  // `link`: this producer's index in `status`, which outlives it.
  Producer(Options options, LinkStatus& status, std::size_t link);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  void submit(std::size_t queue, Part part);
  // Published as it is, not joined with others.
  void submit(std::size_t queue, Body body);

 private:
  struct Submitted {
    std::size_t queue;
    Part part;
    std::optional<Body> body;  // instead of the part
  };
  struct Lane {
    std::string queue;
    BodyAssembler assembler;
    std::deque<Body> ready;  // before what the assembler has
    std::size_t unconfirmed = 0;
  };
  struct Unconfirmed {
    std::size_t lane;
    Body body;
    TimePoint sent_at;
  };

  void submit(Submitted submitted);
  void run();
  [[nodiscard]] bool stopping();
  void take_submitted(TimePoint now);
  void connect(TimePoint now);
  [[nodiscard]] Outcome open();
  void lose(const std::string& reason, TimePoint now);
  [[nodiscard]] Outcome send_due(TimePoint now);
  [[nodiscard]] std::optional<Body> next_due(Lane& lane, TimePoint now);
  void fail_expired(TimePoint now);
  void report_health(TimePoint now);
  [[nodiscard]] TimePoint next_event(TimePoint now) const;
  void fail_all(std::string_view reason);

  void on_confirmed(std::uint64_t number, bool multiple) override;
  void on_refused(std::uint64_t number, bool multiple) override;
  void on_blocked(std::string_view reason) override;
  void on_unblocked() override;
  void finish(std::uint64_t number, bool multiple, std::string_view failure);

  const Options options_;
  LinkStatus& status_;
  const std::size_t link_;
  Wakeup wakeup_;
  std::optional<ProducerProbe> probe_;

  // The thread's own.
  std::vector<Lane> lanes_;
  std::map<std::uint64_t, Unconfirmed> unconfirmed_;  // by the number of its publish on this connection
  std::uint64_t last_number_ = 0;
  Linger linger_;
  bool connected_ = false;
  std::string blocked_reason_;  // empty: not blocked
  Backoff backoff_;
  TimePoint next_attempt_;
  std::vector<Submitted> taken_;

  std::mutex mutex_;
  std::vector<Submitted> submitted_;        // guarded by mutex_
  std::unique_ptr<Connection> connection_;  // replaced under mutex_, used by the thread
  bool stopping_ = false;                   // guarded by mutex_

  std::thread thread_;
};

}  // namespace simplechat::adapters::rabbitmq
