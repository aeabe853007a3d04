// websocket-echo: answers every text and binary message with itself, over the gateway's own listener, transport and
// codec, so that public WebSocket conformance suites can be pointed at them. A test program; not part of a deployment.

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <system_error>
#include <unordered_map>

#include "runtime/http_server.h"
#include "runtime/reactor.h"
#include "runtime/signals.h"
#include "sv_websocket/connection.h"
#include "sv_websocket/transport.h"
#include "sv_websocket/upgrade.h"

namespace {

using namespace simplechat;

constexpr std::size_t kMessageBytesMax = 17UL * 1024 * 1024;

class Echo final : private sv_websocket::ConnectionHandler {
 public:
  Echo(sv_websocket::Transport& transport, int fd, std::unique_ptr<runtime::TlsStream> tls,
       std::function<void(Echo*)> closed)
      : closed_(std::move(closed)),
        connection_(transport, fd, std::move(tls), *this,
                    {.message_bytes_max = kMessageBytesMax, .outbox_bytes_max = 4 * kMessageBytesMax}) {}
  virtual ~Echo() = default;

  void start(std::string_view response, std::string early) { connection_.start(response, std::move(early)); }

 private:
  void on_text(std::string_view text) override { connection_.send_text(text); }
  void on_binary(std::string_view bytes) override { connection_.send_binary(bytes); }
  void on_pong() override {}
  void on_closed() override { closed_(this); }

  std::function<void(Echo*)> closed_;
  sv_websocket::Connection connection_;
};

class EchoServer {
 public:
  EchoServer(runtime::Reactor& reactor, const std::string& host, std::uint16_t port)
      : transport_(reactor),
        server_(reactor, {.host = host, .port = port}, routes_,
                [this](runtime::HttpUpgrade&& upgrade) { return accept(std::move(upgrade)); }),
        sweep_(reactor.executor()) {
    sv_websocket::add_upgrade_required(routes_, "/*");
    server_.start();
    sweep_every_second();
  }

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

 private:
  bool accept(runtime::HttpUpgrade&& upgrade) {
    auto socket = sv_websocket::accept_upgrade(upgrade);
    if (!socket) return false;
    auto echo = std::make_unique<Echo>(transport_, socket->fd, std::move(socket->tls),
                                       [this](Echo* gone) { echoes_.erase(gone); });
    Echo& started = *echo;
    echoes_.emplace(&started, std::move(echo));
    started.start(socket->response, std::move(socket->early));
    return true;
  }

  void sweep_every_second() {
    sweep_.expires_after(std::chrono::seconds(1));
    sweep_.async_wait([this](const boost::system::error_code& stopped) {
      if (stopped) return;
      transport_.sweep(std::chrono::steady_clock::now());
      sweep_every_second();
    });
  }

  sv_websocket::Transport transport_;
  std::unordered_map<Echo*, std::unique_ptr<Echo>> echoes_;
  runtime::HttpRoutes routes_;
  runtime::HttpServer server_;
  boost::asio::steady_timer sweep_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Echoes WebSocket messages of up to 17 MiB, for conformance suites", "websocket-echo");
  std::string host = "127.0.0.1";
  std::uint16_t port = 9001;
  app.add_option("--host", host, "Address to listen on")->capture_default_str();
  app.add_option("--port", port, "Port to listen on; 0: any free one")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  try {
    runtime::StopSignal stop_signal;
    runtime::raise_open_files_limit();
    runtime::ReactorPool reactors(1);
    const EchoServer server(reactors[0], host, port);
    std::cout << "websocket-echo listens on ws://" << host << ':' << server.port() << std::endl;
    reactors.start();
    stop_signal.wait();
    reactors.stop();
    return 0;
  } catch (const std::system_error& error) {
    std::cerr << "websocket-echo: " << error.what() << '\n';
    return 1;
  }
}
