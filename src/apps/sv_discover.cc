// sv-discover: the directory of the cluster, over Redis.

#include <boost/asio/use_future.hpp>
#include <memory>
#include <stdexcept>
#include <vector>

#include "adapters/redis/directory.h"
#include "adapters/redis/url.h"
#include "apps/admin_api.h"
#include "apps/block_options.h"
#include "apps/service_main.h"
#include "apps/tls_options.h"
#include "runtime/http_server.h"
#include "runtime/metrics.h"
#include "runtime/process_metrics.h"
#include "runtime/reactor.h"
#include "runtime/service_routes.h"
#include "sv_discover/endpoints.h"

namespace {

using namespace simplechat;

constexpr std::uint16_t kPort = 3001;

struct Settings {
  std::string host;
  std::uint16_t port;
  unsigned threads;
  std::string redis_url;
  chat::BlockLimits blocks;
  apps::ClusterSecret cluster_secret;
  apps::AdminSettings admin;
  apps::TlsOptions tls;
  apps::LogOptions log;
};

// Everything that lives on one reactor.
struct Lane {
  Lane(runtime::Reactor& reactor, const Settings& settings, std::uint16_t port, const std::string& secret,
       runtime::TlsContext* tls, adapters::redis::RedisDirectory& redis, runtime::Readiness& readiness,
       runtime::MetricsRegistry& metrics)
      : probe(metrics, sv_discover::Locator::kUsersWaitingMax),
        locator(reactor.executor(), redis, probe),
        server(reactor,
               {.host = settings.host,
                .port = port,
                .tls = tls,
                .tls_handshakes_failed = runtime::count_tls_handshakes_failed(metrics, "api", tls)},
               routes) {
    sv_discover::add_endpoints(routes, {.directory = redis,
                                        .plain_records = redis,
                                        .revocations = redis,
                                        .blocks = redis,
                                        .locator = locator,
                                        .probe = probe,
                                        .cluster_secret = secret});
    runtime::add_service_routes(routes, readiness, metrics);
  }

  sv_discover::Probe probe;
  sv_discover::Locator locator;
  runtime::HttpRoutes routes;
  runtime::HttpServer server;
};

void serve(const Settings& settings, const std::vector<runtime::Options::Setting>& config,
           runtime::StopSignal& stop_signal) {
  const auto url = adapters::redis::parse_url(settings.redis_url);
  if (!url) throw std::runtime_error("redis-url: " + url.error());
  const std::string secret = settings.cluster_secret.read();
  apps::Tls tls(settings.tls, stop_signal);

  runtime::Readiness readiness;
  runtime::MetricsRegistry metrics;
  runtime::ReactorPool reactors(settings.threads);
  adapters::redis::RedisDirectory redis(*url, readiness.add("redis"), "simplechat:", &tls.client(), settings.blocks);

  apps::AdminApi admin(settings.admin, tls.for_services(), metrics, {.service = "sv-discover", .config = config});
  std::vector<std::unique_ptr<Lane>> lanes;
  for (unsigned index = 0; index < reactors.size(); ++index) {
    const std::uint16_t port = lanes.empty() ? settings.port : lanes.front()->server.port();
    lanes.push_back(
        std::make_unique<Lane>(reactors[index], settings, port, secret, tls.for_services(), redis, readiness, metrics));
    admin.add_to(lanes.back()->routes, {});
  }
  admin.listen(reactors[0], settings.host, {});

  runtime::add_process_metrics(metrics, readiness, "sv-discover");
  redis.start(reactors[0].executor());
  for (const auto& lane : lanes) lane->server.start();
  reactors.start();
  runtime::log::info("serving", {{"host", settings.host}, {"port", lanes.front()->server.port()}});
  stop_signal.wait();
  runtime::log::info("stopping");
  admin.stop();
  for (unsigned index = 0; index < reactors.size(); ++index) {
    reactors[index].post([&lane = *lanes[index]] { lane.server.stop(); });
    boost::asio::co_spawn(reactors[index].executor(), lanes[index]->locator.stop(), boost::asio::use_future).get();
  }
  boost::asio::co_spawn(reactors[0].executor(), redis.stop(), boost::asio::use_future).get();
  reactors.stop();
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  runtime::Options options("sv-discover", "The directory of a SimpleChat cluster: which gateways hold a user.");
  options.text("host", settings.host, "127.0.0.1", "address to listen on");
  options.port("port", settings.port, kPort, "port to listen on");
  options.integer<unsigned>("threads", settings.threads, 1, {0, 64}, "reactors; 0: one per core");
  options.url("redis-url", settings.redis_url, "redis://127.0.0.1:6379", {"redis", "rediss"},
              "where the records are kept");
  apps::declare_url_rule(options, "redis-url", settings.redis_url, adapters::redis::parse_url);
  apps::declare(options, settings.blocks);
  apps::declare(options, settings.cluster_secret);
  apps::declare(options, settings.admin);
  apps::declare(options, settings.tls);
  apps::declare_authorities(options, settings.tls);
  apps::declare(options, settings.log);
  apps::declare_exposure_rule(options, settings.host, settings.cluster_secret, settings.tls.client_authorities);
  const auto outcome = options.load(argc, argv);
  if (!outcome.run) return outcome.report();
  return apps::service_main("sv-discover", settings.log, [&](runtime::StopSignal& stop_signal) {
    serve(settings, options.settings(), stop_signal);
  });
}
