// gateway-without-store: the gateway itself, on one reactor, in front of a queue that confirms in the next loop turn
// and a store that has everything: what a reactor can do when nothing behind it holds it up.

#include <CLI/CLI.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "adapters/memory/directory.h"
#include "adapters/memory/relay.h"
#include "apps/service_main.h"
#include "chat/authenticator.h"
#include "chat/clock.h"
#include "runtime/dependency.h"
#include "runtime/metrics.h"
#include "sv_websocket/gateway.h"

namespace {

using namespace simplechat;
namespace asio = boost::asio;

class ConfirmingQueue final : public chat::MessageQueue {
 public:
  chat::Task<chat::Result<void>> publish(const chat::RecordBatch& /*batch*/) override {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    co_return chat::Result<void>();
  }
};

class StoreOfEverything final : public chat::MessageReader {
 public:
  chat::Task<chat::Result<bool>> contains_all(std::span<const chat::MessageKey> /*keys*/) override { co_return true; }
  chat::Task<chat::Result<chat::HistoryPage>> history(const chat::HistoryQuery& /*query*/) override {
    co_return chat::HistoryPage{};
  }
  chat::Task<chat::Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery& /*query*/) override {
    co_return chat::ConversationsPage{};
  }
  chat::Task<chat::Result<chat::SyncPage>> sync(const chat::SyncQuery& /*query*/) override {
    co_return chat::SyncPage{};
  }
};

// What is measured is the gateway, not what it allows.
constexpr sv_websocket::LimitOptions kNoLimits{.session_frames_per_second = 0,
                                               .session_bytes_per_second = 0,
                                               .connections_per_address_max = 0,
                                               .handshakes_per_second = 0,
                                               .handshakes_per_address_per_second = 0,
                                               .user_messages_per_second = 0,
                                               .user_sessions_max = 0};

void serve(std::uint16_t port, runtime::StopSignal& stop_signal) {
  runtime::Readiness readiness;
  runtime::MetricsRegistry metrics;
  runtime::ReactorPool reactors(1);
  adapters::memory::MemoryDirectory directory(std::chrono::steady_clock::now, chat::system_wall_clock);
  adapters::memory::MemoryRelay relay;
  ConfirmingQueue queue;
  StoreOfEverything store;
  const chat::TrustingAuthenticator authenticator;
  const std::vector<sv_websocket::Ports> ports{{directory, relay, queue, store}};
  sv_websocket::Gateway gateway(reactors,
                                {.api_port = 0,
                                 .ws_port = port,
                                 .public_url = "http://in-process",
                                 .incarnation = "bench",
                                 .access = {.cluster_secret = {}, .open_without_secret = true},
                                 .limits = kNoLimits},
                                ports, authenticator, {}, readiness, metrics);
  gateway.start();
  reactors.start();
  stop_signal.wait();
  gateway.stop();
  reactors.stop();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A gateway on one reactor that stores nothing", "gateway-without-store");
  std::uint16_t port = 8082;
  app.add_option("--port", port, "WebSocket port on 127.0.0.1")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return apps::service_main(
      "gateway-without-store",
      {.format = runtime::log::Format::console, .level = runtime::log::Level::warn, .trace_sample = 0},
      [port](runtime::StopSignal& stop_signal) { serve(port, stop_signal); });
}
