// One run of a writer's process: the real Persister between a simulated queue and a simulated store.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker.h"
#include "runtime/metrics.h"
#include "store_port.h"
#include "sv_persist/persister.h"
#include "world.h"

namespace simplechat::sim {

class Writer {
 public:
  Writer(World& world, Broker& broker, StoreService& store, std::string part);

  void start();
  Task<void> stop();

  [[nodiscard]] Process& process() { return process_; }

 private:
  World& world_;
  Broker& broker_;
  Process process_;
  runtime::MetricsRegistry metrics_;
  sv_persist::Probe probe_;
  std::unique_ptr<chat::MessageSource> source_;
  StorePort store_;
  sv_persist::Persister persister_;
  bool ended_ = false;
};

// The machines on which writers run; each runs one process at a time.
class Writers {
 public:
  Writers(World& world, Broker& broker, StoreService& store, std::size_t count);

  [[nodiscard]] std::size_t size() const { return machines_.size(); }
  [[nodiscard]] static std::string part_of(std::size_t index);
  // nullptr while nothing runs there.
  [[nodiscard]] Writer* at(std::size_t index);
  void start(std::size_t index);
  // The broker learns of it after a while.
  void crash(std::size_t index, microseconds noticed_after);
  Task<void> stop();

 private:
  World& world_;
  Broker& broker_;
  StoreService& store_;
  std::vector<std::vector<std::unique_ptr<Writer>>> machines_;  // each one's runs
};

}  // namespace simplechat::sim
