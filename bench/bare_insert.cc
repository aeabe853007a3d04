// bare-insert: what sv-persist is measured against. Inserts messages into its schema by the same statement, one
// transaction a batch, nothing else: no queue, no look at members, batches encoded beforehand. Prints one line of JSON.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/queries.h"

namespace {

using simplechat::adapters::postgres::Array;
using simplechat::adapters::postgres::Connection;
using simplechat::adapters::postgres::Parameters;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string db_url;
  std::int64_t rows = 300'000;
  std::int64_t batch = 1000;
  std::int64_t conversations = 500;
  std::size_t payload_bytes = 100;
};

// The `first`th and following messages: conversations in turn, the two sides of each in turn, ids ascending; in the
// order of the primary key, as sv-persist sorts them.
Parameters batch_of(const Options& options, std::int64_t first) {
  const std::string payload(options.payload_bytes, 'x');
  Array ordinal(Array::Of::bigint);
  Array at(Array::Of::bigint);
  Array conversation(Array::Of::bigint);
  Array sender(Array::Of::text);
  Array id(Array::Of::text);
  Array body(Array::Of::bytea);
  for (std::int64_t start = 0; start < std::min(options.conversations, options.batch); ++start) {
    for (std::int64_t i = start; i < options.batch; i += options.conversations) {
      const std::int64_t index = first + i;
      const std::int64_t number = index % options.conversations;
      ordinal.add(i);
      at.add(1'700'000'000'000'000 + index);
      conversation.add(1'000'000 + number);
      sender.add(fmt::format("user{}", 2 * number + index / options.conversations % 2));
      id.add(fmt::format("{:08x}-0000-7000-8000-{:012x}", index >> 16U, index));
      body.add(payload);
    }
  }
  Parameters parameters;
  parameters.array(std::move(ordinal)).array(std::move(at)).array(std::move(conversation));
  parameters.array(std::move(sender)).array(std::move(id)).array(std::move(body));
  return parameters;
}

int run(const Options& options) {
  std::vector<Parameters> batches;
  for (std::int64_t first = 0; first < options.rows; first += options.batch) {
    batches.push_back(batch_of(options, first));
  }
  Connection connection({.url = options.db_url});
  const auto began = Clock::now();
  for (const Parameters& batch : batches) {
    const auto inserted = connection.query(simplechat::adapters::postgres::kInsertMessages, batch,
                                           Clock::now() + std::chrono::seconds(30));
    if (!inserted) {
      std::cerr << inserted.error().message << '\n';
      return EXIT_FAILURE;
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  const auto rows = static_cast<std::int64_t>(batches.size()) * options.batch;
  fmt::print("{{\"rows\":{},\"seconds\":{:.2f},\"rows_per_s\":{:.0f}}}\n", rows, seconds,
             static_cast<double>(rows) / seconds);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Inserts messages as sv-persist does, and nothing else", "bare-insert");
  app.add_option("--db-url", options.db_url, "a migrated database")->required();
  app.add_option("--rows", options.rows)->check(CLI::PositiveNumber);
  app.add_option("--batch", options.batch, "rows of a transaction")->check(CLI::PositiveNumber);
  app.add_option("--conversations", options.conversations)->check(CLI::PositiveNumber);
  app.add_option("--payload", options.payload_bytes, "bytes");
  CLI11_PARSE(app, argc, argv);
  return run(options);
}
