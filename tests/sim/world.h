// What all simulated processes of one seed share: the reactor, chance, the network between them, and the record of what
// happened.
//
// A process is alive, stalled (everything that it does to the outside waits) or dead (it has no effect any more, and
// what it waits for does not come until the seed ends). Objects of dead processes stay until then.
#pragma once

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/error.h"
#include "chat/message.h"
#include "chat/task.h"
#include "random.h"
#include "runtime/gate.h"
#include "runtime/reactor.h"
#include "runtime/reply.h"
#include "runtime/wait_list.h"
#include "virtual_time.h"

namespace simplechat::sim {

using chat::Result;
using chat::Task;
using TimePoint = std::chrono::steady_clock::time_point;

// Defects that a seed must find: each stands in a port or in a wire of the simulation, never in the product.
enum class Mutation : std::uint8_t {
  none,
  ack_before_confirm,    // the queue says "durable" before the broker did
  settle_before_commit,  // the broker forgets a body when it hands it out
  unfenced_delete,       // the directory takes changes as they come, whatever their fence
  no_dedupe,             // the store keeps a repeated message once more
  cursor_by_id,          // sync goes by ids that transactions draw when they begin, not by the order of commits
  untold_deaths,         // the directory does not tell of gateways that died
  own_clocks,            // the directory tells no time, so each gateway goes by its machine's clock
};

struct Options {
  std::uint64_t seed = 1;
  Mutation mutation = Mutation::none;
  bool faults = true;
  // Also hold replies against the time under which what they answer came to be stored. A message that was delivered but
  // not stored, and is repeated after it was answered, is stored with a later time than the answer.
  bool strict_order = false;
  bool send_hook = false;  // messages are asked about before they are accepted
  bool print = false;      // every event, to stdout
};

struct Process {
  std::string part;  // its name in the network; a restarted process has the name of the one before
  bool dead = false;
  TimePoint stalled_until{};
};

using Counts = std::map<std::string, std::uint64_t, std::less<>>;

// One way of a call.
struct Leg {
  microseconds delay{};
  bool lost = false;
};

// How bad the network is while there are faults.
struct Weather {
  double lost = 0;       // per leg
  double slow = 0;       // per leg: tens to hundreds of milliseconds
  double very_slow = 0;  // per leg: seconds, longer than callers wait
};

class World {
 public:
  explicit World(const Options& options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] runtime::Reactor& reactor() { return reactor_; }
  [[nodiscard]] runtime::Executor executor() { return reactor_.executor(); }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] bool mutated(Mutation mutation) const { return options_.mutation == mutation; }

  [[nodiscard]] TimePoint now() const { return std::chrono::steady_clock::now(); }
  [[nodiscard]] microseconds age() const;
  // What a clock says that is wrong by `offset`, in microseconds since the Unix epoch.
  [[nodiscard]] chat::Timestamp wall_clock(microseconds offset) const { return kEpoch + (age() + offset).count(); }
  Task<void> sleep(microseconds time);
  // Starts what nobody waits for; finish() does.
  void spawn(Task<void> work) { gate_.spawn(std::move(work)); }
  // Calls `work` then, unless the seed has ended.
  void at(TimePoint time, std::function<void()> work);

  // The network.
  void set_weather(Weather weather) { weather_ = weather; }
  void set_faults_end(TimePoint end) { faults_end_ = end; }
  [[nodiscard]] TimePoint faults_end() const { return faults_end_; }
  [[nodiscard]] bool faulty() const { return options_.faults && now() < faults_end_; }
  // Nothing passes between them until then; `*` is everybody.
  void cut(std::string a, std::string b, TimePoint until);
  // Until then much of what goes to or from it comes later than anybody waits.
  void slow_down(std::string part, TimePoint until);
  [[nodiscard]] bool is_cut(std::string_view a, std::string_view b) const;
  [[nodiscard]] Leg leg(std::string_view from, std::string_view to);

  // Ends when the process may do something: at once unless it is stalled or dead. False when it is dead and the seed
  // ends.
  Task<bool> pass(const Process& process);

  // A call over the network. `effect` happens at the other side; it may happen though the caller never learns of it,
  // and after the caller has given up. It and what it captures are copied to there. Calls with the same `channel`
  // arrive in the order in which they were made.
  template <class T>
  Task<Result<T>> call(const Process& from, std::string to, milliseconds deadline,
                       std::function<Task<Result<T>>()> effect, TimePoint* channel = nullptr);

  // The record.
  void trace(std::string_view who, std::string_view what, std::string_view about = {});
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_hash_; }
  // How often what happened.
  [[nodiscard]] const Counts& counts() const { return counts_; }

  // From now on dead processes' calls fail at once.
  void end();
  [[nodiscard]] bool ending() const { return ending_; }
  // Ends when all that was spawned has. After end().
  Task<void> finish() { return gate_.close(); }

 private:
  struct Cut {
    std::string a;
    std::string b;
    TimePoint until;
  };

  template <class T>
  Task<void> carry(std::string from, std::string to, std::function<Task<Result<T>>()> effect,
                   std::shared_ptr<runtime::Reply<Result<T>>> reply, TimePoint* channel);
  // The caller learns of a broken connection, or of nothing until its deadline.
  template <class T>
  void lose(const std::shared_ptr<runtime::Reply<Result<T>>>& reply) {
    if (random_.chance(0.5)) reply->set(chat::fail(chat::ErrorCode::unavailable, "the connection broke"));
  }

  static constexpr chat::Timestamp kEpoch = 1'700'000'000'000'000;  // when seeds begin

  const Options options_;
  VirtualTime time_;
  const TimePoint start_;
  runtime::Reactor reactor_{0};
  runtime::Gate gate_;
  runtime::WaitList the_end_;
  Random random_;
  TimePoint faults_end_{};
  Weather weather_;
  std::vector<Cut> cuts_;
  std::string slow_part_;
  TimePoint slow_until_{};
  std::uint64_t trace_hash_ = 0xcbf29ce484222325ULL;
  Counts counts_;
  bool ending_ = false;
};

template <class T>
Task<Result<T>> World::call(const Process& from, std::string to, milliseconds deadline,
                            std::function<Task<Result<T>>()> effect, TimePoint* channel) {
  const bool may_call = co_await pass(from);
  if (!may_call) co_return chat::fail(chat::ErrorCode::unavailable, "the process is dead");
  const auto reply = std::make_shared<runtime::Reply<Result<T>>>(executor(), now() + deadline);
  spawn(carry<T>(from.part, std::move(to), std::move(effect), reply, channel));
  std::optional<Result<T>> outcome = co_await reply->wait();
  const bool may_learn = co_await pass(from);
  if (!may_learn || !outcome) co_return chat::fail(chat::ErrorCode::unavailable, "no answer within the deadline");
  co_return *std::move(outcome);
}

template <class T>
Task<void> World::carry(std::string from, std::string to, std::function<Task<Result<T>>()> effect,
                        std::shared_ptr<runtime::Reply<Result<T>>> reply, TimePoint* channel) {
  Leg there = leg(from, to);
  if (channel != nullptr) {
    *channel = std::max(now() + there.delay, *channel + microseconds(1));
    there.delay = std::chrono::duration_cast<microseconds>(*channel - now());
  }
  co_await sleep(there.delay);
  if (there.lost || is_cut(from, to)) {
    trace(from, "request lost to", to);
    lose<T>(reply);
    co_return;
  }
  Result<T> result = co_await effect();
  const Leg back = leg(to, from);
  co_await sleep(back.delay);
  if (back.lost || is_cut(to, from)) {
    trace(from, "answer lost from", to);
    lose<T>(reply);
    co_return;
  }
  reply->set(std::move(result));
}

}  // namespace simplechat::sim
