#include "adapters/rabbitmq/producer.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

#include "runtime/log.h"

namespace simplechat::adapters::rabbitmq {
namespace {

constexpr std::string_view kExpired = "no confirm within the deadline";

void fail_body(const Body& body, std::string_view reason) {
  for (const auto& observer : body.observers) observer->failed(reason);
}

}  // namespace

Producer::Producer(Options options, LinkStatus& status, std::size_t link)
    : options_(std::move(options)), status_(status), link_(link), linger_(options_.linger, kLingerMax) {
  if (options_.metrics != nullptr) probe_.emplace(*options_.metrics);
  for (const std::string& queue : options_.queues) lanes_.push_back({.queue = queue, .assembler = {}, .ready = {}});
  thread_ = std::thread([this] { run(); });
}

Producer::~Producer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    if (connection_) connection_->interrupt();
  }
  wakeup_.notify();
  thread_.join();
}

void Producer::submit(std::size_t queue, Part part) {
  submit({.queue = queue, .part = std::move(part), .body = std::nullopt});
}

void Producer::submit(std::size_t queue, Body body) { submit({.queue = queue, .part = {}, .body = std::move(body)}); }

void Producer::submit(Submitted submitted) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    first = submitted_.empty();
    submitted_.push_back(std::move(submitted));
  }
  if (first) wakeup_.notify();
}

void Producer::run() {
  pthread_setname_np(pthread_self(), "mq-producer");
  while (true) {
    auto now = std::chrono::steady_clock::now();
    if (stopping()) break;
    take_submitted(now);
    if (!connected_ && now >= next_attempt_) connect(now);
    if (connected_) {
      Outcome alive = connection_->pump();
      if (alive) alive = send_due(std::chrono::steady_clock::now());
      if (!alive && !stopping()) lose(alive.error(), now);
    }
    now = std::chrono::steady_clock::now();
    fail_expired(now);
    report_health(now);
    wakeup_.wait(connected_ ? connection_->socket() : -1, next_event(now));
  }
  fail_all("shutting down");
}

bool Producer::stopping() {
  const std::scoped_lock lock(mutex_);
  return stopping_;
}

void Producer::take_submitted(TimePoint now) {
  {
    const std::scoped_lock lock(mutex_);
    taken_.swap(submitted_);
  }
  for (Submitted& each : taken_) {
    Lane& lane = lanes_[each.queue];
    if (each.body) {
      lane.ready.push_back(*std::move(each.body));
    } else {
      lane.assembler.add(std::move(each.part), now);
    }
  }
  taken_.clear();
}

void Producer::connect(TimePoint now) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    ConnectionHandler& handler = *this;
    connection_ = std::make_unique<Connection>(handler, options_.name);
  }
  if (const Outcome opened = open(); !opened) return lose(opened.error(), now);
  connected_ = true;
  last_number_ = 0;
  blocked_reason_.clear();
  runtime::log::info("broker_connected", {{"connection", options_.name}});
}

Outcome Producer::open() {
  Outcome outcome = connection_->open(options_.address);
  if (outcome) outcome = connection_->declare(options_.topology, Party::publisher);
  if (outcome) outcome = connection_->confirm_publishes();
  return outcome;
}

// What was not confirmed goes back to where it came from, before everything newer.
void Producer::lose(const std::string& reason, TimePoint now) {
  for (auto& [number, unconfirmed] : unconfirmed_ | std::views::reverse) {
    lanes_[unconfirmed.lane].ready.push_front(std::move(unconfirmed.body));
  }
  unconfirmed_.clear();
  if (probe_) probe_->connection_lost();
  for (Lane& lane : lanes_) lane.unconfirmed = 0;
  status_.down(link_, reason);
  if (connected_) runtime::log::warn("broker_connection_lost", {{"connection", options_.name}, {"reason", reason}});
  connected_ = false;
  next_attempt_ = now + backoff_.next();
  const std::scoped_lock lock(mutex_);
  connection_.reset();
}

Outcome Producer::send_due(TimePoint now) {
  if (!blocked_reason_.empty()) return {};
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    while (lane.unconfirmed < kBodiesUnconfirmedMax) {
      std::optional<Body> body = next_due(lane, now);
      if (!body) break;
      const auto [sent, inserted] =
          unconfirmed_.try_emplace(++last_number_, Unconfirmed{.lane = i, .body = *std::move(body), .sent_at = now});
      ++lane.unconfirmed;
      if (probe_) probe_->body_sent(sent->second.body.records, sent->second.body.bytes.size());
      if (auto published = connection_->publish(lane.queue, sent->second.body); !published) return published;
    }
  }
  return {};
}

std::optional<Body> Producer::next_due(Lane& lane, TimePoint now) {
  while (!lane.ready.empty()) {
    Body body = std::move(lane.ready.front());
    lane.ready.pop_front();
    if (body.deadline > now) return body;
    fail_body(body, kExpired);
  }
  if (lane.assembler.empty()) return std::nullopt;
  const bool due =
      lane.unconfirmed == 0 || lane.assembler.full() || lane.assembler.waiting_since() + linger_.time() <= now;
  return due ? lane.assembler.next(now) : std::nullopt;
}

// Of what waits to be sent. What was sent waits for its confirm, so that its bytes stay counted while the broker holds
// it up.
void Producer::fail_expired(TimePoint now) {
  for (Lane& lane : lanes_) {
    lane.assembler.fail_expired(now);
    std::erase_if(lane.ready, [&](const Body& body) {
      if (body.deadline > now) return false;
      fail_body(body, kExpired);
      return true;
    });
  }
}

void Producer::report_health(TimePoint now) {
  if (!connected_) return;  // lose() has said why
  if (!blocked_reason_.empty()) {
    status_.down(link_, "blocked by broker: " + blocked_reason_);
  } else if (!unconfirmed_.empty() && unconfirmed_.begin()->second.sent_at + options_.confirm_timeout <= now) {
    status_.down(link_, "the broker does not confirm");
  } else {
    status_.up(link_);
  }
}

// When there is something to do without being woken.
TimePoint Producer::next_event(TimePoint now) const {
  if (!connected_) return std::min(next_attempt_, now + Connection::kPumpInterval);
  TimePoint next = now + Connection::kPumpInterval;
  if (!blocked_reason_.empty()) return next;
  for (const Lane& lane : lanes_) {
    if (lane.assembler.empty() || lane.unconfirmed >= kBodiesUnconfirmedMax) continue;
    next = std::min(next, lane.assembler.waiting_since() + linger_.time());
  }
  return next;
}

void Producer::fail_all(std::string_view reason) {
  for (const auto& [number, unconfirmed] : unconfirmed_) fail_body(unconfirmed.body, reason);
  unconfirmed_.clear();
  for (Lane& lane : lanes_) {
    for (const Body& body : lane.ready) fail_body(body, reason);
    lane.ready.clear();
    lane.assembler.fail_all(reason);
  }
  const std::scoped_lock lock(mutex_);
  for (const Submitted& each : submitted_) {
    if (each.body) {
      fail_body(*each.body, reason);
    } else {
      each.part.observer->failed(reason);
    }
  }
  submitted_.clear();
}

void Producer::on_confirmed(std::uint64_t number, bool multiple) {
  backoff_.reset();  // not on connecting: a broker that takes connections and nothing else deserves pauses too
  finish(number, multiple, {});
}

void Producer::on_refused(std::uint64_t number, bool multiple) { finish(number, multiple, "refused by broker"); }

void Producer::on_blocked(std::string_view reason) {
  blocked_reason_ = reason.empty() ? "no reason given" : reason;
  runtime::log::warn("broker_blocks", {{"connection", options_.name}, {"reason", blocked_reason_}});
}

void Producer::on_unblocked() {
  blocked_reason_.clear();
  runtime::log::info("broker_unblocked", {{"connection", options_.name}});
}

// `failure` empty: confirmed.
void Producer::finish(std::uint64_t number, bool multiple, std::string_view failure) {
  const auto first = multiple ? unconfirmed_.begin() : unconfirmed_.find(number);
  const auto end = unconfirmed_.upper_bound(number);
  if (first == unconfirmed_.end() || first == end) return;
  const auto took = std::chrono::steady_clock::now() - std::prev(end)->second.sent_at;
  linger_.confirmed_after(std::chrono::duration_cast<std::chrono::microseconds>(took));
  if (probe_) probe_->bodies_ended(static_cast<std::size_t>(std::distance(first, end)), took, failure.empty());
  for (auto each = first; each != end; ++each) {
    --lanes_[each->second.lane].unconfirmed;
    for (const auto& observer : each->second.body.observers) {
      if (failure.empty()) {
        observer->confirmed();
      } else {
        observer->failed(failure);
      }
    }
  }
  unconfirmed_.erase(first, end);
}

}  // namespace simplechat::adapters::rabbitmq
