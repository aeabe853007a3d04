// What looking up users costs through Redis, by users in a call. Needs SIMPLECHAT_TEST_REDIS_URL. The peer to compare
// with is the bare round trip, BM_Ping.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "adapters/contract/run_to_end.h"
#include "adapters/redis/directory.h"

namespace simplechat::adapters::redis {
namespace {

Url server() {
  const char* text = std::getenv("SIMPLECHAT_TEST_REDIS_URL");
  if (text == nullptr) throw std::runtime_error("SIMPLECHAT_TEST_REDIS_URL is not set: redis://127.0.0.1:6379");
  return parse_url(text).value();
}

void BM_Ping(benchmark::State& state) {
  auto redis = Connection::open(server(), std::chrono::seconds(1));
  for (auto _ : state) benchmark::DoNotOptimize(redis->call({"PING"}));
}
BENCHMARK(BM_Ping)->UseRealTime();

class Fixture {
 public:
  explicit Fixture(std::size_t users) {
    for (std::size_t i = 0; i < users; ++i) {
      users_.push_back("bench-user-" + std::to_string(i));
      changes_.push_back({.user = users_.back(), .present = true, .fence = 0});
    }
    if (!run(directory_.renew(gateway_, std::chrono::minutes(10))) || !apply()) throw std::runtime_error("no Redis");
  }
  ~Fixture() { (void)run(directory_.close(gateway_)); }

  bool apply() {
    for (auto& change : changes_) ++change.fence;
    return run(directory_.apply(gateway_, changes_)).has_value();
  }
  bool locate() { return run(directory_.locate(users_)).has_value(); }

 private:
  template <class T>
  T run(chat::Task<T> call) {
    return contract::run_to_end(io_, std::move(call));
  }

  boost::asio::io_context io_;
  runtime::Dependency dependency_{"redis"};
  RedisDirectory directory_{server(), dependency_, "bench:"};
  const chat::GatewayIdentity gateway_{.url = "http://10.0.0.1:3002", .incarnation = "bench"};
  std::vector<std::string> users_;
  std::vector<chat::RecordChange> changes_;
};

void BM_Locate(benchmark::State& state) {
  Fixture fixture(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    if (!fixture.locate()) state.SkipWithError("unavailable");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Locate)->Arg(1)->Arg(10)->Arg(100)->Arg(1000)->Arg(10'000)->UseRealTime();

void BM_Apply(benchmark::State& state) {
  Fixture fixture(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    if (!fixture.apply()) state.SkipWithError("unavailable");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Apply)->Arg(1)->Arg(100)->Arg(5000)->UseRealTime();

}  // namespace
}  // namespace simplechat::adapters::redis
