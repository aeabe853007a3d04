#include "gateway.h"

#include <fmt/format.h>

#include <utility>

#include "chat/limits.h"
#include "sv_websocket/endpoints.h"

namespace simplechat::sim {
namespace {}  // namespace

class SimGateway::WatchedQueue final : public chat::MessageQueue {
 public:
  WatchedQueue(SimGateway& gateway, Broker& broker)
      : gateway_(gateway), port_(gateway.world_, broker, gateway.process_) {}

  Task<Result<void>> publish(const chat::RecordBatch& batch) override {
    for (const chat::MessageView message : batch.messages) {
      gateway_.world_.trace(gateway_.process_.part, "publishes", message.id);
      if (message.at <= last_at_) {
        gateway_.clock_fault_ = fmt::format("{}: at {} after {}", gateway_.process_.part, message.at, last_at_);
      }
      last_at_ = message.at;
    }
    return port_.publish(batch);
  }
  [[nodiscard]] unsigned lanes() const override { return port_.lanes(); }
  [[nodiscard]] unsigned lane_of(std::string_view from, std::string_view to) const override {
    return port_.lane_of(from, to);
  }

 private:
  SimGateway& gateway_;
  QueuePort port_;
  chat::Timestamp last_at_ = 0;
};

SimGateway::SimGateway(World& world, const Services& services, Gateways& gateways, std::string url, int run,
                       const MachineClock& clock, sv_websocket::ConnectionLimits limits)
    : world_(world),
      process_{.part = url},
      machine_clock_(clock),
      clock_(world.wall_clock(clock.offset), [this] { return elapsed(); }),
      directory_(services.directory, process_),
      relay_(world, gateways, process_),
      queue_(std::make_unique<WatchedQueue>(*this, services.broker)),
      reader_(world, services.store, process_),
      send_hook_(world, process_),
      registrar_(world.reactor(), directory_, clock_,
                 chat::GatewayIdentity{.url = url, .incarnation = fmt::format("{}-{}", url, run)}, kLease,
                 {.register_all_again = [this] { shard_.register_all_again(); },
                  .resync_all =
                      [this] {
                        world_.trace(process_.part, "resyncs all");
                        shard_.resync_all();
                      }}),
      shard_(world.reactor(),
             {.roster = roster_,
              .registrar = registrar_,
              .clock = clock_,
              .authenticator = authenticator_,
              .blocks = blocks_,
              .url = url,
              .incarnation = fmt::format("{}-{}", url, run),
              .unconfirmed_bytes_max = chat::limits::kUnconfirmedBytesMax,
              .limits = limits},
             {.directory = directory_,
              .relay = relay_,
              .queue = *queue_,
              .reader = reader_,
              .send_hook = world.options().send_hook ? &send_hook_ : nullptr},
             metrics_) {}

void SimGateway::start() {
  shard_.start({nullptr});
  registrar_.start();
}

Task<void> SimGateway::stop() {
  if (std::exchange(stopping_, true)) co_return;
  const bool all_told = co_await shard_.leave();
  co_await shard_.stop();
  using Leaving = sv_websocket::Registrar::Leaving;
  co_await registrar_.stop(all_told ? Leaving::with_nothing_to_tell : Leaving::with_something_to_tell);
}

std::vector<std::size_t> SimGateway::take(const chat::DeliveryBatch& batch) {
  return sv_websocket::take_deliveries(shard_.services(), roster_, batch);
}

chat::Timestamp SimGateway::elapsed() const {
  const chat::Timestamp age = world_.age().count();
  return age + age * machine_clock_.drift_ppm / 1'000'000;
}

Task<Result<std::vector<std::size_t>>> RelayPort::deliver(const std::string& url, const chat::DeliveryBatch& batch) {
  using Absent = std::vector<std::size_t>;
  return world_.call<Absent>(process_, url, kDeadline,
                             [&world = world_, &gateways = gateways_, url, batch]() -> Task<Result<Absent>> {
                               SimGateway* gateway = gateways.at(url);
                               if (gateway != nullptr && !co_await world.pass(gateway->process())) gateway = nullptr;
                               if (gateway == nullptr)
                                 co_return chat::fail(chat::ErrorCode::unavailable, "nobody is at " + url);
                               world.trace(url, "takes deliveries");
                               co_return gateway->take(batch);
                             });
}

Gateways::Gateways(World& world, const Services& services, sv_websocket::ConnectionLimits limits, std::size_t count)
    : world_(world), services_(services), limits_(limits), machines_(count) {}

Gateways::~Gateways() = default;

std::string Gateways::url_of(std::size_t index) { return fmt::format("gateway{}", index); }

SimGateway* Gateways::at(std::size_t index) {
  if (machines_[index].runs.empty()) return nullptr;
  SimGateway* latest = machines_[index].runs.back().get();
  return latest->takes_more() ? latest : nullptr;
}

SimGateway* Gateways::at(const std::string& url) {
  for (std::size_t index = 0; index < machines_.size(); ++index) {
    if (url_of(index) == url) return at(index);
  }
  return nullptr;
}

void Gateways::start(std::size_t index) {
  Machine& machine = machines_[index];
  if (!machine.runs.empty() && !machine.runs.back()->process().dead) return;
  const int run = static_cast<int>(machine.runs.size()) + 1;
  world_.trace(url_of(index), "starts");
  machine.runs.push_back(
      std::make_unique<SimGateway>(world_, services_, *this, url_of(index), run, machine.clock, limits_));
  machine.runs.back()->start();
}

void Gateways::crash(std::size_t index) {
  SimGateway* gateway = at(index);
  if (gateway == nullptr) return;
  world_.trace(url_of(index), "crashes");
  gateway->kill();
}

Task<void> Gateways::restart(std::size_t index) {
  SimGateway* gateway = at(index);
  if (gateway == nullptr) co_return;
  world_.trace(url_of(index), "stops");
  co_await gateway->stop();
  gateway->process().dead = true;
  if (!world_.ending()) start(index);
}

Task<void> Gateways::stop() {
  for (Machine& machine : machines_) {
    for (auto& run : machine.runs) co_await run->stop();
  }
}

std::vector<std::string> Gateways::clock_faults() const {
  std::vector<std::string> faults;
  for (const Machine& machine : machines_) {
    for (const auto& run : machine.runs) {
      if (!run->clock_fault().empty()) faults.push_back(run->clock_fault());
    }
  }
  return faults;
}

}  // namespace simplechat::sim
