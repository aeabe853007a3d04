// sim: runs seeds of the deterministic simulation by hand.
//
//   sim --seeds 1..10000                what fails, and how
//   sim --seed 4711 --trace             everything that happens in one
//   sim --seeds 1..500 --mutation ack_before_confirm
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/log.h"
#include "simulation.h"

namespace simplechat::sim {
namespace {

const std::map<std::string, Mutation> kMutations{{"none", Mutation::none},
                                                 {"ack_before_confirm", Mutation::ack_before_confirm},
                                                 {"settle_before_commit", Mutation::settle_before_commit},
                                                 {"unfenced_delete", Mutation::unfenced_delete},
                                                 {"no_dedupe", Mutation::no_dedupe},
                                                 {"cursor_by_id", Mutation::cursor_by_id},
                                                 {"untold_deaths", Mutation::untold_deaths},
                                                 {"own_clocks", Mutation::own_clocks}};

struct Range {
  std::uint64_t first = 1;
  std::uint64_t last = 1000;
};

Range parse_range(const std::string& text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) throw CLI::ValidationError("--seeds", "write it as FIRST..LAST");
  return {.first = std::stoull(text.substr(0, dots)), .last = std::stoull(text.substr(dots + 2))};
}

using Kinds = std::set<std::string>;

int run_seeds(Range seeds, Options options, const Kinds& ignored, bool with_counts) {
  std::size_t failed = 0;
  std::uint64_t messages = 0;
  Counts counts;
  std::map<std::string, std::size_t> kinds;
  for (options.seed = seeds.first; options.seed <= seeds.last; ++options.seed) {
    Outcome outcome = run(options);
    messages += outcome.messages;
    for (const auto& [verb, count] : outcome.counts) counts[verb] += count;
    std::erase_if(outcome.violations, [&](const Violation& each) { return ignored.contains(each.kind); });
    if (outcome.violations.empty()) continue;
    ++failed;
    const Violation& first = outcome.violations.front();
    fmt::print("seed {}: {} violations; {}: {}\n", options.seed, outcome.violations.size(), first.kind, first.what);
    std::map<std::string, std::size_t> of_this;
    for (const Violation& violation : outcome.violations) of_this[violation.kind] = 1;
    for (const auto& [kind, once] : of_this) kinds[kind] += once;
  }
  fmt::print("{} seeds, {} messages, {} seeds failed\n", seeds.last - seeds.first + 1, messages, failed);
  for (const auto& [kind, count] : kinds) fmt::print("  {}: {} seeds\n", kind, count);
  if (with_counts) {
    for (const auto& [verb, count] : counts) fmt::print("{:10} {}\n", count, verb);
  }
  return failed == 0 ? 0 : 1;
}

int run_one(const Options& options) {
  const Outcome outcome = run(options);
  for (const Violation& violation : outcome.violations) fmt::print("{}: {}\n", violation.kind, violation.what);
  fmt::print("seed {}: {} messages, trace {:016x}, {} violations\n", options.seed, outcome.messages, outcome.trace_hash,
             outcome.violations.size());
  return outcome.violations.empty() ? 0 : 1;
}

}  // namespace
}  // namespace simplechat::sim

int main(int argc, char** argv) {
  using namespace simplechat::sim;  // NOLINT: this file is the program
  CLI::App app("Deterministic simulation of SimpleChat: seeds in, violations of its guarantees out");
  Options options;
  std::string seeds = "1..1000";
  bool calm = false;
  bool counts = false;
  std::vector<std::string> ignored;
  auto* const one = app.add_option("--seed", options.seed, "run one seed and print what it violates");
  app.add_option("--seeds", seeds, "run FIRST..LAST")->excludes(one);
  app.add_option("--ignore", ignored, "kinds of violations that do not count")->delimiter(',');
  app.add_flag("--trace", options.print, "print every event");
  app.add_flag("--strict", options.strict_order, "hold replies against the stored times, too");
  app.add_flag("--send-hook", options.send_hook, "messages are asked about before they are accepted");
  app.add_flag("--counts", counts, "print how often what happened in --seeds");
  app.add_flag("--calm", calm, "without faults");
  app.add_option("--mutation", options.mutation, "with a defect switched on")
      ->transform(CLI::CheckedTransformer(kMutations));
  CLI11_PARSE(app, argc, argv);
  options.faults = !calm;
  simplechat::runtime::log::configure(simplechat::runtime::log::Format::console, simplechat::runtime::log::Level::error,
                                      "sim");
  try {
    return one->count() > 0 ? run_one(options)
                            : run_seeds(parse_range(seeds), options, Kinds(ignored.begin(), ignored.end()), counts);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "sim: {}\n", failure.what());
    return 2;
  }
}
