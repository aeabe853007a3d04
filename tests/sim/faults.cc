#include "faults.h"

#include <algorithm>
#include <utility>

namespace simplechat::sim {
namespace {

using std::chrono::seconds;

class Plan {
 public:
  Plan(World& world, const Suspects& suspects, TimePoint from) : world_(world), suspects_(suspects), from_(from) {}

  void draw() {
    Random& random = world_.random();
    // Each seed has its own mixture: what is rare in one is common in another.
    world_.set_weather({.lost = random.chance(0.6) ? 0.0 : rarely(),
                        .slow = random.chance(0.5) ? 0.0 : 4 * rarely(),
                        .very_slow = random.chance(0.7) ? 0.0 : rarely() / 2});
    each_maybe(&Plan::crash_gateway, 2);
    each_maybe(&Plan::restart_gateway, 2);
    each_maybe(&Plan::stall_gateway, 1);
    each_maybe(&Plan::crash_writer, 2);
    each_maybe(&Plan::stall_writer, 1);
    each_maybe(&Plan::crash_broker, 2);
    each_maybe(&Plan::lose_directory, 1);
    each_maybe(&Plan::cut_two, 3);
    each_maybe(&Plan::cut_one, 2);
    each_maybe(&Plan::slow_down, 2);
    each_maybe(&Plan::jump_clock, 3);
    each_maybe(&Plan::advance_directory, 1);
  }

 private:
  double rarely() { return static_cast<double>(world_.random().between(1, 50)) / 1000; }

  void each_maybe(void (Plan::*fault)(TimePoint), int times_max) {
    if (!world_.random().chance(0.35)) return;
    const std::int64_t times = world_.random().between(1, times_max);
    for (std::int64_t i = 0; i < times; ++i) (this->*fault)(some_time(from_));
  }

  [[nodiscard]] TimePoint some_time(TimePoint after) {
    const auto span = std::chrono::duration_cast<microseconds>(world_.faults_end() - after);
    return after + world_.random().between(microseconds(0), std::max(span, microseconds(0)));
  }
  // At most `span` behind `after`, and not behind the end of the faults.
  [[nodiscard]] TimePoint soon(TimePoint after, microseconds span) {
    return std::min(world_.faults_end(), after + world_.random().between(microseconds(0), span));
  }

  void crash_gateway(TimePoint when) {
    const auto index = static_cast<std::size_t>(world_.random().next() % suspects_.gateways.size());
    const TimePoint back = soon(when, seconds(world_.random().chance(0.5) ? 1 : 12));
    world_.at(when, [gateways = &suspects_.gateways, index] { gateways->crash(index); });
    world_.at(back, [gateways = &suspects_.gateways, index] { gateways->start(index); });
  }

  void restart_gateway(TimePoint when) {
    const auto index = static_cast<std::size_t>(world_.random().next() % suspects_.gateways.size());
    world_.at(when,
              [gateways = &suspects_.gateways, &world = world_, index] { world.spawn(gateways->restart(index)); });
  }

  // Longer than the lease, or not.
  void stall_gateway(TimePoint when) {
    const auto index = static_cast<std::size_t>(world_.random().next() % suspects_.gateways.size());
    const TimePoint until = soon(when, seconds(world_.random().chance(0.5) ? 3 : 14));
    world_.at(when, [gateways = &suspects_.gateways, &world = world_, index, until] {
      SimGateway* gateway = gateways->at(index);
      if (gateway == nullptr) return;
      world.trace(gateway->process().part, "stalls");
      gateway->process().stalled_until = until;
    });
  }

  void crash_writer(TimePoint when) {
    const auto index = static_cast<std::size_t>(world_.random().next() % suspects_.writers.size());
    const TimePoint back = soon(when, seconds(5));
    const TimePoint noticed = soon(when, seconds(2));
    world_.at(when, [writers = &suspects_.writers, index, after = noticed - when] {
      writers->crash(index, std::chrono::duration_cast<microseconds>(after));
    });
    world_.at(back, [writers = &suspects_.writers, index] {
      if (writers->at(index) == nullptr) writers->start(index);
    });
  }

  void stall_writer(TimePoint when) {
    const auto index = static_cast<std::size_t>(world_.random().next() % suspects_.writers.size());
    const TimePoint until = soon(when, seconds(6));
    const bool noticed = world_.random().chance(0.5);
    world_.at(when, [suspects = &suspects_, &world = world_, index, until, noticed] {
      Writer* writer = suspects->writers.at(index);
      if (writer == nullptr) return;
      world.trace(writer->process().part, "stalls");
      writer->process().stalled_until = until;
      if (noticed) suspects->broker.forget(writer->process());
    });
  }

  void crash_broker(TimePoint when) {
    const TimePoint until = soon(when, seconds(4));
    world_.at(when, [broker = &suspects_.broker, until] { broker->crash(until); });
  }

  void lose_directory(TimePoint when) {
    const TimePoint until = soon(when, seconds(3));
    world_.at(when, [directory = &suspects_.directory, &world = world_, until] {
      world.trace(DirectoryPort::kPart, "loses its data");
      directory->lose_data();
      world.cut(DirectoryPort::kPart, "*", until);
    });
  }

  void cut_two(TimePoint when) {
    const std::string one = some_part();
    const std::string other = some_part();
    if (one == other) return;
    cut(when, one, other, soon(when, seconds(8)));
  }

  void cut_one(TimePoint when) { cut(when, some_part(), "*", soon(when, seconds(4))); }

  void cut(TimePoint when, const std::string& one, const std::string& other, TimePoint until) {
    world_.at(when, [&world = world_, one, other, until] {
      world.trace(one, "is cut off from", other);
      world.cut(one, other, until);
    });
  }

  void slow_down(TimePoint when) {
    const std::string part = world_.random().chance(0.5) ? DirectoryPort::kPart : some_part();
    const TimePoint until = soon(when, seconds(10));
    world_.at(when, [&world = world_, part, until] {
      world.trace(part, "slows down");
      world.slow_down(part, until);
    });
  }

  // Of a gateway's machine; its next process begins with it.
  void jump_clock(TimePoint when) {
    const auto index = static_cast<std::size_t>(world_.random().next() % suspects_.gateways.size());
    const microseconds offset = world_.random().between(seconds(-20), seconds(20));
    world_.at(when, [gateways = &suspects_.gateways, &world = world_, index, offset] {
      world.trace(Gateways::url_of(index), "sets its clock");
      gateways->clock(index).offset = offset;
    });
  }

  // The clock that all gateways follow.
  void advance_directory(TimePoint when) {
    const microseconds by = world_.random().between(seconds(0), seconds(50));
    world_.at(when, [directory = &suspects_.directory, &world = world_, by] {
      world.trace(DirectoryPort::kPart, "advances its clock");
      directory->advance_clock(by);
    });
  }

  std::string some_part() {
    std::vector<std::string> parts{DirectoryPort::kPart, Broker::kPart, StorePort::kPart};
    for (std::size_t i = 0; i < suspects_.gateways.size(); ++i) parts.push_back(Gateways::url_of(i));
    for (std::size_t i = 0; i < suspects_.writers.size(); ++i) parts.push_back(Writers::part_of(i));
    return world_.random().pick(parts);
  }

  World& world_;
  const Suspects& suspects_;
  const TimePoint from_;
};

}  // namespace

void plan_faults(World& world, const Suspects& suspects, TimePoint from) { Plan(world, suspects, from).draw(); }

}  // namespace simplechat::sim
