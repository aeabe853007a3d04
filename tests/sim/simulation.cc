#include "simulation.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "broker.h"
#include "client.h"
#include "directory_port.h"
#include "faults.h"
#include "gateway.h"
#include "store_port.h"
#include "writer.h"

namespace simplechat::sim {
namespace {

using std::chrono::seconds;

constexpr seconds kWarmUp{1};
constexpr seconds kHealing{10};     // guarantee 3
constexpr seconds kCalmTraffic{3};  // goes on behind it, and must arrive live
constexpr sv_websocket::ConnectionLimits kSmallOutbox{.outbox_bytes_max = 2000};  // some messages, so that it fills
constexpr seconds kLastAcks{3};
constexpr seconds kLastSync{2};

class Simulation {
 public:
  explicit Simulation(const Options& options) : world_(options), broker_(world_), store_(world_), directory_(world_) {
    Random& random = world_.random();
    const microseconds length = options.faults ? random.between(seconds(5), seconds(25)) : microseconds(seconds(3));
    faults_end_ = world_.now() + kWarmUp + length;
    world_.set_faults_end(faults_end_);
    habits_ = {.send = random.pick(kSendRates),
               .answer = 0.2,
               .leave = random.pick(kLeaveRates),
               .register_anew = random.pick(kLeaveRates),
               .doze = random.pick(kLeaveRates)};
    gateways_ =
        std::make_unique<Gateways>(world_, Services{.directory = directory_, .broker = broker_, .store = store_},
                                   random.chance(0.3) ? kSmallOutbox : sv_websocket::ConnectionLimits{},
                                   static_cast<std::size_t>(random.between(2, 3)));
    writers_ = std::make_unique<Writers>(world_, broker_, store_, static_cast<std::size_t>(random.between(1, 3)));
    suspects_ = std::make_unique<Suspects>(
        Suspects{.gateways = *gateways_, .writers = *writers_, .broker = broker_, .directory = directory_});
    make_clients(static_cast<int>(random.between(2, 5)));
  }

  Outcome run() {
    boost::asio::co_spawn(world_.executor(), story(), [this](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
      world_.reactor().io().stop();
    });
    world_.reactor().io().run();
    world_.reactor().io().restart();
    while (world_.reactor().io().poll() > 0) {
    }
    return {.violations = checks_->take(),
            .trace_hash = world_.trace_hash(),
            .counts = world_.counts(),
            .messages = store_.log().messages().size()};
  }

 private:
  void make_clients(int users) {
    std::vector<std::string> names;
    for (int i = 0; i < users; ++i) names.push_back(fmt::format("user{}", i));
    for (const std::string& user : names) {
      const std::int64_t devices = world_.random().between(1, 2);
      for (int device = 0; device < devices; ++device) {
        clients_.push_back(std::make_unique<Client>(world_, *gateways_, journal_, habits_, user, device, names));
      }
    }
  }

  Task<void> story() {
    checks_ = std::make_unique<Checks>(journal_, store_, faults_end_);
    for (std::size_t i = 0; i < gateways_->size(); ++i) {
      if (world_.options().faults) {
        gateways_->clock(i) = {.offset = world_.random().between(seconds(-20), seconds(20)),
                               .drift_ppm = static_cast<int>(world_.random().between(-50, 50))};
      }
      gateways_->start(i);
    }
    for (std::size_t i = 0; i < writers_->size(); ++i) writers_->start(i);
    for (const auto& client : clients_) client->start();
    if (world_.options().faults) plan_faults(world_, *suspects_, world_.now() + kWarmUp);
    co_await until(faults_end_);
    world_.trace("all", "faults end");
    co_await until(faults_end_ + kHealing);
    checks_->nothing_hidden(seen());
    for (const auto& client : clients_) client->send_often();
    co_await until(faults_end_ + kHealing + kCalmTraffic);
    for (const auto& client : clients_) client->stop_sending();
    co_await until(faults_end_ + kHealing + kCalmTraffic + kLastAcks);
    checks_->live_when_calm(seen(), faults_end_ + kHealing);
    for (const auto& client : clients_) client->sync_again();
    co_await until(faults_end_ + kHealing + kCalmTraffic + kLastAcks + kLastSync);
    check_the_end();
    co_await stop();
  }

  Task<void> until(TimePoint time) {
    return world_.sleep(std::chrono::duration_cast<microseconds>(time - world_.now()));
  }

  void check_the_end() {
    for (const auto& client : clients_) {
      if (client->unacked() == 0) continue;
      checks_->complain("stuck", fmt::format("{} waits for {} acks", client->seen().name, client->unacked()));
    }
    checks_->stored_exactly_once();
    checks_->synced_exactly_once(seen());
    checks_->replies_are_later(world_.options().strict_order);
    for (const std::string& fault : gateways_->clock_faults()) checks_->complain("clock", fault);
    for (const std::string& complaint : journal_.complaints) checks_->complain("contract", complaint);
  }

  Task<void> stop() {
    for (const auto& client : clients_) client->leave_for_good();
    world_.end();
    co_await gateways_->stop();
    co_await writers_->stop();
    co_await world_.finish();
  }

  [[nodiscard]] std::vector<const Seen*> seen() const {
    std::vector<const Seen*> all;
    for (const auto& client : clients_) all.push_back(&client->seen());
    return all;
  }

  const std::vector<double> kSendRates{0.02, 0.05, 0.1, 0.2};
  const std::vector<double> kLeaveRates{0, 0, 0.003, 0.02};

  World world_;
  Broker broker_;
  StoreService store_;
  DirectoryService directory_;
  Journal journal_;
  Habits habits_;
  TimePoint faults_end_;
  std::unique_ptr<Gateways> gateways_;
  std::unique_ptr<Writers> writers_;
  std::unique_ptr<Suspects> suspects_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::unique_ptr<Checks> checks_;
};

}  // namespace

Outcome run(const Options& options) { return Simulation(options).run(); }

}  // namespace simplechat::sim
