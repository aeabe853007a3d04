#include "sv_websocket/gateway.h"

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <utility>

#include "chat/limits.h"
#include "runtime/log.h"
#include "runtime/service_routes.h"
#include "sv_websocket/revocation_endpoint.h"
#include "sv_websocket/upgrade.h"
#include "wire/server_frame.h"

namespace simplechat::sv_websocket {
namespace {

namespace asio = boost::asio;

}  // namespace

// A shard and the listeners through which clients and services reach it.
class Gateway::Lane {
 public:
  Lane(Gateway& gateway, runtime::Reactor& reactor, const Ports& ports, const chat::Authenticator& authenticator,
       std::span<const StaticFile> client_files, runtime::MetricsRegistry& metrics)
      : gateway_(gateway),
        shard_(reactor,
               {.roster = gateway.roster_,
                .registrar = *gateway.registrar_,
                .clock = gateway.clock_,
                .authenticator = authenticator,
                .url = gateway.options_.public_url,
                .incarnation = gateway.options_.incarnation,
                .unconfirmed_bytes_max = chat::limits::kUnconfirmedBytesMax / gateway.reactors_.size(),
                .limits = {},
                .client_limits = gateway.options_.limits,
                .clients = &gateway.clients_,
                .buffers_bytes_max = gateway.share(gateway.options_.limits.buffers_bytes_max)},
               ports, metrics),
        admission_(gateway.options_.admission,
                   {.connections_max = gateway.options_.connections_max / gateway.reactors_.size(),
                    .handshakes_per_second =
                        static_cast<std::uint32_t>(gateway.share(gateway.options_.limits.handshakes_per_second))},
                   gateway.clients_.addresses, shard_.services().probe),
        api_(reactor,
             {.host = gateway.options_.host,
              .port = gateway.lanes_.empty() ? gateway.options_.api_port : gateway.api_port(),
              .body_bytes_max = chat::limits::kHttpBodyBytesMax,
              .tls = gateway.options_.tls,
              .peers = &admission_},
             api_routes_,
             [this](runtime::HttpUpgrade&& upgrade) {
               return upgrade.request.path() == "/ws" && take(std::move(upgrade));
             }),
        ws_(reactor,
            {.host = gateway.options_.host,
             .port = gateway.lanes_.empty() ? gateway.options_.ws_port : gateway.ws_port(),
             .tls = gateway.options_.tls,
             .peers = &admission_},
            ws_routes_, [this](runtime::HttpUpgrade&& upgrade) { return take(std::move(upgrade)); }) {
    add_endpoints(api_routes_, {.services = shard_.services(),
                                .roster = gateway.roster_,
                                .queue = ports.queue,
                                .progress = shard_.progress(),
                                .access = gateway.options_.access});
    add_static_files(api_routes_, client_files);
    add_upgrade_required(api_routes_, "/ws");
    add_upgrade_required(ws_routes_, "/*");
    runtime::add_service_routes(api_routes_, gateway.readiness_, metrics);
  }

  void start() {
    std::vector<DeliveryMailbox*> mailboxes;
    for (const auto& lane : gateway_.lanes_)
      mailboxes.push_back(lane.get() == this ? nullptr : &lane->shard_.mailbox());
    shard_.start(std::move(mailboxes));
    api_.start();
    ws_.start();
  }

  // False if somebody is left whom nobody will tell to resync. Runs on the reactor.
  chat::Task<bool> drain() {
    api_.stop();
    ws_.stop();
    std::string frame;
    wire::append_draining(frame, gateway_.options_.drain.count());
    shard_.hub().send_all(frame);
    asio::steady_timer timer(shard_.reactor().executor(), gateway_.options_.drain);
    co_await timer.async_wait(asio::use_awaitable);
    const bool all_told = co_await shard_.leave();
    co_await shard_.stop();
    co_return all_told;
  }

  void serve_revocations(std::chrono::milliseconds keep) {
    shard_.await_revocations();
    add_revocation_endpoint(api_routes_,
                            {.access = gateway_.options_.access,
                             .clock = gateway_.clock_,
                             .revoke = [this](chat::Revocation each) { return gateway_.revoke(std::move(each)); },
                             .keep = keep});
  }

  [[nodiscard]] Shard& shard() { return shard_; }
  [[nodiscard]] const runtime::HttpServer& api() const { return api_; }
  [[nodiscard]] const runtime::HttpServer& ws() const { return ws_; }

 private:
  bool take(runtime::HttpUpgrade&& upgrade) {
    auto address = admission_.admit(upgrade, shard_.hub().sessions(), shard_.services().turn_clock.now_ms());
    if (!address) {
      upgrade.refusal = std::move(address.error());
      return false;
    }
    auto socket = accept_upgrade(upgrade);
    if (!socket) {
      gateway_.clients_.addresses.leave(*address);
      return false;
    }
    shard_.hub().accept(socket->fd, socket->response, std::move(socket->early), std::move(socket->tls), *address,
                        std::move(socket->token));
    return true;
  }

  Gateway& gateway_;
  Shard shard_;
  Admission admission_;
  runtime::HttpRoutes api_routes_;
  runtime::HttpRoutes ws_routes_;
  runtime::HttpServer api_;
  runtime::HttpServer ws_;
};

Gateway::Gateway(runtime::ReactorPool& reactors, GatewayOptions options, std::span<const Ports> ports,
                 const chat::Authenticator& authenticator, std::span<const StaticFile> client_files,
                 runtime::Readiness& readiness, runtime::MetricsRegistry& metrics)
    : reactors_(reactors),
      readiness_(readiness),
      options_(std::move(options)),
      clients_{
          .addresses = AddressTable({.connections_max = options_.limits.connections_per_address_max,
                                     .handshakes = RateLimit::of(options_.limits.handshakes_per_address_per_second)}),
          .requests = RateTable(RateLimit::of(options_.limits.user_requests_per_second)),
          .messages = RateTable(RateLimit::of(options_.limits.user_messages_per_second))} {
  registrar_ = std::make_unique<Registrar>(
      reactors[0], ports[0].directory, clock_,
      chat::GatewayIdentity{.url = options_.public_url, .incarnation = options_.incarnation}, options_.lease,
      Registrar::Callbacks{.register_all_again = [this] { register_all_again(); },
                           .resync_all = [this] { resync_all(); }});
  for (unsigned index = 0; index < reactors.size(); ++index) {
    lanes_.push_back(
        std::make_unique<Lane>(*this, reactors[index], ports[index], authenticator, client_files, metrics));
  }
}

Gateway::~Gateway() = default;

void Gateway::start() {
  for (const auto& lane : lanes_) lane->start();
  registrar_->start();
  if (revocation_watch_) revocation_watch_->start();
}

void Gateway::watch_revocations(chat::Revocations& revocations, std::chrono::milliseconds keep) {
  constexpr chat::Timestamp kMicrosecondsPerSecond = 1'000'000;
  for (const auto& lane : lanes_) lane->serve_revocations(keep);
  revocation_watch_ = std::make_unique<RevocationWatch>(
      reactors_[0], revocations,
      RevocationWatch::Callbacks{.revoked =
                                     [this](const RevocationWatch::Batch& batch) {
                                       for (const auto& lane : lanes_) lane->shard().revoke(batch);
                                     },
                                 .forget =
                                     [this](std::int64_t now_s) {
                                       for (const auto& lane : lanes_) lane->shard().forget_revocations(now_s);
                                     },
                                 .now_s = [this] { return clock_.read() / kMicrosecondsPerSecond; }});
}

// Asked on any reactor; the watch lives on the first.
chat::Task<chat::Result<void>> Gateway::revoke(chat::Revocation revocation) {
  co_return co_await asio::co_spawn(reactors_[0].executor(), revocation_watch_->revoke(std::move(revocation)),
                                    asio::use_awaitable);
}

void Gateway::stop() {
  readiness_.start_draining();
  std::vector<std::future<bool>> drained;
  for (const auto& lane : lanes_) {
    drained.push_back(asio::co_spawn(lane->shard().reactor().executor(), lane->drain(), asio::use_future));
  }
  if (revocation_watch_) {
    asio::co_spawn(reactors_[0].executor(), revocation_watch_->stop(), asio::use_future).get();
  }
  auto leaving = Registrar::Leaving::with_nothing_to_tell;
  for (auto& lane : drained) {
    if (!lane.get()) leaving = Registrar::Leaving::with_something_to_tell;
  }
  asio::co_spawn(reactors_[0].executor(), registrar_->stop(leaving), asio::use_future).get();
}

// At least 1 of what has a limit, since 0 is none.
std::size_t Gateway::share(std::size_t whole) const {
  return whole == 0 ? 0 : std::max<std::size_t>(1, whole / reactors_.size());
}

void Gateway::register_all_again() {
  for (const auto& lane : lanes_) lane->shard().register_all_again();
}

void Gateway::resync_all() {
  for (const auto& lane : lanes_) lane->shard().resync_all();
}

std::uint16_t Gateway::api_port() const { return lanes_.front()->api().port(); }
std::uint16_t Gateway::ws_port() const { return lanes_.front()->ws().port(); }

}  // namespace simplechat::sv_websocket
