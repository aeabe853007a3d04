// One run of a gateway's process: one shard and its registrar, on simulated ports and without HTTP.
//
// A crash leaves the object there, cut off from everything. stop() before destruction.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker.h"
#include "chat/authenticator.h"
#include "chat/clock.h"
#include "directory_port.h"
#include "hook_port.h"
#include "runtime/metrics.h"
#include "store_port.h"
#include "sv_websocket/registrar.h"
#include "sv_websocket/roster.h"
#include "sv_websocket/shard.h"
#include "world.h"

namespace simplechat::sim {

class Gateways;

// The services that all gateways reach.
struct Services {
  DirectoryService& directory;
  Broker& broker;
  StoreService& store;
};

// A machine's clocks: the wall clock is wrong by an offset that changes, all run too fast or too slow.
struct MachineClock {
  microseconds offset{};
  int drift_ppm = 0;
};

// Hands deliveries to the gateways of one seed.
class RelayPort final : public chat::Relay {
 public:
  static constexpr milliseconds kDeadline{2000};  // as adapters/relay_http

  RelayPort(World& world, Gateways& gateways, const Process& process)
      : world_(world), gateways_(gateways), process_(process) {}

  Task<Result<std::vector<std::size_t>>> deliver(const std::string& url, const chat::DeliveryBatch& batch) override;

 private:
  World& world_;
  Gateways& gateways_;
  const Process& process_;
};

class SimGateway {
 public:
  static constexpr milliseconds kLease{10'000};

  // `clock` belongs to the machine and outlives the process.
  SimGateway(World& world, const Services& services, Gateways& gateways, std::string url, int run,
             const MachineClock& clock, sv_websocket::ConnectionLimits limits);

  void start();
  // The orderly end. Twice is once.
  Task<void> stop();

  [[nodiscard]] Process& process() { return process_; }
  void kill() { process_.dead = true; }
  [[nodiscard]] bool takes_more() const { return !process_.dead && !stopping_; }
  // Takes a client's connected socket.
  void accept(int fd) { shard_.hub().accept({.fd = fd}); }
  // What /v1/deliver does.
  [[nodiscard]] std::vector<std::size_t> take(const chat::DeliveryBatch& batch);

  // Says what broke the clock's promise; empty if nothing did.
  [[nodiscard]] const std::string& clock_fault() const { return clock_fault_; }

 private:
  // Watches the order of what the gateway publishes.
  class WatchedQueue;

  [[nodiscard]] chat::Timestamp elapsed() const;

  World& world_;
  Process process_;
  const MachineClock& machine_clock_;
  std::string clock_fault_;
  runtime::MetricsRegistry metrics_;
  chat::TrustingAuthenticator authenticator_;
  sv_websocket::BlockTable blocks_;
  chat::HybridLogicalClock clock_;
  DirectoryPort directory_;
  RelayPort relay_;
  std::unique_ptr<chat::MessageQueue> queue_;
  StorePort reader_;
  SendHookPort send_hook_;
  sv_websocket::Roster roster_;
  sv_websocket::Registrar registrar_;
  sv_websocket::Shard shard_;
  bool stopping_ = false;
};

// The machines on which gateways run, by url; each runs one process at a time.
class Gateways {
 public:
  Gateways(World& world, const Services& services, sv_websocket::ConnectionLimits limits, std::size_t count);
  ~Gateways();

  [[nodiscard]] std::size_t size() const { return machines_.size(); }
  [[nodiscard]] static std::string url_of(std::size_t index);
  // nullptr while nothing runs there, or what runs takes nothing any more.
  [[nodiscard]] SimGateway* at(std::size_t index);
  [[nodiscard]] SimGateway* at(const std::string& url);
  [[nodiscard]] MachineClock& clock(std::size_t index) { return machines_[index].clock; }

  // Unless a process runs there still, be it that it is just coming to its orderly end.
  void start(std::size_t index);
  void crash(std::size_t index);
  // The orderly end of one process and the start of the next.
  Task<void> restart(std::size_t index);
  // All processes of all times. Their clients are gone.
  Task<void> stop();
  [[nodiscard]] std::vector<std::string> clock_faults() const;

 private:
  struct Machine {
    MachineClock clock;
    std::vector<std::unique_ptr<SimGateway>> runs;  // the last one is at work unless it is dead
  };

  World& world_;
  const Services services_;
  const sv_websocket::ConnectionLimits limits_;
  std::vector<Machine> machines_;
};

}  // namespace simplechat::sim
