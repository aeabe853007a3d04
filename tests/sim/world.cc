#include "world.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>

namespace simplechat::sim {
namespace {

constexpr microseconds kNearMin{100};
constexpr microseconds kNearMax{1500};
constexpr microseconds kSlowMin{5'000};
constexpr microseconds kSlowMax{600'000};
constexpr microseconds kVerySlowMin{1'000'000};
constexpr microseconds kVerySlowMax{6'000'000};
constexpr double kSlowPart = 0.3;
constexpr auto kForever = TimePoint::max();

// Far from zero, as a machine's is that has been up for some days.
constexpr TimePoint kStart{std::chrono::hours(100)};

}  // namespace

World::World(const Options& options)
    : options_(options),
      time_(kStart),
      start_(kStart),
      gate_(reactor_.executor()),
      the_end_(reactor_.executor()),
      random_(options.seed) {}

World::~World() = default;

microseconds World::age() const { return std::chrono::duration_cast<microseconds>(now() - start_); }

Task<void> World::sleep(microseconds time) {
  boost::asio::steady_timer timer(reactor_.executor(), time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

void World::at(TimePoint time, std::function<void()> work) {
  spawn([](World& world, TimePoint due, std::function<void()> then) -> Task<void> {
    co_await world.sleep(std::chrono::duration_cast<microseconds>(due - world.now()));
    if (!world.ending()) then();
  }(*this, time, std::move(work)));
}

void World::cut(std::string a, std::string b, TimePoint until) {
  std::erase_if(cuts_, [this](const Cut& each) { return each.until <= now(); });
  cuts_.push_back({std::move(a), std::move(b), std::min(until, faults_end_)});
}

void World::slow_down(std::string part, TimePoint until) {
  slow_part_ = std::move(part);
  slow_until_ = until;
}

bool World::is_cut(std::string_view a, std::string_view b) const {
  return std::ranges::any_of(cuts_, [&](const Cut& each) {
    const auto covers = [&](std::string_view from, std::string_view to) {
      return each.a == from && (each.b == "*" || each.b == to);
    };
    return now() < each.until && (covers(a, b) || covers(b, a));
  });
}

Leg World::leg(std::string_view from, std::string_view to) {
  Leg leg{.delay = random_.between(kNearMin, kNearMax)};
  if (!faulty()) return leg;
  const auto left = std::chrono::duration_cast<microseconds>(faults_end_ - now());
  if (random_.chance(weather_.slow)) leg.delay = random_.between(kSlowMin, kSlowMax);
  const bool slow_now = now() < slow_until_ && (from == slow_part_ || to == slow_part_);
  if (random_.chance(slow_now ? kSlowPart : weather_.very_slow))
    leg.delay = random_.between(kVerySlowMin, kVerySlowMax);
  leg.delay = std::min(leg.delay, left + kNearMax);
  leg.lost = random_.chance(weather_.lost) || is_cut(from, to);
  return leg;
}

Task<bool> World::pass(const Process& process) {
  while (process.dead || now() < process.stalled_until) {
    if (process.dead) {
      if (ending_) co_return false;
      co_await the_end_.wait_until(kForever);
    } else {
      co_await sleep(std::chrono::duration_cast<microseconds>(process.stalled_until - now()));
    }
  }
  co_return true;
}

void World::trace(std::string_view who, std::string_view what, std::string_view about) {
  constexpr std::uint64_t kPrime = 0x100000001b3ULL;
  const auto entry = counts_.find(what);
  ++(entry == counts_.end() ? counts_.emplace(what, 0).first : entry)->second;
  const auto mix = [this](std::string_view text) {
    for (const char c : text) trace_hash_ = (trace_hash_ ^ static_cast<unsigned char>(c)) * kPrime;
    trace_hash_ = (trace_hash_ ^ 0xff) * kPrime;
  };
  trace_hash_ = (trace_hash_ ^ static_cast<std::uint64_t>(age().count())) * kPrime;
  mix(who);
  mix(what);
  mix(about);
  if (options_.print) fmt::print("{:10.6f} {:12} {} {}\n", static_cast<double>(age().count()) / 1e6, who, what, about);
}

void World::end() {
  ending_ = true;
  the_end_.wake_all();
}

}  // namespace simplechat::sim
