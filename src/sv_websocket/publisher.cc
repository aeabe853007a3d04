#include "sv_websocket/publisher.h"

#include <utility>

namespace simplechat::sv_websocket {
namespace {

constexpr std::size_t kMarkBytes = 160;  // what a mark counts for: two ids and change

}  // namespace

std::size_t Publisher::Batch::bytes() const { return records.messages.bytes() + kMarkBytes * records.marks.size(); }

Publisher::Publisher(runtime::Reactor& reactor, runtime::TurnEnd& turn_end, chat::MessageQueue& queue,
                     StoreProgress& progress, std::size_t bytes_max, Callbacks callbacks)
    : turn_end_(turn_end),
      queue_(queue),
      progress_(progress),
      bytes_max_(bytes_max),
      callbacks_(std::move(callbacks)),
      gate_(reactor.executor()),
      filling_(std::make_unique<Batch>()) {}

bool Publisher::add(const Sender& sender, const chat::MessageView& message) {
  const std::size_t bytes = message.id.size() + message.from.size() + message.to.size() + message.payload.size();
  if (refusing_ || unconfirmed_bytes_ + bytes > bytes_max_) return false;
  unconfirmed_bytes_ += bytes;
  Batch& batch = filling();
  batch.records.messages.add(message);
  batch.senders.push_back(sender);
  turn_end_.schedule(*this);
  return true;
}

void Publisher::add(const chat::Mark& mark) {
  if (refusing_ || unconfirmed_bytes_ + kMarkBytes > bytes_max_) return;
  unconfirmed_bytes_ += kMarkBytes;
  filling().records.marks.push_back(mark);
  turn_end_.schedule(*this);
}

Publisher::Batch& Publisher::filling() {
  if (filling_->records.empty()) {
    filling_->publishing = progress_.begin();
    filling_->since = std::chrono::steady_clock::now();
  }
  return *filling_;
}

void Publisher::on_turn_end() {
  if (filling_->records.empty() || in_flight_ >= kBatchesInFlightMax) return;
  auto batch = std::exchange(filling_, take_spare());
  ++in_flight_;
  gate_.spawn(publish(std::move(batch)));
}

chat::Task<void> Publisher::publish(std::unique_ptr<Batch> batch) {
  const chat::Result<void> outcome = co_await queue_.publish(batch->records);
  progress_.end(batch->publishing, batch->records.messages, outcome.has_value());
  --in_flight_;
  const bool was_congested = congested();  // now: others have come while this one was under way
  unconfirmed_bytes_ -= batch->bytes();
  for (std::size_t i = 0; i < batch->senders.size(); ++i) {
    callbacks_.settled(batch->senders[i], batch->records.messages[i], outcome, batch->since);
  }
  callbacks_.batch_ended(batch->since, batch->records.size());
  batch->records.clear();
  batch->senders.clear();
  spares_.push_back(std::move(batch));
  if (was_congested && !congested()) callbacks_.relieved();
  if (!filling_->records.empty()) turn_end_.schedule(*this);
}

chat::Task<void> Publisher::drain(std::chrono::steady_clock::time_point deadline) {
  constexpr std::chrono::milliseconds kLookAgain{5};
  while ((in_flight_ > 0 || !filling_->records.empty()) && std::chrono::steady_clock::now() < deadline) {
    boost::asio::steady_timer pause(co_await boost::asio::this_coro::executor, kLookAgain);
    co_await pause.async_wait(boost::asio::use_awaitable);
  }
  co_await gate_.close();
}

std::unique_ptr<Publisher::Batch> Publisher::take_spare() {
  if (spares_.empty()) return std::make_unique<Batch>();
  auto spare = std::move(spares_.back());
  spares_.pop_back();
  return spare;
}

}  // namespace simplechat::sv_websocket
