// The admin API as every service has it: who may use it, where it listens, and the endpoints that are the same for all.
// Without a token it is closed, on loopback too: what is not there cannot be guessed.
//
// Owner: the main; outlives the routes. listen() and stop() as HttpServer's start() and stop().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chat/dead_letters.h"
#include "runtime/config.h"
#include "runtime/guarded_routes.h"
#include "runtime/http_server.h"
#include "runtime/metrics.h"
#include "runtime/reactor.h"

namespace simplechat::apps {

struct AdminSettings {
  std::string token;
  std::string token_file;
  std::uint16_t port;  // 0: that of the API
};
void declare(runtime::Options& options, AdminSettings& settings);

class AdminApi {
 public:
  struct Parts {
    std::string service;
    std::vector<runtime::Options::Setting> config;  // as it is in effect, secrets masked
    chat::DeadLetters* dead_letters = nullptr;      // of services that have some
  };
  using AddRoutes = std::function<void(runtime::GuardedRoutes&)>;

  // Throws std::runtime_error naming the token's file if it cannot be read.
  // `tls`: of its own port; null: it speaks without. It and the metrics outlive this.
  AdminApi(const AdminSettings& settings, runtime::TlsContext* tls, runtime::MetricsRegistry& metrics, Parts parts);
  ~AdminApi();
  AdminApi(const AdminApi&) = delete;
  AdminApi& operator=(const AdminApi&) = delete;

  // Adds the endpoints to the routes of the service's own port, unless they are closed or have a port of their own.
  // `more` adds those that only this service has.
  void add_to(runtime::HttpRoutes& routes, const AddRoutes& more) const;
  // Serves them on their own port, if they have one. Before the reactor runs.
  void listen(runtime::Reactor& reactor, const std::string& host, const AddRoutes& more);
  // From any thread but the reactor's.
  void stop();

 private:
  void add(runtime::HttpRoutes& routes, const AddRoutes& more) const;

  const Parts parts_;
  const std::string token_;
  const std::uint16_t port_;
  runtime::TlsContext* const tls_;
  runtime::MetricsRegistry& metrics_;
  runtime::HttpRoutes routes_;
  runtime::Reactor* reactor_ = nullptr;
  std::unique_ptr<runtime::HttpServer> server_;
};

}  // namespace simplechat::apps
