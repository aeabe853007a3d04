#include "broker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "chat/ids.h"

namespace simplechat::sim {
namespace {

constexpr microseconds kSyncMin{300};  // until a body is on the disk
constexpr microseconds kSyncMax{4'000};
constexpr microseconds kSlowSyncMax{500'000};
constexpr double kSlowSync = 0.1;
constexpr std::size_t kPrefetch = 8;  // bodies, as adapters/rabbitmq
constexpr auto kForever = TimePoint::max();

std::unexpected<chat::Error> unavailable(std::string why) {
  return chat::fail(chat::ErrorCode::unavailable, std::move(why));
}

}  // namespace

// One writer's consumer. Its connection is made by receive(), and lost by either side.
class Broker::Source final : public chat::MessageSource {
 public:
  Source(Broker& broker, const Process& process)
      : broker_(broker),
        world_(broker.world_),
        process_(process),
        index_(broker.sources_.size()),
        arrivals_(world_.executor()) {
    broker_.sources_.push_back(this);
  }
  ~Source() override {
    break_connection();
    std::ranges::replace(broker_.sources_, this, static_cast<Source*>(nullptr));
  }

  Task<Result<Received>> receive() override {
    const bool alive = co_await world_.pass(process_);
    if (!alive) co_return unavailable("dead");
    if (!connected_) {
      const Leg leg = world_.leg(process_.part, kPart);
      co_await world_.sleep(leg.delay);
      lost_ = false;
      if (leg.lost || broker_.down() || world_.ending() || process_.dead) co_return unavailable("not connected");
      connect();
    }
    while (!lost_) {
      std::optional<Received> received = take();
      if (!received) {
        co_await arrivals_.wait_until(kForever);
        continue;
      }
      const Leg leg = world_.leg(kPart, process_.part);
      co_await world_.sleep(leg.delay);
      const bool still_alive = co_await world_.pass(process_);
      if (!still_alive) co_return unavailable("dead");
      if (leg.lost) break_connection();
      if (!lost_) co_return *std::move(received);
    }
    co_await world_.pass(process_);
    connected_ = false;
    co_return unavailable("the connection was lost");
  }

  // An ack has no answer: it is on its way, or was lost with its connection.
  Task<Result<void>> settle(std::uint64_t token) override {
    const bool alive = co_await world_.pass(process_);
    if (!alive || lost_ || !connected_) co_return unavailable("the connection was lost");
    world_.spawn(carry_ack(token, connection_));
    co_return Result<void>{};
  }

  Task<Result<void>> dead_letter(const chat::RecordBatch& /*records*/, std::string_view /*reason*/) override {
    co_return unavailable("the simulated store refuses nothing");
  }

  void wake() { arrivals_.wake_all(); }
  [[nodiscard]] bool connected() const { return connected_ && !lost_; }
  [[nodiscard]] const Process& process() const { return process_; }
  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] bool holds(std::size_t partition) const {
    return std::ranges::any_of(unsettled_, [&](const Given& each) { return each.body.partition == partition; });
  }

  void break_connection() {
    if (!connected_ || lost_) return;
    world_.trace(process_.part, "consumer lost");
    lost_ = true;
    broker_.give_back(*this);
    wake();
  }

  struct Given {
    std::uint64_t token;
    Body body;
  };
  std::deque<Given>& unsettled() { return unsettled_; }

 private:
  void connect() {
    connected_ = true;
    ++connection_;
    world_.trace(process_.part, "consumes");
    broker_.settled_partition_moves(*this);
  }

  std::optional<Received> take() {
    Received received{.records = {}, .token = last_token_ + 1};
    for (std::size_t index = 0; index < kPartitions; ++index) {
      Partition& partition = broker_.partitions_[index];
      while (partition.consumer == this && !partition.ready.empty() && unsettled_.size() < kPrefetch) {
        Body body = std::move(partition.ready.front());
        partition.ready.pop_front();
        for (const chat::MessageView message : body.records.messages) received.records.messages.add(message);
        received.records.marks.insert(received.records.marks.end(), body.records.marks.begin(),
                                      body.records.marks.end());
        if (!world_.mutated(Mutation::settle_before_commit)) {
          unsettled_.push_back({received.token, std::move(body)});
        }
      }
    }
    if (received.records.empty()) return std::nullopt;
    ++last_token_;
    return received;
  }

  Task<void> carry_ack(std::uint64_t token, std::uint64_t connection) {
    const Leg leg = world_.leg(process_.part, kPart);
    co_await world_.sleep(leg.delay);
    if (connection != connection_ || lost_) co_return;
    if (leg.lost || process_.dead) {
      break_connection();
      co_return;
    }
    std::erase_if(unsettled_, [token](const Given& each) { return each.token <= token; });
    wake();
  }

  Broker& broker_;
  World& world_;
  const Process& process_;
  const std::size_t index_;
  runtime::WaitList arrivals_;
  std::deque<Given> unsettled_;
  std::uint64_t last_token_ = 0;
  std::uint64_t connection_ = 0;
  bool connected_ = false;
  bool lost_ = false;
};

Broker::Broker(World& world) : world_(world) {
  for (Partition& partition : partitions_) partition.preference = world.random().next();
}

std::unique_ptr<chat::MessageSource> Broker::make_source(const Process& writer) {
  return std::make_unique<Source>(*this, writer);
}

void Broker::forget(const Process& process) {
  for (Source* source : sources_) {
    if (source != nullptr && &source->process() == &process) source->break_connection();
  }
}

void Broker::crash(TimePoint until) {
  world_.trace(kPart, "goes down");
  down_until_ = until;
  ++crashes_;
  for (Source* source : std::vector(sources_)) {
    if (source != nullptr) source->break_connection();
  }
  for (Partition& partition : partitions_) {
    const std::size_t lost = std::erase_if(
        partition.ready, [this](const Body& body) { return !body.durable && world_.random().chance(0.5); });
    if (lost > 0) world_.trace(kPart, "loses bodies");
  }
}

// A partition stays with its consumer as long as that is there; which one came first is chance.
void Broker::settled_partition_moves(Source& newcomer) {
  for (std::size_t index = 0; index < kPartitions; ++index) {
    Partition& partition = partitions_[index];
    const bool prefers = partition.preference % sources_.size() == newcomer.index();
    if (partition.consumer == nullptr || (prefers && !partition.consumer->holds(index))) partition.consumer = &newcomer;
  }
}

void Broker::give_back(Source& source) {
  for (auto given = source.unsettled().rbegin(); given != source.unsettled().rend(); ++given) {
    partitions_[given->body.partition].ready.push_front(std::move(given->body));
  }
  source.unsettled().clear();
  const auto other = std::ranges::find_if(sources_, [](Source* each) { return each != nullptr && each->connected(); });
  for (Partition& partition : partitions_) {
    if (partition.consumer == &source) partition.consumer = other == sources_.end() ? nullptr : *other;
  }
  if (other != sources_.end()) (*other)->wake();
}

std::size_t Broker::partition_of(std::string_view from, std::string_view to) {
  return chat::conversation_hash(from, to) % kPartitions;
}

std::vector<Broker::Body> Broker::split(const chat::RecordBatch& batch) {
  std::vector<Body> bodies(kPartitions);
  for (std::size_t index = 0; index < kPartitions; ++index) bodies[index].partition = index;
  for (const chat::MessageView message : batch.messages) {
    bodies[partition_of(message.from, message.to)].records.messages.add(message);
  }
  for (const chat::Mark& mark : batch.marks) {
    bodies[partition_of(mark.user, mark.with)].records.marks.push_back(mark);
  }
  std::erase_if(bodies, [](const Body& body) { return body.records.empty(); });
  return bodies;
}

Task<Result<void>> Broker::publish(const Process& gateway, const chat::RecordBatch& batch) {
  return world_.call<void>(
      gateway, kPart, kPublishDeadline, [this, bodies = split(batch)]() { return store(bodies); },
      &channels_[&gateway]);
}

// They reach the disk one after the other, so that a crash can come between them.
Task<Result<void>> Broker::store(std::vector<Body> bodies) {
  if (down()) co_return unavailable("the broker is down");
  const std::uint64_t crashes = crashes_;
  std::vector<std::uint64_t> serials;
  for (Body& body : bodies) {
    Partition& partition = partitions_[body.partition];
    serials.push_back(body.serial = ++last_serial_);
    partition.ready.push_back(std::move(body));
    if (partition.consumer != nullptr) partition.consumer->wake();
  }
  for (const std::uint64_t serial : serials) {
    const bool slow = world_.faulty() && world_.random().chance(kSlowSync);
    co_await world_.sleep(world_.random().between(kSyncMin, slow ? kSlowSyncMax : kSyncMax));
    if (crashes != crashes_) co_return unavailable("the broker crashed");
    mark_durable(serial);
  }
  co_return Result<void>{};
}

void Broker::mark_durable(std::uint64_t serial) {
  const auto mark = [serial](Body& each) { each.durable = each.durable || each.serial == serial; };
  for (Partition& partition : partitions_) std::ranges::for_each(partition.ready, mark);
  for (Source* source : sources_) {
    if (source == nullptr) continue;
    for (auto& given : source->unsettled()) mark(given.body);
  }
}

Task<Result<void>> QueuePort::publish(const chat::RecordBatch& batch) {
  if (!world_.mutated(Mutation::ack_before_confirm)) co_return co_await broker_.publish(process_, batch);
  world_.spawn([](Broker& broker, const Process& process, chat::RecordBatch copy) -> Task<void> {
    static_cast<void>(co_await broker.publish(process, copy));
  }(broker_, process_, batch));
  co_return Result<void>{};
}

}  // namespace simplechat::sim
