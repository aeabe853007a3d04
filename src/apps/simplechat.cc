// simplechat: the whole of SimpleChat in one process, and a client for the terminal. `serve`: the gateway is the
// cluster's; behind its ports stand a directory and a queue in memory and a SQLite store. `chat`: chat_client/. `ctl`
// and `trace`: ctl/. `token`: token_command.h.

#include <filesystem>
#include <iostream>
#include <optional>
#include <string_view>
#include <vector>

#include "adapters/jwt/jwt_authenticator.h"
#include "adapters/memory/block_file.h"
#include "adapters/memory/dead_letter_file.h"
#include "adapters/memory/directory.h"
#include "adapters/memory/message_queue.h"
#include "adapters/memory/relay.h"
#include "adapters/memory/revocation_file.h"
#include "adapters/sqlite/sqlite_store.h"
#include "apps/block_options.h"
#include "apps/consumer.h"
#include "apps/gateway_options.h"
#include "apps/token_command.h"
#include "apps/web_client.h"
#include "chat_client/chat_program.h"
#include "ctl/ctl_program.h"
#include "runtime/process_metrics.h"

namespace {

using namespace simplechat;

struct Settings {
  apps::GatewaySettings gateway;
  std::string data_dir;
  chat::BlockLimits blocks;
};

void serve(const Settings& settings, const std::vector<runtime::Options::Setting>& config,
           runtime::StopSignal& stop_signal) {
  apps::Tls tls(settings.gateway.tls, stop_signal);
  runtime::Readiness readiness;
  runtime::MetricsRegistry metrics;
  runtime::ReactorPool reactors(settings.gateway.threads);

  adapters::sqlite::SqliteStore store(settings.data_dir, readiness.add("sqlite"));
  adapters::memory::DeadLetterFile dead_letters(std::filesystem::path(settings.data_dir) / "dead-letters.jsonl",
                                                chat::system_wall_clock);
  adapters::memory::MemoryQueue queue({}, [&dead_letters](const chat::RecordBatch& records, std::string_view reason) {
    return dead_letters.keep(records, reason);
  });
  const auto source = queue.make_source();
  adapters::memory::MemoryDirectory directory(std::chrono::steady_clock::now, chat::system_wall_clock);
  adapters::memory::MemoryRelay relay;
  sv_persist::Probe persist_probe(metrics);
  apps::Consumer consumer(reactors[0], *source, store, persist_probe);

  apps::Authentication authentication(settings.gateway.auth, tls.client(), reactors, readiness);
  const apps::Hooks hooks(settings.gateway.hooks, tls.client(), reactors, metrics);
  std::vector<sv_websocket::Ports> ports;
  for (unsigned index = 0; index < reactors.size(); ++index) {
    ports.push_back({directory, relay, queue, store, hooks.connect(index), hooks.send(index)});
  }
  adapters::memory::FileDeadLetters letters(dead_letters, queue);
  apps::AdminApi admin(settings.gateway.admin, tls.for_users(), metrics,
                       {.service = "simplechat", .config = config, .dead_letters = &letters});
  auto options = apps::gateway_options(settings.gateway, "http://in-process", std::chrono::seconds(10), tls);
  options.add_api_routes = apps::admin_routes(admin);
  sv_websocket::Gateway gateway(reactors, std::move(options), ports, authentication.authenticator(), apps::web_client(),
                                readiness, metrics);

  std::optional<adapters::memory::RevocationFile> revocations;
  if (authentication.authenticator().reads_tokens()) {
    revocations.emplace(std::filesystem::path(settings.data_dir) / "revocations.jsonl", adapters::jwt::system_seconds,
                        apps::make_incarnation());
    gateway.watch_revocations(*revocations, settings.gateway.auth.revocation_keep);
  }

  adapters::memory::BlockFile blocks(std::filesystem::path(settings.data_dir) / "blocks.jsonl",
                                     adapters::jwt::system_seconds, apps::make_incarnation(), settings.blocks);
  gateway.watch_blocks(blocks);

  runtime::add_process_metrics(metrics, readiness, "simplechat");
  consumer.start();
  authentication.start();
  gateway.start();
  apps::listen(admin, reactors[0], settings.gateway.host, gateway);
  reactors.start();
  runtime::log::info("serving",
                     {{"client", (tls.for_users() != nullptr ? "https://" : "http://") + settings.gateway.host + ":" +
                                     std::to_string(gateway.api_port()) + "/client"},
                      {"websocket_port", gateway.ws_port()},
                      {"data", settings.data_dir}});
  stop_signal.wait();
  runtime::log::info("stopping");
  gateway.stop();
  authentication.stop();
  admin.stop();
  consumer.stop();
  reactors.stop();
}

}  // namespace

int main(int argc, char** argv) {
  // A client has options of its own, and none of the server's environment and files.
  if (argc > 1 && std::string_view(argv[1]) == "chat") return chat_client::run_chat(argc - 2, argv + 2);
  if (argc > 1 && std::string_view(argv[1]) == "token") return apps::run_token(argc - 2, argv + 2);
  if (argc > 1 && std::string_view(argv[1]) == "ctl") return ctl::run_ctl(argc - 2, argv + 2);
  if (argc > 1 && std::string_view(argv[1]) == "trace") return ctl::run_trace(argc - 2, argv + 2);
  Settings settings;
  runtime::Options options("simplechat", "Self-hosted chat in one process.");
  options.command("serve", "run the server");
  options.command("chat", "talk to a server from a terminal or a script; chat --help says how");
  options.command("token", "make a token for trying out; token --help says how");
  options.command("ctl", "operate running servers; ctl --help says how");
  options.command("trace", "show a message's path from the services' logs; trace --help says how");
  options.ignore_variable("SIMPLECHAT_TOKEN");  // chat's
  options.require_command();
  options.text("data-dir", settings.data_dir, "./data", "directory of the database; made if missing");
  apps::declare(options, settings.blocks);
  apps::declare(options, settings.gateway);
  const auto outcome = options.load(argc, argv);
  if (!outcome.run) return outcome.report();
  return apps::service_main("simplechat", settings.gateway.log, [&](runtime::StopSignal& stop_signal) {
    serve(settings, options.settings(), stop_signal);
  });
}
