// Seeds pass, replay exactly, and find the defects that are known to be possible.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "runtime/log.h"
#include "simulation.h"

namespace simplechat::sim {
namespace {

constexpr std::uint64_t kSeeds = 600;
constexpr std::uint64_t kHookedSeeds = 200;
constexpr std::uint64_t kMutatedSeedsMax = 2000;

std::string complaints(const Outcome& outcome) {
  std::string all;
  for (const Violation& violation : outcome.violations) {
    all += fmt::format("  {}: {}\n", violation.kind, violation.what);
  }
  return all;
}

Counts expect_to_pass(std::uint64_t seed) {
  const Outcome outcome = run({.seed = seed});
  EXPECT_EQ(complaints(outcome), "") << "seed " << seed << "; every event of it: bin/sim --seed " << seed << " --trace";
  return outcome.counts;
}

TEST(Simulation, SeedsPass) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (const auto& [verb, count] : expect_to_pass(seed)) counts[verb] += count;
  }
  // A seed that passes says little if nothing happens in it.
  for (const char* const verb :
       {"crashes", "dies", "goes down", "stops", "stalls", "loses its data", "is cut off from", "slows down",
        "sets its clock", "advances its clock", "dozes", "request lost to", "answer lost from", "consumer lost",
        "loses bodies", "was too slow", "renewed anew", "resyncs all", "is told to resync"}) {
    EXPECT_GT(counts[verb], 0U) << verb;
  }
}

TEST(Simulation, SeedsWithASendHookPass) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= kHookedSeeds; ++seed) {
    const Outcome outcome = run({.seed = seed, .send_hook = true});
    EXPECT_EQ(complaints(outcome), "") << "seed " << seed << ": bin/sim --send-hook --seed " << seed << " --trace";
    for (const auto& [verb, count] : outcome.counts) counts[verb] += count;
  }
  for (const char* const verb : {"asks about", "has no answer about a message", "crashes", "stops", "stalls"}) {
    EXPECT_GT(counts[verb], 0U) << verb;
  }
}

TEST(Simulation, SeedsThatOnceFailedPass) {
  std::ifstream file(SIMPLECHAT_SEEDS_FILE);
  ASSERT_TRUE(file) << SIMPLECHAT_SEEDS_FILE;
  for (std::string line; std::getline(file, line);) {
    std::istringstream text(line.substr(0, line.find('#')));
    for (std::uint64_t seed = 0; text >> seed;) expect_to_pass(seed);
  }
}

TEST(Simulation, ACalmClusterKeepsAllPromises) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Outcome outcome = run({.seed = seed, .faults = false, .strict_order = true});
    EXPECT_TRUE(outcome.violations.empty()) << "seed " << seed << ": " << outcome.violations.front().what;
    EXPECT_GT(outcome.messages, 0U) << "seed " << seed;
  }
}

TEST(Simulation, ASeedReplaysExactly) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome once = run({.seed = seed});
    static_cast<void>(run({.seed = seed + 1000}));
    const Outcome again = run({.seed = seed});
    EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed;
    EXPECT_EQ(once.counts, again.counts) << "seed " << seed;
  }
  EXPECT_NE(run({.seed = 1}).trace_hash, run({.seed = 2}).trace_hash);
}

struct Defect {
  Mutation mutation;
  const char* name;
  std::uint64_t first_seed = 1;  // to look at: a rare find is known
};

class Mutations : public ::testing::TestWithParam<Defect> {};

// A seed that passes, and fails with the defect.
TEST_P(Mutations, AreFound) {
  const std::uint64_t first = GetParam().first_seed;
  for (std::uint64_t seed = first; seed < first + kMutatedSeedsMax; ++seed) {
    const Outcome mutated = run({.seed = seed, .mutation = GetParam().mutation});
    const std::string found = complaints(mutated);
    if (found.empty() || !complaints(run({.seed = seed})).empty()) continue;
    fmt::print("seed {} finds {}:\n{}", seed, GetParam().name, found);
    return;
  }
  FAIL() << "no seed of " << kMutatedSeedsMax << " from " << first << " on finds it";
}

INSTANTIATE_TEST_SUITE_P(Each, Mutations,
                         ::testing::Values(Defect{Mutation::ack_before_confirm, "ack_before_confirm"},
                                           Defect{Mutation::settle_before_commit, "settle_before_commit"},
                                           Defect{Mutation::unfenced_delete, "unfenced_delete"},
                                           Defect{Mutation::no_dedupe, "no_dedupe"},
                                           Defect{Mutation::cursor_by_id, "cursor_by_id"},
                                           Defect{Mutation::untold_deaths, "untold_deaths", 3090},
                                           Defect{Mutation::own_clocks, "own_clocks"}),
                         [](const auto& tested) { return std::string(tested.param.name); });

// The product logs what happens to it; a seed's record is its trace.
const bool quiet = [] {
  runtime::log::configure(runtime::log::Format::console, runtime::log::Level::error, "sim");
  return true;
}();

}  // namespace
}  // namespace simplechat::sim
