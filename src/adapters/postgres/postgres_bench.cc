// What it costs to append: rows a second through PostgresStore, by batch size, against a bare table with only the
// primary key on the same connection kind. Needs SIMPLECHAT_TEST_DB_URL.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <random>
#include <string>

#include "adapters/postgres/test_database.h"
#include "chat/ids.h"

namespace simplechat::adapters::postgres {
namespace {

constexpr std::size_t kPayloadBytes = 200;
constexpr unsigned kUsers = 1'000;  // with 20 others each
constexpr int kWarmingBatches = 50;

// New messages between random users of a fixed set, so that most conversations are met again.
class Traffic {
 public:
  chat::RecordBatch next(std::size_t size) {
    chat::RecordBatch batch;
    for (std::size_t i = 0; i < size; ++i) {
      const unsigned from = random_() % kUsers;
      const std::string id = fmt::format("0193a2b4-{:04x}-7000-8000-{:012x}", random_() & 0xffffU, count_++);
      batch.messages.add({.id = id,
                          .from = fmt::format("user{}", from),
                          .to = fmt::format("user{}", (from + 1 + random_() % 20) % kUsers),
                          .payload = payload_,
                          .at = 1'700'000'000'000'000 + static_cast<chat::Timestamp>(count_)});
    }
    return batch;
  }

 private:
  std::mt19937 random_{1};
  std::string payload_ = std::string(kPayloadBytes, 'x');
  std::uint64_t count_ = 0;
};

void check(const chat::Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

// Arguments: batch size; bits of what is left out: 1 the history index, 2 the sync index.
void append(benchmark::State& state) {
  boost::asio::io_context io;
  PostgresHarness harness;
  Session session(harness.url());
  if ((state.range(1) & 1) != 0) session("DROP INDEX message_history");
  if ((state.range(1) & 2) != 0) session("DROP INDEX message_sync");
  Traffic traffic;
  const auto write = [&](const chat::RecordBatch& batch) {
    boost::asio::co_spawn(io, harness.store().append(batch),
                          [](const std::exception_ptr&, const chat::Result<void>& result) { check(result); });
    io.restart();
    io.run();
  };
  for (int i = 0; i < kWarmingBatches; ++i) write(traffic.next(1000));  // by then most conversations are known
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    const chat::RecordBatch batch = traffic.next(size);
    state.ResumeTiming();
    write(batch);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(append)->ArgsProduct({{100, 1000}, {0, 1, 2, 3}})->ArgNames({"batch", "without"})->UseRealTime()->MinTime(5);

// The peer: the same columns but those of sync, only the primary key, no members, no transaction block.
void bare_insert(benchmark::State& state) {
  constexpr Statement kInsert{"bare_insert",
                              "INSERT INTO bare SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], "
                              "$5::bytea[]) ON CONFLICT DO NOTHING"};
  const PostgresHarness harness;
  Connection connection({.url = harness.url()});
  check(
      connection.execute("CREATE TABLE bare (at bigint NOT NULL, conversation text COLLATE \"C\", "
                         "sender text COLLATE \"C\", id text COLLATE \"C\", payload bytea NOT NULL, "
                         "PRIMARY KEY (conversation, sender, id))",
                         soon()));
  Traffic traffic;
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    const chat::RecordBatch batch = traffic.next(size);
    state.ResumeTiming();
    Array at(Array::Of::bigint);
    Array conversation(Array::Of::text);
    Array sender(Array::Of::text);
    Array id(Array::Of::text);
    Array payload(Array::Of::bytea);
    for (const chat::MessageView& message : batch.messages) {
      at.add(message.at);
      conversation.add(chat::conversation_key(message.from, message.to));
      sender.add(message.from);
      id.add(message.id);
      payload.add(message.payload);
    }
    Parameters parameters;
    parameters.array(std::move(at)).array(std::move(conversation)).array(std::move(sender));
    parameters.array(std::move(id)).array(std::move(payload));
    const auto inserted = connection.query(kInsert, parameters, soon());
    if (!inserted) throw std::runtime_error(inserted.error().message);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(bare_insert)->Arg(100)->Arg(1000)->ArgName("batch")->UseRealTime()->MinTime(5);

}  // namespace
}  // namespace simplechat::adapters::postgres
