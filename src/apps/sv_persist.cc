// sv-persist: writes what RabbitMQ holds into PostgreSQL, and serves the history.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "adapters/postgres/migrations.h"
#include "adapters/postgres/reader.h"
#include "adapters/postgres/store.h"
#include "adapters/rabbitmq/broker_address.h"
#include "adapters/rabbitmq/dead_letters.h"
#include "adapters/rabbitmq/rabbit_source.h"
#include "apps/admin_api.h"
#include "apps/consumer.h"
#include "apps/health_check.h"
#include "apps/service_main.h"
#include "apps/tls_options.h"
#include "chat/clock.h"
#include "runtime/http_server.h"
#include "runtime/process_metrics.h"
#include "runtime/service_routes.h"
#include "sv_persist/history.h"

namespace {

using namespace simplechat;

constexpr std::uint16_t kPort = 3000;
constexpr std::chrono::seconds kMigrationTime{50};

struct Settings {
  std::string host;
  std::uint16_t port;
  std::string mq_url;
  std::string db_url;
  unsigned consumers;
  unsigned partitions;
  apps::ClusterSecret cluster_secret;
  apps::AdminSettings admin;
  apps::TlsOptions tls;
  apps::LogOptions log;
};

// The database's URL, with the authorities of --tls-ca unless it names its own. Whether TLS is used and the server is
// verified by them, the URL's sslmode says.
std::string database_url(const Settings& settings) {
  const std::string& url = settings.db_url;
  if (settings.tls.authorities.empty() || url.find("sslrootcert=") != std::string::npos) return url;
  return fmt::format("{}{}sslrootcert={}", url, url.find('?') == std::string::npos ? '?' : '&',
                     runtime::percent_encode(settings.tls.authorities));
}

// An id for a message that came without one. Random: such a message cannot be told from its repetition.
std::string random_id() {
  thread_local std::mt19937_64 random(std::random_device{}());
  return fmt::format("{:016x}{:016x}", random(), random());
}

// One consumer: its end of the queue, its connection to the database, and what moves records from one to the other.
struct Writer {
  Writer(runtime::Reactor& reactor, const Settings& settings, const adapters::rabbitmq::BrokerAddress& broker,
         unsigned index, adapters::postgres::PostgresReader& reader, runtime::Readiness& readiness,
         sv_persist::Probe& probe)
      : source({.address = broker,
                .topology = adapters::rabbitmq::Topology(settings.partitions),
                .defaults = {.make_id = random_id, .now = chat::system_wall_clock}},
               readiness.add(fmt::format("rabbitmq consumer {}", index + 1))),
        store({.url = database_url(settings)}, reader, readiness.add(fmt::format("postgresql writer {}", index + 1))),
        consumer(reactor, source, store, probe) {}

  adapters::rabbitmq::RabbitSource source;
  adapters::postgres::PostgresStore store;
  apps::Consumer consumer;
};

void serve(const Settings& settings, const std::vector<runtime::Options::Setting>& config,
           runtime::StopSignal& stop_signal) {
  auto broker = adapters::rabbitmq::parse_broker_url(settings.mq_url);
  if (!broker) throw std::runtime_error("mq-url: " + broker.error());
  broker->trust = apps::trust_of(settings.tls);
  const apps::Tls tls(settings.tls, stop_signal);

  runtime::Readiness readiness;
  runtime::MetricsRegistry metrics;
  runtime::ReactorPool reactors(
      1);  // it waits for the database and the broker, whose drivers have threads of their own
  sv_persist::Probe probe(metrics);
  adapters::postgres::PostgresReader reader({.url = database_url(settings)}, readiness.add("postgresql"));

  std::vector<std::unique_ptr<Writer>> writers;
  const unsigned consumers = std::min(settings.consumers, settings.partitions);  // more would have nothing to consume
  for (unsigned index = 0; index < consumers; ++index) {
    writers.push_back(std::make_unique<Writer>(reactors[0], settings, *broker, index, reader, readiness, probe));
  }
  runtime::HttpRoutes routes;
  sv_persist::add_history_routes(routes, reader, probe, settings.cluster_secret.read());
  runtime::add_service_routes(routes, readiness, metrics);
  adapters::rabbitmq::RabbitDeadLetters letters(*broker, adapters::rabbitmq::Topology(settings.partitions));
  apps::AdminApi admin(settings.admin, tls.for_services(), metrics,
                       {.service = "sv-persist", .config = config, .dead_letters = &letters});
  admin.add_to(routes, {});
  runtime::HttpServer server(
      reactors[0],
      {.host = settings.host,
       .port = settings.port,
       .tls = tls.for_services(),
       .tls_handshakes_failed = runtime::count_tls_handshakes_failed(metrics, "api", tls.for_services())},
      routes);

  runtime::add_process_metrics(metrics, readiness, "sv-persist");
  server.start();
  admin.listen(reactors[0], settings.host, {});
  apps::check_every_second(reactors[0], reader);
  for (const auto& writer : writers) writer->consumer.start();
  reactors.start();
  runtime::log::info("serving", {{"host", settings.host}, {"port", server.port()}, {"consumers", consumers}});
  stop_signal.wait();
  runtime::log::info("stopping");
  reactors[0].post([&server] { server.stop(); });
  admin.stop();
  for (const auto& writer : writers) writer->consumer.stop();
  reactors.stop();
}

void migrate(const Settings& settings) {
  const auto report =
      adapters::postgres::migrate(database_url(settings), std::chrono::steady_clock::now() + kMigrationTime);
  if (!report) throw std::runtime_error(report.error().message);
  std::cout << fmt::format("schema version {} (was {}){}\n", report->version, report->version_before,
                           report->database_created ? ", database created" : "");
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  runtime::Options options("sv-persist", "The writer and the history of a SimpleChat cluster.");
  options.command("migrate", "create the database if it is missing and bring its schema up to date");
  options.text("host", settings.host, "127.0.0.1", "address to listen on");
  options.port("port", settings.port, kPort, "port to listen on");
  options.url("mq-url", settings.mq_url, "amqp://guest:guest@127.0.0.1:5672", {"amqp", "amqps"}, "RabbitMQ");
  apps::declare_url_rule(options, "mq-url", settings.mq_url, adapters::rabbitmq::parse_broker_url);
  options.url("db-url", settings.db_url, "postgres://postgres:postgres@127.0.0.1:5432/chat-db",
              {"postgres", "postgresql"}, "PostgreSQL");
  options
      .integer<unsigned>("consumers", settings.consumers, 2, {1, 64},
                         "consumers of the queue, each with a database connection")
      .alias("consumer");
  options.integer<unsigned>("partitions", settings.partitions, adapters::rabbitmq::Topology::kPartitionsDefault,
                            {1, 256}, "queues to make if they are missing; those beyond are consumed, too");
  apps::declare(options, settings.cluster_secret);
  apps::declare(options, settings.admin);
  apps::declare(options, settings.tls);
  apps::declare_authorities(options, settings.tls);
  apps::declare(options, settings.log);
  apps::declare_exposure_rule(options, settings.host, settings.cluster_secret, settings.tls.client_authorities);
  const auto outcome = options.load(argc, argv);
  if (!outcome.run) return outcome.report();
  return apps::service_main("sv-persist", settings.log, [&](runtime::StopSignal& stop_signal) {
    if (outcome.command == "migrate") {
      migrate(settings);
    } else {
      serve(settings, options.settings(), stop_signal);
    }
  });
}
