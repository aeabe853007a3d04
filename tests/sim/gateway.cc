#include "gateway.h"

#include <fmt/format.h>

#include <utility>

#include "chat/limits.h"
#include "sv_websocket/endpoints.h"
#include "wire/close_code.h"
#include "wire/server_frame.h"

namespace simplechat::sim {
namespace {

constexpr milliseconds kTick{250};
constexpr unsigned kTicksPerSecond = 4;
constexpr chat::Timestamp kEpoch = 1'700'000'000'000'000;  // the simulated clocks begin here

std::uint32_t seconds_of(TimePoint time) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

}  // namespace

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
                       const WallClock& clock, sv_websocket::ConnectionLimits limits)
    : world_(world),
      process_{.part = url},
      wall_clock_(clock),
      clock_([this] { return wall_now(); }),
      directory_(services.directory, process_),
      relay_(world, gateways, process_),
      queue_(std::make_unique<WatchedQueue>(*this, services.broker)),
      reader_(world, services.store, process_),
      registrar_(world.reactor(), directory_,
                 chat::GatewayIdentity{.url = url, .incarnation = fmt::format("{}-{}", url, run)}, kLease,
                 {.register_all_again = [this] { register_all_again(); }, .resync_all = [this] { resync_all(); }}),
      transport_(world.reactor()),
      probe_(metrics_),
      hub_(world.reactor(), transport_, roster_, limits),
      router_({.reactor = world.reactor(),
               .turn_end = transport_.turn_end(),
               .roster = roster_,
               .directory = directory_,
               .relay = relay_,
               .probe = probe_,
               .own_url = url,
               .to_sessions = [this](const chat::DeliveryView& delivery,
                                     sv_websocket::SessionKey except) { hub_.deliver(delivery, except); }}),
      progress_(world.reactor(), *queue_, reader_),
      publisher_(world.reactor(), transport_.turn_end(), *queue_, progress_, chat::limits::kUnconfirmedBytesMax,
                 {.settled = [this](const sv_websocket::Publisher::Sender& sender, const chat::MessageView& message,
                                    const Result<void>& outcome) { settled(sender, message, outcome); },
                  .relieved = [this] { hub_.resume_paused(); }}),
      services_{.hub = hub_,
                .router = router_,
                .publisher = publisher_,
                .registrar = registrar_,
                .reader = reader_,
                .clock = clock_,
                .authenticator = authenticator_,
                .probe = probe_,
                .parser = parser_,
                .scratch = {},
                .instance_id = fmt::format("{}-{}", url, run)},
      tick_(world.executor()) {
  hub_.connect(services_);
}

void SimGateway::start() {
  router_.connect({nullptr});
  registrar_.start();
  tick();
}

Task<void> SimGateway::stop() {
  if (std::exchange(stopping_, true)) co_return;
  publisher_.refuse();
  co_await publisher_.drain(world_.now() + std::chrono::seconds(7));
  hub_.close_all(wire::kCloseGoingAway, "shutting down");
  while (hub_.sessions() > 0) co_await world_.sleep(milliseconds(10));
  for (const TimePoint deadline = world_.now() + std::chrono::seconds(5); !router_.idle() && world_.now() < deadline;) {
    co_await world_.sleep(milliseconds(50));
  }
  process_.forgot = !router_.idle();
  tick_.cancel();
  co_await hub_.gate().close();
  co_await router_.stop();
  co_await progress_.stop();
  co_await registrar_.stop();
}

std::vector<std::size_t> SimGateway::take(const chat::DeliveryBatch& batch) {
  return sv_websocket::take_deliveries(services_, roster_, batch);
}

void SimGateway::settled(const sv_websocket::Publisher::Sender& sender, const chat::MessageView& message,
                         const Result<void>& outcome) {
  if (!outcome) {
    if (sv_websocket::Session* session = hub_.find(sender.session)) session->refused(message, outcome.error());
    return;
  }
  router_.handovers().when_done(
      sender.ticket, world_.now(),
      [this, key = sender.session, id = std::string(message.id), to = std::string(message.to), at = message.at] {
        if (sv_websocket::Session* session = hub_.find(key)) session->acknowledge(id, to, at);
      });
}

void SimGateway::register_all_again() {
  world_.reactor().post([this] {
    hub_.for_each_user([this](const std::string& user) {
      const sv_websocket::Roster::Change change = roster_.confirm(user);
      registrar_.ensure(user, change.fence, world_.reactor(), {});
    });
  });
}

void SimGateway::resync_all() {
  world_.trace(process_.part, "resyncs all");
  world_.reactor().post([this] {
    std::string frame;
    wire::append_resync(frame);
    hub_.for_each_user([&](const std::string& user) { hub_.deliver({.user = user, .frame = frame}, {}); });
  });
}

void SimGateway::tick() {
  tick_.expires_after(kTick);
  tick_.async_wait([this](const boost::system::error_code& stopped) {
    if (stopped) return;
    progress_.check();
    router_.tick(progress_.stored_until(), world_.now());
    hub_.run_checks(world_.now());
    if (++ticks_ % kTicksPerSecond == 0) {
      transport_.sweep(world_.now());
      hub_.tick(seconds_of(world_.now()));
    }
    tick();
  });
}

chat::Timestamp SimGateway::wall_now() const { return kEpoch + (world_.age() + wall_clock_.offset).count(); }

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
