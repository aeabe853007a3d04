#include "sv_websocket/gateway.h"

#include <boost/asio/use_future.hpp>
#include <utility>

#include "chat/limits.h"
#include "runtime/log.h"
#include "runtime/service_routes.h"
#include "sv_websocket/hub.h"
#include "sv_websocket/publisher.h"
#include "sv_websocket/router.h"
#include "sv_websocket/store_progress.h"
#include "sv_websocket/transport.h"
#include "sv_websocket/upgrade.h"
#include "wire/close_code.h"
#include "wire/server_frame.h"

namespace simplechat::sv_websocket {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTick{250};
constexpr int kTicksPerSecond = 4;
constexpr milliseconds kCloseWait{2000};  // for the clients' part of the closing handshakes
constexpr std::chrono::seconds kFlushWait{7};
constexpr std::chrono::seconds kSettleWait{5};  // for the store to have what was sent, and for resyncs

std::uint32_t seconds_of(steady_clock::time_point time) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

chat::Task<void> pause(milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

// Everything of the gateway that lives on one reactor.
class Gateway::Lane {
 public:
  Lane(Gateway& gateway, runtime::Reactor& reactor, const Ports& ports, const chat::Authenticator& authenticator,
       std::span<const StaticFile> client_files, runtime::Readiness& readiness, runtime::MetricsRegistry& metrics)
      : gateway_(gateway),
        reactor_(reactor),
        transport_(reactor),
        probe_(metrics),
        hub_(reactor, transport_, gateway.roster_, ConnectionLimits{}),
        router_({.reactor = reactor,
                 .turn_end = transport_.turn_end(),
                 .roster = gateway.roster_,
                 .directory = ports.directory,
                 .relay = ports.relay,
                 .probe = probe_,
                 .own_url = gateway.options_.public_url,
                 .to_sessions = [this](const chat::DeliveryView& delivery,
                                       SessionKey except) { hub_.deliver(delivery, except); }}),
        progress_(reactor, ports.queue, ports.reader),
        publisher_(reactor, transport_.turn_end(), ports.queue, progress_,
                   chat::limits::kUnconfirmedBytesMax / gateway.reactors_.size(),
                   {.settled = [this](const Publisher::Sender& sender, const chat::MessageView& message,
                                      const chat::Result<void>& outcome) { settled(sender, message, outcome); },
                    .relieved = [this] { hub_.resume_paused(); }}),
        mailbox_(reactor, Router::kMailboxBytesMax, [this](const chat::DeliveryBatch& batch) { deliver(batch); }),
        services_{.hub = hub_,
                  .router = router_,
                  .publisher = publisher_,
                  .registrar = *gateway.registrar_,
                  .reader = ports.reader,
                  .clock = gateway.clock_,
                  .authenticator = authenticator,
                  .probe = probe_,
                  .parser = parser_,
                  .scratch = {},
                  .instance_id = gateway.options_.incarnation},
        api_(reactor,
             {.host = gateway.options_.host,
              .port = gateway.lanes_.empty() ? gateway.options_.api_port : gateway.api_port(),
              .body_bytes_max = chat::limits::kHttpBodyBytesMax},
             api_routes_,
             [this](runtime::HttpUpgrade&& upgrade) {
               return upgrade.request.path() == "/ws" && take(std::move(upgrade));
             }),
        ws_(reactor,
            {.host = gateway.options_.host,
             .port = gateway.lanes_.empty() ? gateway.options_.ws_port : gateway.ws_port()},
            ws_routes_, [this](runtime::HttpUpgrade&& upgrade) { return take(std::move(upgrade)); }),
        tick_(reactor.executor()) {
    hub_.connect(services_);
    add_endpoints(api_routes_, {.services = services_,
                                .roster = gateway.roster_,
                                .queue = ports.queue,
                                .progress = progress_,
                                .access = gateway.options_.access});
    add_static_files(api_routes_, client_files);
    add_upgrade_required(api_routes_, "/ws");
    add_upgrade_required(ws_routes_, "/*");
    runtime::add_service_routes(api_routes_, readiness, metrics);
  }

  void start() {
    std::vector<DeliveryMailbox*> mailboxes;
    for (const auto& lane : gateway_.lanes_) mailboxes.push_back(lane.get() == this ? nullptr : &lane->mailbox_);
    router_.connect(std::move(mailboxes));
    api_.start();
    ws_.start();
    tick();
  }

  // Runs on the reactor.
  chat::Task<void> drain() {
    api_.stop();
    ws_.stop();
    std::string frame;
    wire::append_draining(frame, gateway_.options_.drain.count());
    hub_.send_all(frame);
    co_await pause(gateway_.options_.drain);
    publisher_.refuse();
    co_await publisher_.drain(steady_clock::now() + kFlushWait);
    hub_.close_all(wire::kCloseGoingAway, "shutting down");
    for (const auto deadline = steady_clock::now() + kCloseWait;
         hub_.sessions() > 0 && steady_clock::now() < deadline;) {
      co_await pause(milliseconds(10));
    }
    // The clients are on their way to other gateways. Whom this one has passed over it alone knows.
    for (const auto deadline = steady_clock::now() + kSettleWait; !router_.idle() && steady_clock::now() < deadline;) {
      co_await pause(milliseconds(50));
    }
    tick_.cancel();
    co_await hub_.gate().close();
    co_await router_.stop();
    co_await progress_.stop();
  }

  void register_all_again() {
    reactor_.post([this] {
      hub_.for_each_user([this](const std::string& user) {
        const Roster::Change change = gateway_.roster_.confirm(user);
        gateway_.registrar_->ensure(user, change.fence, reactor_, {});
      });
    });
  }

  void resync_all() {
    reactor_.post([this] {
      std::string frame;
      wire::append_resync(frame);
      hub_.for_each_user([&](const std::string& user) { hub_.deliver({.user = user, .frame = frame}, {}); });
    });
  }

  [[nodiscard]] runtime::Reactor& reactor() { return reactor_; }
  [[nodiscard]] const runtime::HttpServer& api() const { return api_; }
  [[nodiscard]] const runtime::HttpServer& ws() const { return ws_; }

 private:
  bool take(runtime::HttpUpgrade&& upgrade) {
    auto socket = accept_upgrade(upgrade);
    if (!socket) return false;
    hub_.accept(socket->fd, socket->response, std::move(socket->early));
    return true;
  }

  void settled(const Publisher::Sender& sender, const chat::MessageView& message, const chat::Result<void>& outcome) {
    if (!outcome) {
      probe_.publish_failed();
      if (Session* session = hub_.find(sender.session)) session->refused(message, outcome.error());
      return;
    }
    probe_.message_durable();
    Handovers& handovers = router_.handovers();
    if (handovers.finished(sender.ticket)) {
      if (Session* session = hub_.find(sender.session)) session->acknowledge(message.id, message.to, message.at);
      return;
    }
    handovers.when_done(
        sender.ticket, steady_clock::now(),
        [this, key = sender.session, id = std::string(message.id), to = std::string(message.to), at = message.at] {
          if (Session* session = hub_.find(key)) session->acknowledge(id, to, at);
        });
  }

  void deliver(const chat::DeliveryBatch& batch) {
    for (std::size_t i = 0; i < batch.size(); ++i) hub_.deliver(batch[i], {});
  }

  void tick() {
    tick_.expires_after(kTick);
    tick_.async_wait([this](const boost::system::error_code& stopped) {
      if (stopped) return;
      const auto now = steady_clock::now();
      progress_.check();
      router_.tick(progress_.stored_until(), now);
      hub_.run_checks(now);
      if (++ticks_ % kTicksPerSecond == 0) {
        transport_.sweep(now);
        hub_.tick(seconds_of(now));
      }
      tick();
    });
  }

  Gateway& gateway_;
  runtime::Reactor& reactor_;
  Transport transport_;
  Probe probe_;
  wire::FrameParser parser_;
  Hub hub_;
  Router router_;
  StoreProgress progress_;
  Publisher publisher_;
  DeliveryMailbox mailbox_;
  SessionServices services_;
  runtime::HttpRoutes api_routes_;
  runtime::HttpRoutes ws_routes_;
  runtime::HttpServer api_;
  runtime::HttpServer ws_;
  asio::steady_timer tick_;
  unsigned ticks_ = 0;
};

Gateway::Gateway(runtime::ReactorPool& reactors, GatewayOptions options, std::span<const Ports> ports,
                 const chat::Authenticator& authenticator, std::span<const StaticFile> client_files,
                 runtime::Readiness& readiness, runtime::MetricsRegistry& metrics)
    : reactors_(reactors), readiness_(readiness), options_(std::move(options)) {
  registrar_ = std::make_unique<Registrar>(
      reactors[0], ports[0].directory,
      chat::GatewayIdentity{.url = options_.public_url, .incarnation = options_.incarnation}, options_.lease,
      Registrar::Callbacks{.register_all_again = [this] { register_all_again(); },
                           .resync_all = [this] { resync_all(); }});
  for (unsigned index = 0; index < reactors.size(); ++index) {
    lanes_.push_back(
        std::make_unique<Lane>(*this, reactors[index], ports[index], authenticator, client_files, readiness, metrics));
  }
}

Gateway::~Gateway() = default;

void Gateway::start() {
  for (const auto& lane : lanes_) lane->start();
  registrar_->start();
}

void Gateway::stop() {
  readiness_.start_draining();
  std::vector<std::future<void>> drained;
  for (const auto& lane : lanes_) {
    drained.push_back(asio::co_spawn(lane->reactor().executor(), lane->drain(), asio::use_future));
  }
  for (auto& lane : drained) lane.get();
  asio::co_spawn(reactors_[0].executor(), registrar_->stop(), asio::use_future).get();
}

void Gateway::register_all_again() {
  for (const auto& lane : lanes_) lane->register_all_again();
}

void Gateway::resync_all() {
  for (const auto& lane : lanes_) lane->resync_all();
}

std::uint16_t Gateway::api_port() const { return lanes_.front()->api().port(); }
std::uint16_t Gateway::ws_port() const { return lanes_.front()->ws().port(); }

}  // namespace simplechat::sv_websocket
