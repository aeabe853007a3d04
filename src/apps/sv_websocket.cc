// sv-websocket: the gateway of the cluster, over SvDiscover, SvPersist and RabbitMQ.

#include <memory>
#include <stdexcept>
#include <vector>

#include "adapters/discover_http/blocks.h"
#include "adapters/discover_http/directory.h"
#include "adapters/discover_http/revocations.h"
#include "adapters/persist_http/persist_http.h"
#include "adapters/rabbitmq/broker_address.h"
#include "adapters/rabbitmq/rabbit_queue.h"
#include "adapters/relay_http/relay.h"
#include "apps/gateway_options.h"
#include "apps/health_check.h"
#include "apps/web_client.h"
#include "runtime/process_metrics.h"

namespace {

using namespace simplechat;

struct Settings {
  apps::GatewaySettings gateway;
  std::string public_url;
  std::string discover_url;
  std::string persist_url;
  std::string mq_url;
  unsigned producers;
  unsigned partitions;
  std::chrono::milliseconds lease;
};

// The services as one reactor reaches them.
struct Outside {
  Outside(runtime::Reactor& reactor, const Settings& settings, const std::string& secret, runtime::TlsClient& tls,
          runtime::Dependency& discover, runtime::Dependency& persist)
      : directory(reactor.executor(), {.origin = settings.discover_url, .cluster_secret = secret, .tls = &tls},
                  discover),
        relay(reactor.executor(), {.cluster_secret = secret, .tls = &tls}),
        reader(reactor.executor(), settings.persist_url, {.bearer_token = secret, .tls = &tls}, persist) {}

  adapters::discover_http::DiscoverHttpDirectory directory;
  adapters::relay_http::HttpRelay relay;
  adapters::persist_http::PersistHttp reader;
};

adapters::rabbitmq::RabbitQueue::Options queue_options(const Settings& settings, runtime::MetricsRegistry& metrics) {
  auto address = adapters::rabbitmq::parse_broker_url(settings.mq_url);
  if (!address) throw std::runtime_error("mq-url: " + address.error());
  address->trust = apps::trust_of(settings.gateway.tls);
  return {.address = *address,
          .topology = adapters::rabbitmq::Topology(settings.partitions),
          .producers = settings.producers,
          .metrics = &metrics};
}

void serve(const Settings& settings, const std::vector<runtime::Options::Setting>& config,
           runtime::StopSignal& stop_signal) {
  apps::Tls tls(settings.gateway.tls, stop_signal);
  const std::string secret = settings.gateway.cluster_secret.read();
  runtime::Readiness readiness;
  runtime::MetricsRegistry metrics;
  runtime::ReactorPool reactors(settings.gateway.threads);

  adapters::rabbitmq::RabbitQueue queue(queue_options(settings, metrics), readiness.add("rabbitmq"));
  runtime::Dependency& discover = readiness.add("sv-discover");
  runtime::Dependency& persist = readiness.add("sv-persist");
  apps::Authentication authentication(settings.gateway.auth, tls.client(), reactors, readiness);
  const apps::Hooks hooks(settings.gateway.hooks, tls.client(), reactors, metrics);
  std::vector<std::unique_ptr<Outside>> outside;
  std::vector<sv_websocket::Ports> ports;
  for (unsigned index = 0; index < reactors.size(); ++index) {
    outside.push_back(std::make_unique<Outside>(reactors[index], settings, secret, tls.client(), discover, persist));
    ports.push_back({outside.back()->directory, outside.back()->relay, queue, outside.back()->reader,
                     hooks.connect(index), hooks.send(index)});
  }

  const std::string public_url =
      settings.public_url.empty() ? apps::internal_url(settings.gateway) : settings.public_url;
  apps::AdminApi admin(settings.gateway.admin, tls.for_users(), metrics, {.service = "sv-websocket", .config = config});
  auto options = apps::gateway_options(settings.gateway, public_url, settings.lease, tls);
  options.add_api_routes = apps::admin_routes(admin);
  sv_websocket::Gateway gateway(reactors, std::move(options), ports, authentication.authenticator(), apps::web_client(),
                                readiness, metrics);

  adapters::discover_http::DiscoverHttpRevocations revocations(
      reactors[0].executor(), {.origin = settings.discover_url, .cluster_secret = secret, .tls = &tls.client()});
  if (authentication.authenticator().reads_tokens()) {
    gateway.watch_revocations(revocations, settings.gateway.auth.revocation_keep);
  }

  adapters::discover_http::DiscoverHttpBlocks blocks(
      reactors[0].executor(), {.origin = settings.discover_url, .cluster_secret = secret, .tls = &tls.client()});
  gateway.watch_blocks(blocks);

  runtime::add_process_metrics(metrics, readiness, "sv-websocket");
  authentication.start();
  gateway.start();
  apps::listen(admin, reactors[0], settings.gateway.host, gateway);
  apps::check_every_second(reactors[0], outside.front()->reader);
  reactors.start();
  runtime::log::info("serving",
                     {{"public_url", public_url}, {"api_port", gateway.api_port()}, {"ws_port", gateway.ws_port()}});
  stop_signal.wait();
  runtime::log::info("stopping");
  gateway.stop();
  authentication.stop();
  admin.stop();
  reactors.stop();
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  runtime::Options options("sv-websocket",
                           "A gateway of a SimpleChat cluster: holds users' connections, routes messages.");
  apps::declare(options, settings.gateway);
  options.url("public-url", settings.public_url, "", {"http", "https"},
              "where other gateways reach this one's API; default: its own address");
  options.url("discover-url", settings.discover_url, "http://127.0.0.1:3001", {"http", "https"}, "sv-discover");
  options.url("persist-url", settings.persist_url, "http://127.0.0.1:3000", {"http", "https"}, "sv-persist");
  options.url("mq-url", settings.mq_url, "amqp://guest:guest@127.0.0.1:5672", {"amqp", "amqps"}, "RabbitMQ");
  apps::declare_url_rule(options, "mq-url", settings.mq_url, adapters::rabbitmq::parse_broker_url);
  options.integer<unsigned>("producers", settings.producers, 4, {1, 64}, "connections that publish to RabbitMQ")
      .alias("producer");
  options.integer<unsigned>("partitions", settings.partitions, adapters::rabbitmq::Topology::kPartitionsDefault,
                            {1, 256}, "queues that conversations are spread over");
  options.duration_ms("lease-ms", settings.lease, std::chrono::milliseconds(10'000),
                      {std::chrono::milliseconds(500), std::chrono::milliseconds(600'000)},
                      "how long the directory believes in this gateway without hearing from it");
  const auto outcome = options.load(argc, argv);
  if (!outcome.run) return outcome.report();
  return apps::service_main("sv-websocket", settings.gateway.log, [&](runtime::StopSignal& stop_signal) {
    serve(settings, options.settings(), stop_signal);
  });
}
