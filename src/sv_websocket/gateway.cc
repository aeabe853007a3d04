#include "sv_websocket/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdio>
#include <iterator>
#include <numeric>
#include <type_traits>
#include <utility>

#include "chat/limits.h"
#include "runtime/log.h"
#include "runtime/service_routes.h"
#include "sv_websocket/drain.h"
#include "sv_websocket/revocation_endpoint.h"
#include "sv_websocket/upgrade.h"
#include "wire/close_code.h"

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
                .blocks = gateway.blocks_,
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
              .hsts_max_age = gateway.options_.hsts_max_age,
              .tls_handshakes_failed = runtime::count_tls_handshakes_failed(metrics, "api", gateway.options_.tls),
              .peers = &admission_},
             api_routes_,
             [this](runtime::HttpUpgrade&& upgrade) {
               return upgrade.request.path() == "/ws" && take(std::move(upgrade));
             }),
        ws_(reactor,
            {.host = gateway.options_.host,
             .port = gateway.lanes_.empty() ? gateway.options_.ws_port : gateway.ws_port(),
             .tls = gateway.options_.tls,
             .hsts_max_age = gateway.options_.hsts_max_age,
             .tls_handshakes_failed = runtime::count_tls_handshakes_failed(metrics, "websocket", gateway.options_.tls),
             .peers = &admission_},
            ws_routes_, [this](runtime::HttpUpgrade&& upgrade) { return take(std::move(upgrade)); }) {
    const EndpointParts parts{.services = shard_.services(),
                              .roster = gateway.roster_,
                              .queue = ports.queue,
                              .progress = shard_.progress(),
                              .proxies = gateway.options_.admission.proxies,
                              .access = gateway.options_.access};
    add_endpoints(api_routes_, parts);
    if (const auto& internal = gateway.options_.internal) {
      add_service_endpoints(internal_routes_, parts);
      runtime::add_service_routes(internal_routes_, gateway.readiness_, metrics);
      internal_.emplace(reactor,
                        runtime::HttpServer::Options{.host = internal->host,
                                                     .port = internal->port,
                                                     .body_bytes_max = chat::limits::kHttpBodyBytesMax,
                                                     .tls = internal->tls,
                                                     .tls_handshakes_failed = runtime::count_tls_handshakes_failed(
                                                         metrics, "internal", internal->tls)},
                        internal_routes_);
    } else {
      add_service_endpoints(api_routes_, parts);
    }
    add_static_files(api_routes_, client_files);
    add_upgrade_required(api_routes_, "/ws");
    add_upgrade_required(ws_routes_, "/*");
    runtime::add_service_routes(api_routes_, gateway.readiness_, metrics);
    if (gateway.options_.add_api_routes) gateway.options_.add_api_routes(api_routes_, gateway);
  }

  void start() {
    std::vector<DeliveryMailbox*> mailboxes;
    for (const auto& lane : gateway_.lanes_)
      mailboxes.push_back(lane.get() == this ? nullptr : &lane->shard_.mailbox());
    shard_.start(std::move(mailboxes));
    api_.start();
    ws_.start();
    if (internal_) internal_->start();
  }

  // False if somebody is left whom nobody will tell to resync. Runs on the reactor.
  chat::Task<bool> drain() {
    // Meanwhile the ports stay open: the other gateways have deliveries for the clients that are still here, and load
    // balancers ask whether this one is ready. New connections are refused.
    static_cast<void>(co_await send_away(gateway_.options_.drain, wire::kCloseGoingAway, "shutting down"));
    api_.stop();
    ws_.stop();
    if (internal_) internal_->stop();
    const bool all_told = co_await shard_.leave();
    co_await shard_.stop();
    co_return all_told;
  }

  void serve_revocations() {
    shard_.await_revocations();
    add_revocation_endpoint(gateway_.options_.internal ? internal_routes_ : api_routes_, gateway_.options_.access,
                            gateway_);
  }

  void serve_blocks() {
    shard_.await_blocks();
    add_block_endpoints(api_routes_, shard_.services(), gateway_.options_.admission.proxies, gateway_.block_parts());
    add_service_block_endpoints(gateway_.options_.internal ? internal_routes_ : api_routes_, gateway_.options_.access,
                                gateway_.block_parts());
  }

  // Tells all and closes most; false if it was cancelled. Runs on the reactor.
  chat::Task<bool> send_away(std::chrono::milliseconds time, std::uint16_t close_code, std::string_view reason) {
    if (drain_) drain_->cancel();
    const auto drain = std::make_shared<Drain>(shard_.hub());
    drain_ = drain;
    co_return co_await drain->run(time, close_code, reason);
  }
  // As the person on call wants it: the process goes on. Runs on the reactor.
  chat::Task<void> drain_and_stay(std::chrono::milliseconds time) {
    constexpr const char* kReason = "draining: another gateway takes you";
    if (co_await send_away(time, wire::kCloseDraining, kReason)) {
      shard_.hub().close_all(wire::kCloseDraining, kReason);
    }
  }
  void cancel_drain() {
    if (drain_) drain_->cancel();
    shard_.hub().for_each_session(0, shard_.hub().slots(),
                                  [](Session& session) { session.resume_reading(Pause::drain); });
  }

  [[nodiscard]] Shard& shard() { return shard_; }
  [[nodiscard]] const runtime::HttpServer& api() const { return api_; }
  [[nodiscard]] const runtime::HttpServer& ws() const { return ws_; }

 private:
  bool take(runtime::HttpUpgrade&& upgrade) {
    if (gateway_.readiness_.draining()) {
      upgrade.refusal = runtime::http_error(503, "unavailable", "this gateway is going away: try another one");
      return false;
    }
    auto client = admission_.admit(upgrade, shard_.hub().sessions(), shard_.services().turn_clock.now_ms());
    if (!client) {
      upgrade.refusal = std::move(client.error());
      return false;
    }
    auto socket = accept_upgrade(upgrade);
    if (!socket) {
      gateway_.clients_.addresses.leave(client->subscriber());
      return false;
    }
    shard_.hub().accept(std::move(*socket), *client);
    return true;
  }

  Gateway& gateway_;
  Shard shard_;
  Admission admission_;
  std::shared_ptr<Drain> drain_;  // the latest
  runtime::HttpRoutes api_routes_;
  runtime::HttpRoutes ws_routes_;
  runtime::HttpRoutes internal_routes_;
  runtime::HttpServer api_;
  runtime::HttpServer ws_;
  std::optional<runtime::HttpServer> internal_;
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
  if (block_watch_) block_watch_->start();
}

void Gateway::watch_revocations(chat::Revocations& revocations, std::chrono::milliseconds keep) {
  revocation_keep_ = std::chrono::duration_cast<std::chrono::seconds>(keep);
  for (const auto& lane : lanes_) lane->serve_revocations();
  revocation_watch_ =
      std::make_unique<RevocationWatch>(reactors_[0], revocations,
                                        RevocationWatch::Callbacks{.revoked =
                                                                       [this](const RevocationWatch::Batch& batch) {
                                                                         for (const auto& lane : lanes_)
                                                                           lane->shard().revoke(batch);
                                                                       },
                                                                   .forget =
                                                                       [this](std::int64_t now_s) {
                                                                         for (const auto& lane : lanes_)
                                                                           lane->shard().forget_revocations(now_s);
                                                                       },
                                                                   .now_s = [this] { return now_s(); }});
}

std::int64_t Gateway::now_s() {
  constexpr chat::Timestamp kMicrosecondsPerSecond = 1'000'000;
  return clock_.read() / kMicrosecondsPerSecond;
}

// Asked on any reactor; the watch lives on the first.
chat::Task<chat::Result<chat::Revocation>> Gateway::revoke(wire::RevocationRequest request) {
  if (!revocation_watch_) {
    co_return chat::fail(chat::ErrorCode::not_found, "there are no tokens here to revoke: see --auth jwt");
  }
  auto revocation = wire::revocation_of(std::move(request), now_s(), revocation_keep_.count());
  if (!revocation) co_return revocation;
  const auto kept =
      co_await asio::co_spawn(reactors_[0].executor(), revocation_watch_->revoke(*revocation), asio::use_awaitable);
  if (!kept) co_return std::unexpected(kept.error());
  co_return revocation;
}

void Gateway::watch_blocks(chat::Blocks& blocks) {
  for (const auto& lane : lanes_) lane->serve_blocks();
  runtime::Dependency& heard = readiness_.add("blocks");
  block_watch_ = std::make_unique<BlockWatch>(
      reactors_[0], blocks, blocks_,
      BlockWatch::Callbacks{.known =
                                [this, &heard] {
                                  for (const auto& lane : lanes_) lane->shard().blocks_known();
                                  heard.up();
                                },
                            .count = [this](std::size_t count) { lanes_[0]->shard().services().probe.blocks(count); }});
}

BlockParts Gateway::block_parts() {
  return {.change = [this](chat::BlockChange each) { return change_block(std::move(each)); },
          .blocked_by = [this](std::string user) { return blocked_by(std::move(user)); }};
}

// Asked on any reactor; the watch lives on the first.
chat::Task<chat::Result<void>> Gateway::change_block(chat::BlockChange change) {
  if (!block_watch_) co_return chat::fail(chat::ErrorCode::not_found, "nobody can be blocked here");
  co_return co_await asio::co_spawn(reactors_[0].executor(), block_watch_->change(std::move(change)),
                                    asio::use_awaitable);
}

chat::Task<chat::Result<BlockedUsers>> Gateway::blocked_by(std::string user) {
  if (!block_watch_) co_return BlockedUsers{};
  co_return co_await asio::co_spawn(reactors_[0].executor(), block_watch_->blocked_by(std::move(user)),
                                    asio::use_awaitable);
}

void Gateway::stop() {
  readiness_.start_draining();
  std::vector<std::future<bool>> drained;
  for (const auto& lane : lanes_) {
    drained.push_back(asio::co_spawn(lane->shard().reactor().executor(), lane->drain(), asio::use_future));
  }
  auto leaving = Registrar::Leaving::with_nothing_to_tell;
  for (auto& lane : drained) {
    if (!lane.get()) leaving = Registrar::Leaving::with_something_to_tell;
  }
  // Last: who is revoked or blocked is so to the end.
  if (revocation_watch_) {
    asio::co_spawn(reactors_[0].executor(), revocation_watch_->stop(), asio::use_future).get();
  }
  if (block_watch_) asio::co_spawn(reactors_[0].executor(), block_watch_->stop(), asio::use_future).get();
  asio::co_spawn(reactors_[0].executor(), registrar_->stop(leaving), asio::use_future).get();
}

// At least 1 of what has a limit, since 0 is none.
std::size_t Gateway::share(std::size_t whole) const {
  return whole == 0 ? 0 : std::max<std::size_t>(1, whole / reactors_.size());
}

// Calls f(Shard&) on each reactor in turn and returns what it returned.
template <class Function>
auto Gateway::ask_each(Function function) -> chat::Task<std::vector<std::invoke_result_t<Function&, Shard&>>> {
  using Value = std::invoke_result_t<Function&, Shard&>;
  std::vector<Value> values;
  for (const auto& lane : lanes_) {
    Shard& shard = lane->shard();
    auto call = [&shard, &function]() -> chat::Task<Value> { co_return function(shard); };
    values.push_back(co_await asio::co_spawn(shard.reactor().executor(), std::move(call), asio::use_awaitable));
  }
  co_return values;
}

chat::Task<Gateway::Status> Gateway::status() {
  Status status{.url = options_.public_url, .users = roster_.users(), .draining = readiness_.draining()};
  const auto counts = co_await ask_each([](Shard& shard) {
    std::size_t registered = 0;
    shard.hub().for_each_session(0, shard.hub().slots(),
                                 [&](const Session& session) { registered += session.registered() ? 1 : 0; });
    return std::pair(shard.hub().sessions(), registered);
  });
  for (const auto& [connections, registered] : counts) {
    status.connections += connections;
    status.sessions += registered;
  }
  co_return status;
}

// A place is reactor.slot.
chat::Task<chat::Result<Gateway::SessionPage>> Gateway::sessions(std::string after, std::size_t limit) {
  unsigned reactor = 0;
  std::size_t slot = 0;
  if (!after.empty() && std::sscanf(after.c_str(), "%u.%zu", &reactor, &slot) != 2) {
    co_return chat::fail(chat::ErrorCode::bad_frame, "after is not what the page before gave as next");
  }
  SessionPage page;
  for (; reactor < lanes_.size(); ++reactor, slot = 0) {
    Shard& shard = lanes_[reactor]->shard();
    auto look = [&]() -> chat::Task<void> {
      for (; slot < shard.hub().slots() && page.sessions.size() < limit; ++slot) {
        shard.hub().for_each_session(slot, slot + 1, [&](const Session& session) {
          if (session.registered()) page.sessions.push_back(session.info());
        });
      }
      co_return;
    };
    co_await asio::co_spawn(shard.reactor().executor(), std::move(look), asio::use_awaitable);
    if (page.sessions.size() < limit) continue;
    page.next = fmt::format("{}.{}", reactor, slot);
    break;
  }
  co_return page;
}

chat::Task<std::vector<SessionInfo>> Gateway::sessions_of(std::string user) {
  auto found = co_await ask_each([&user](Shard& shard) {
    std::vector<SessionInfo> sessions;
    shard.hub().for_each_session_of(user, [&](const Session& session) { sessions.push_back(session.info()); });
    return sessions;
  });
  std::vector<SessionInfo> all;
  for (std::vector<SessionInfo>& each : found) std::ranges::move(each, std::back_inserter(all));
  co_return all;
}

chat::Task<std::size_t> Gateway::disconnect(std::string user, std::string session) {
  const auto closed = co_await ask_each([&](Shard& shard) {
    std::size_t count = 0;
    shard.hub().for_each_session_of(user, [&](Session& each) {
      if (!session.empty() && each.id() != session) return;
      each.close(wire::kCloseDisconnected, "disconnected by the operator");
      ++count;
    });
    return count;
  });
  co_return std::accumulate(closed.begin(), closed.end(), std::size_t{0});
}

chat::Task<Gateway::Waiting> Gateway::waiting() {
  const auto all =
      co_await ask_each([](Shard& shard) { return Waiting{.depths = shard.depths(), .bounds = shard.bounds()}; });
  Waiting sum;
  for (const Waiting& each : all) {
    sum.depths += each.depths;
    sum.bounds += each.bounds;
  }
  co_return sum;
}

void Gateway::start_drain(std::chrono::milliseconds time) {
  if (readiness_.draining()) return;
  readiness_.start_draining();
  for (const auto& lane : lanes_) {
    asio::co_spawn(lane->shard().reactor().executor(), lane->drain_and_stay(time), asio::detached);
  }
}

void Gateway::cancel_drain() {
  readiness_.stop_draining();
  for (const auto& lane : lanes_) lane->shard().reactor().post([&lane = *lane] { lane.cancel_drain(); });
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
