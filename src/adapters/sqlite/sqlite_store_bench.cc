// Rows that the SQLite store takes each second, every append durable: batches of 100-byte messages over random
// conversations, with ids in order of time (UUIDv7) or at random (UUIDv4). The files are made in the system's temporary
// directory (TMPDIR).
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>

#include "adapters/sqlite/sqlite_store.h"

namespace simplechat::adapters::sqlite {
namespace {

constexpr std::uint64_t kConversations = 10'000;

class Source {
 public:
  explicit Source(bool ids_in_order) : ids_in_order_(ids_in_order) {}

  void fill(chat::RecordBatch& batch, std::int64_t messages) {
    batch.clear();
    for (std::int64_t i = 0; i < messages; ++i) {
      const std::uint64_t pair = random_() % kConversations;
      const std::string low = fmt::format("user{:06}a", pair);
      const std::string high = fmt::format("user{:06}b", pair);
      const bool upwards = random_() % 2 == 0;
      const std::uint64_t time = ids_in_order_ ? ++count_ : random_();
      const std::string id = fmt::format("{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}", time & 0xffffffff, 0,
                                         random_() & 0xfff, random_() & 0xfff, random_() & 0xffffffffffff);
      batch.messages.add(
          {.id = id, .from = upwards ? low : high, .to = upwards ? high : low, .payload = payload_, .at = ++at_});
    }
  }

 private:
  bool ids_in_order_;
  std::mt19937_64 random_{1};
  std::uint64_t count_ = 0;
  chat::Timestamp at_ = 1'700'000'000'000'000;
  std::string payload_ = std::string(100, 'x');
};

void append(benchmark::State& state, bool ids_in_order) {
  std::string name = (std::filesystem::temp_directory_path() / "simplechat-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("can't make " + name);
  {
    runtime::Dependency dependency("sqlite");
    SqliteStore store(name, dependency);
    boost::asio::io_context io;
    Source source(ids_in_order);
    chat::RecordBatch batch;
    for ([[maybe_unused]] auto each : state) {
      source.fill(batch, state.range(0));
      io.restart();
      boost::asio::co_spawn(io, store.append(batch), [&](const std::exception_ptr&, const chat::Result<void>& stored) {
        if (!stored) state.SkipWithError(stored.error().message.c_str());
      });
      io.run();
    }
  }
  std::filesystem::remove_all(name);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void ids_in_order(benchmark::State& state) { append(state, true); }
void ids_at_random(benchmark::State& state) { append(state, false); }

BENCHMARK(ids_in_order)->Arg(1)->Arg(100)->Arg(1000)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(ids_at_random)->Arg(100)->Arg(1000)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace simplechat::adapters::sqlite
