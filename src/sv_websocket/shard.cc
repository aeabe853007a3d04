#include "sv_websocket/shard.h"

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "runtime/trace.h"
#include "sv_websocket/missed_users.h"
#include "wire/close_code.h"

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

// Looks now and then whether `done`, at most for `wait`.
template <class Done>
chat::Task<void> wait_until(Done done, milliseconds poll, milliseconds wait) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (const auto deadline = steady_clock::now() + wait; !done() && steady_clock::now() < deadline;) {
    timer.expires_after(poll);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace

Shard::Shard(runtime::Reactor& reactor, const Gateway& gateway, const Ports& ports, runtime::MetricsRegistry& metrics)
    : reactor_(reactor),
      roster_(gateway.roster),
      registrar_(gateway.registrar),
      probe_(metrics),
      transport_(reactor, {.bytes = byte_rate(gateway.client_limits),
                           .buffers_bytes_max = gateway.buffers_bytes_max,
                           .limited = [this](Limit limit) { probe_.limited(limit); }}),
      gatekeeper_(gateway.authenticator),
      contacts_(gateway.blocks),
      hub_(reactor, transport_, gateway.roster, gateway.limits),
      router_({.reactor = reactor,
               .turn_end = transport_.turn_end(),
               .roster = gateway.roster,
               .directory = ports.directory,
               .relay = ports.relay,
               .probe = probe_,
               .own_url = gateway.url,
               .to_sessions = [this](const chat::DeliveryView& delivery,
                                     SessionKey except) { hub_.deliver(delivery, except); }}),
      progress_(reactor, ports.queue, ports.reader),
      publisher_(reactor, transport_.turn_end(), ports.queue, progress_, gateway.unconfirmed_bytes_max,
                 {.settled = [this](const Publisher::Sender& sender, const chat::MessageView& message,
                                    const chat::Result<void>& outcome,
                                    Publisher::TimePoint since) { settled(sender, message, outcome, since); },
                  .batch_ended =
                      [this](Publisher::TimePoint since, std::size_t records) {
                        probe_.published(records);
                        if (acked_ > 0) probe_.acked(steady_clock::now() - since, std::exchange(acked_, 0));
                      },
                  .relieved = [this] { hub_.resume_paused(); }}),
      mailbox_(reactor, Router::kMailboxBytesMax,
               [this](const HandedDeliveries& batch) {
                 for (std::size_t i = 0; i < batch.deliveries.size(); ++i) hub_.deliver(batch.deliveries[i], {});
                 probe_.mailbox_emptied(steady_clock::now() - batch.since, batch.deliveries.size());
               }),
      services_{.hub = hub_,
                .router = router_,
                .publisher = publisher_,
                .registrar = gateway.registrar,
                .reader = ports.reader,
                .clock = gateway.clock,
                .gatekeeper = gatekeeper_,
                .contacts = contacts_,
                .connect_hook = ports.connect_hook,
                .approvals = ports.send_hook == nullptr ? nullptr : &make_approvals(*ports.send_hook),
                .probe = probe_,
                .turn_clock = transport_.clock(),
                .clients = gateway.clients,
                .register_timeout = gateway.client_limits.register_timeout,
                .user_sessions_max = gateway.client_limits.user_sessions_max,
                .frame_rate = frame_rate(gateway.client_limits),
                .parser = parser_,
                .scratch = {},
                .instance_id = gateway.incarnation},
      tick_(reactor.executor()) {
  hub_.connect(services_);
  transport_.turn_end().watch([this](steady_clock::duration took) { probe_.turn_ended(took); });
  probe_.bounds(bounds());
}

Approvals& Shard::make_approvals(chat::SendHook& hook) {
  return approvals_.emplace(reactor_, hook,
                            Approvals::Callbacks{.decided =
                                                     [this](SessionKey key, const chat::Message& message,
                                                            const chat::Result<chat::Approval>& approval) {
                                                       if (Session* session = hub_.find(key))
                                                         session->decided(message, approval);
                                                     },
                                                 .relieved =
                                                     [this](SessionKey key) {
                                                       if (Session* session = hub_.find(key))
                                                         session->resume_reading(Pause::approvals);
                                                     }});
}

void Shard::start(std::vector<DeliveryMailbox*> mailboxes) {
  router_.connect(std::move(mailboxes));
  tick();
}

chat::Task<bool> Shard::leave() {
  publisher_.refuse();
  if (approvals_) {
    // What they would be about is not accepted any more.
    approvals_->refuse();
    hub_.for_each_session(0, hub_.slots(), [](Session& session) { session.drop_waiting(); });
  }
  co_await publisher_.drain(steady_clock::now() + kFlushWait);
  hub_.close_all(wire::kCloseGoingAway, "shutting down");
  co_await wait_until([this] { return hub_.sessions() == 0; }, milliseconds(10), kCloseWait);
  // The clients are on their way to other gateways. Whom this one has passed over it alone knows.
  co_await wait_until([this] { return router_.idle(); }, milliseconds(50), kSettleWait);
  co_return router_.idle();
}

chat::Task<void> Shard::stop() {
  tick_.cancel();
  co_await hub_.gate().close();
  if (approvals_) co_await approvals_->close();
  co_await router_.stop();
  co_await progress_.stop();
  hub_.end_all();
}

void Shard::register_all_again() {
  reactor_.post([this] {
    hub_.for_each_user([this](const std::string& user) {
      const Roster::Change change = roster_.confirm(user);
      registrar_.ensure(user, change.fence, reactor_, {});
    });
  });
}

void Shard::resync_all() {
  reactor_.post([this] {
    hub_.resync_all();
    const auto now = steady_clock::now();
    if (progress_.stored_until() + MissedUsers::kLateAfter < now) resync_when_stored_ = now;
  });
}

void Shard::revoke(const RevocationWatch::Batch& revocations) {
  reactor_.post([this, revocations] {
    gatekeeper_.revoke(*revocations);
    hub_.close_revoked(*revocations);
  });
}

void Shard::forget_revocations(std::int64_t now_s) {
  reactor_.post([this, now_s] { gatekeeper_.forget(now_s); });
}

void Shard::blocks_known() {
  reactor_.post([this] { contacts_.blocks_known(); });
}

void Shard::settled(const Publisher::Sender& sender, const chat::MessageView& message,
                    const chat::Result<void>& outcome, Publisher::TimePoint since) {
  if (!outcome) {
    probe_.publish_failed();
    if (Session* session = hub_.find(sender.session)) session->refused(message, outcome.error());
    return;
  }
  probe_.message_durable();
  if (runtime::trace::any()) runtime::trace::event("message_published", message.id, message.from, message.to);
  Handovers& handovers = router_.handovers();
  if (handovers.finished(sender.ticket)) {
    ++acked_;
    if (Session* session = hub_.find(sender.session)) session->acknowledge(message.id, message.to, message.at);
    return;
  }
  handovers.when_done(
      sender.ticket, steady_clock::now(),
      [this, key = sender.session, id = std::string(message.id), to = std::string(message.to), at = message.at, since] {
        probe_.acked(steady_clock::now() - since, 1);
        if (Session* session = hub_.find(key)) session->acknowledge(id, to, at);
      });
}

Depths Shard::depths() const {
  Depths depths{.unconfirmed_bytes = publisher_.unconfirmed_bytes(),
                .approval_bytes = approvals_ ? approvals_->bytes() : 0};
  router_.add_depths(depths);
  return depths;
}

Depths Shard::bounds() const {
  Depths bounds{.unconfirmed_bytes = publisher_.bytes_max(), .approval_bytes = Approvals::kBytesMax};
  Router::add_bounds(bounds);
  return bounds;
}

void Shard::tick() {
  tick_.expires_after(kTick);
  tick_.async_wait([this](const boost::system::error_code& stopped) {
    if (stopped) return;
    const auto now = steady_clock::now();
    progress_.check();
    router_.tick(progress_.stored_until(), now);
    hub_.run_checks(now);
    if (resync_when_stored_ && progress_.stored_until() >= *resync_when_stored_) {
      resync_when_stored_.reset();
      hub_.resync_all();
    }
    hub_.resync_some();
    transport_.resume_slowed();
    if (services_.clients != nullptr && reactor_.index() == 0) services_.clients->sweep(transport_.clock().now_ms());
    probe_.depths(depths());
    if (++ticks_ % kTicksPerSecond == 0) {
      transport_.sweep(now);
      hub_.tick();
    }
    tick();
  });
}

}  // namespace simplechat::sv_websocket
