#include "writer.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

namespace simplechat::sim {

Writer::Writer(World& world, Broker& broker, StoreService& store, std::string part)
    : world_(world),
      broker_(broker),
      process_{.part = std::move(part)},
      probe_(metrics_),
      source_(broker.make_source(process_)),
      store_(world, store, process_),
      persister_(world.executor(), *source_, store_, probe_, static_cast<std::uint32_t>(world.random().next())) {}

void Writer::start() {
  boost::asio::co_spawn(world_.executor(), persister_.run(), [this](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
    ended_ = true;
  });
}

Task<void> Writer::stop() {
  persister_.stop();
  broker_.forget(process_);
  while (!ended_) co_await world_.sleep(milliseconds(10));
  co_await persister_.finish();
}

Writers::Writers(World& world, Broker& broker, StoreService& store, std::size_t count)
    : world_(world), broker_(broker), store_(store), machines_(count) {}

std::string Writers::part_of(std::size_t index) { return fmt::format("writer{}", index); }

Writer* Writers::at(std::size_t index) {
  if (machines_[index].empty()) return nullptr;
  Writer* latest = machines_[index].back().get();
  return latest->process().dead ? nullptr : latest;
}

void Writers::start(std::size_t index) {
  machines_[index].push_back(std::make_unique<Writer>(world_, broker_, store_, part_of(index)));
  world_.trace(machines_[index].back()->process().part, "starts");
  machines_[index].back()->start();
}

void Writers::crash(std::size_t index, microseconds noticed_after) {
  Writer* writer = at(index);
  if (writer == nullptr) return;
  world_.trace(writer->process().part, "dies");
  writer->process().dead = true;
  world_.at(world_.now() + noticed_after, [this, writer] { broker_.forget(writer->process()); });
}

Task<void> Writers::stop() {
  for (auto& machine : machines_) {
    for (auto& run : machine) co_await run->stop();
  }
}

}  // namespace simplechat::sim
