#include "adapters/rabbitmq/rabbit_source.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <iterator>
#include <utility>

#include "adapters/rabbitmq/confirmation.h"
#include "chat/limits.h"
#include "runtime/log.h"

namespace simplechat::adapters::rabbitmq {
namespace {

// A token is the connection's epoch and the body's number on it.
constexpr unsigned kNumberBits = 40;
constexpr std::uint64_t kNumberMask = (std::uint64_t{1} << kNumberBits) - 1;

constexpr std::size_t kConsumerLink = 0;
constexpr std::size_t kLettersLink = 1;
constexpr std::size_t kLinks = 2;

constexpr int kLooksWhileWanting = 5;  // in a look_interval

bool joins(const chat::RecordBatch& batch, const chat::RecordBatch& more) {
  return batch.size() + more.size() <= chat::limits::kBatchRecordsMax &&
         batch.messages.bytes() + more.messages.bytes() <= chat::limits::kBatchBytesMax;
}

}  // namespace

// On the dead-letter producer's thread.
class RabbitSource::LetterObserver final : public PublishObserver {
 public:
  LetterObserver(RabbitSource& source, std::uint64_t token) : source_(source), token_(token) {}
  void confirmed() override { report(true); }
  void failed(std::string_view /*reason*/) override { report(false); }

 private:
  void report(bool kept) {
    {
      const std::scoped_lock lock(source_.mutex_);
      source_.letter_outcomes_.push_back({.token = token_, .kept = kept});
    }
    source_.wakeup_.notify();
  }

  RabbitSource& source_;
  const std::uint64_t token_;
};

RabbitSource::RabbitSource(Options options, runtime::Dependency& dependency)
    : options_(std::move(options)),
      status_(dependency, kLinks),
      letters_(std::make_unique<Producer>(Producer::Options{.address = options_.address,
                                                            .topology = options_.topology,
                                                            .name = options_.name + " dead letters",
                                                            .queues = {options_.topology.dead_letter_queue()},
                                                            .linger = {},
                                                            .confirm_timeout = options_.dead_letter_timeout},
                                          status_, kLettersLink)),
      thread_([this] { run(); }) {}

RabbitSource::~RabbitSource() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    // One that is being opened is cut; one that is open is closed by the thread, after the acks.
    if (opening_) connection_->interrupt();
  }
  wakeup_.notify();
  thread_.join();
}

chat::Task<chat::Result<chat::MessageSource::Received>> RabbitSource::receive() {
  const auto executor = co_await boost::asio::this_coro::executor;
  while (true) {
    const auto wake = std::make_shared<Wake>(executor, TimePoint::max());
    if (auto outcome = take(wake)) co_return *std::move(outcome);
    co_await wake->wait();
  }
}

std::optional<chat::Result<chat::MessageSource::Received>> RabbitSource::take(std::shared_ptr<Wake> wake) {
  const std::scoped_lock lock(mutex_);
  if (lost_reason_) {
    return chat::fail(chat::ErrorCode::unavailable, *std::exchange(lost_reason_, std::nullopt));
  }
  if (ready_.empty()) {
    wake_ = std::move(wake);
    return std::nullopt;
  }
  Received received = std::move(ready_.front());
  ready_.pop_front();
  return received;
}

chat::Task<chat::Result<void>> RabbitSource::settle(std::uint64_t token) {
  {
    const std::scoped_lock lock(mutex_);
    if (token >> kNumberBits != epoch_) {
      co_return chat::fail(chat::ErrorCode::unavailable,
                           "received on a connection that was lost since: will come again");
    }
    settled_token_ = std::max(settled_token_, token);
  }
  wakeup_.notify();
  co_return chat::Result<void>{};
}

chat::Task<chat::Result<void>> RabbitSource::dead_letter(const chat::RecordBatch& records, std::string_view reason) {
  if (records.empty()) co_return chat::Result<void>{};
  const TimePoint deadline = std::chrono::steady_clock::now() + options_.dead_letter_timeout;
  const auto receipt = std::make_shared<Receipt>(co_await boost::asio::this_coro::executor, deadline);
  const auto confirmation = std::make_shared<Confirmation>(receipt, unconfirmed_letter_bytes_);
  std::vector<Body> bodies;
  split(records, options_.topology, [&](unsigned partition, const std::string& part, std::size_t /*count*/) {
    confirmation->expect_part(part.size());
    bodies.push_back({.bytes = body_of(part),
                      .observers = {confirmation},
                      .deadline = deadline,
                      .reason = std::string(reason.substr(0, kReasonBytesMax)),
                      .from_queue = options_.topology.queue(partition)});
  });
  for (Body& body : bodies) letters_->submit(0, std::move(body));
  const auto outcome = co_await receipt->wait();
  if (!outcome) co_return chat::fail(chat::ErrorCode::unavailable, "the dead-letter queue does not confirm");
  co_return *outcome;
}

std::vector<unsigned> RabbitSource::partitions() const {
  const std::scoped_lock lock(mutex_);
  return partitions_;
}

void RabbitSource::run() {
  pthread_setname_np(pthread_self(), "mq-consumer");
  while (true) {
    const TimePoint now = std::chrono::steady_clock::now();
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) break;
    }
    if (!connected_ && now >= next_attempt_) connect(now);
    if (connected_) {
      if (const Outcome alive = work(now); !alive) lose(alive.error(), now);
    }
    const TimePoint tick = now + Connection::kPumpInterval;
    wakeup_.wait(connected_ ? connection_->socket() : -1, std::min(connected_ ? next_look_ : next_attempt_, tick));
  }
  if (connected_ && ack_settled() && ack_letters(std::chrono::steady_clock::now())) connection_->close();
}

void RabbitSource::connect(TimePoint now) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    ConnectionHandler& handler = *this;
    connection_ = std::make_unique<Connection>(handler, options_.name + " consumer");
    opening_ = true;
  }
  const Outcome opened = open();
  {
    const std::scoped_lock lock(mutex_);
    opening_ = false;
  }
  if (!opened) return lose(opened.error(), now);
  connected_ = true;
  backoff_.reset();
  status_.up(kConsumerLink);
  runtime::log::info("broker_connected", {{"connection", options_.name + " consumer"}});
}

Outcome RabbitSource::open() {
  Outcome outcome = connection_->open(options_.address);
  share_.emplace(*connection_, options_.topology, options_.prefetch);
  next_look_ = TimePoint{};
  return outcome ? share_->join() : outcome;
}

Outcome RabbitSource::work(TimePoint now) {
  if (auto balanced = now >= next_look_ ? balance(now) : Outcome{}; !balanced) return balanced;
  Outcome outcome = connection_->pump();
  wake_receiver();
  for (const DeliveryTag tag : std::exchange(empty_, {})) {
    if (outcome) outcome = connection_->ack(tag, false);
  }
  if (outcome) outcome = ack_settled();
  if (outcome) outcome = ack_letters(now);
  return outcome;
}

// What is not acked of a partition that was given back, the broker has put back.
Outcome RabbitSource::balance(TimePoint now) {
  const Outcome outcome = share_->balance();
  std::erase_if(unsettled_, [this](const Unsettled& each) { return !share_->holds(each.tag.channel); });
  std::erase_if(unreadable_, [this](const auto& each) { return !share_->holds(each.second.tag.channel); });
  const std::scoped_lock lock(mutex_);
  partitions_ = share_->partitions();
  next_look_ = now + (share_->wants_more() ? options_.look_interval / kLooksWhileWanting : options_.look_interval);
  return outcome;
}

void RabbitSource::lose(const std::string& reason, TimePoint now) {
  status_.down(kConsumerLink, reason);
  if (connected_)
    runtime::log::warn("broker_connection_lost", {{"connection", options_.name + " consumer"}, {"reason", reason}});
  unsettled_.clear();
  unreadable_.clear();
  empty_.clear();
  share_.reset();
  next_attempt_ = now + backoff_.next();
  {
    const std::scoped_lock lock(mutex_);
    connection_.reset();
    partitions_.clear();
    ready_.clear();
    ++epoch_;
    if (connected_) lost_reason_ = reason;
  }
  if (std::exchange(connected_, false)) wake_receiver();
}

// The handler of a delivery. What it leaves in empty_ is acked by work(): no call is made on the connection from within
// its pump().
void RabbitSource::on_delivery(DeliveryTag tag, const std::string& queue, std::string_view body) {
  if (!share_->holds(tag.channel)) return;  // it was on its way when the partition was given back
  parsed_.clear();
  const auto outcome = parser_.parse(body, options_.defaults, parsed_);
  if (!outcome) {
    std::string reason = std::string(to_string(outcome.error().code)) + ": " + outcome.error().message;
    runtime::log::warn("queue_body_unreadable", {{"queue", queue}, {"bytes", body.size()}, {"reason", reason}});
    const std::uint64_t number = ++last_number_;
    Unreadable& unreadable = unreadable_[number];
    unreadable = {.tag = tag,
                  .body = std::string(body),
                  .queue = queue,
                  .reason = reason.substr(0, kReasonBytesMax),
                  .retry_at = std::nullopt};
    send_letter(number, unreadable, std::chrono::steady_clock::now());
  } else if (parsed_.empty()) {
    empty_.push_back(tag);
  } else {
    hand_over(parsed_, tag);
  }
}

void RabbitSource::hand_over(chat::RecordBatch& records, DeliveryTag tag) {
  unsettled_.push_back({.number = ++last_number_, .tag = tag});
  const std::scoped_lock lock(mutex_);
  if (ready_.empty() || !joins(ready_.back().records, records)) {
    ready_.push_back({.records = std::move(records)});
    records = {};
  } else {
    chat::RecordBatch& last = ready_.back().records;
    for (const chat::MessageView& message : records.messages) last.messages.add(message);
    std::ranges::move(records.marks, std::back_inserter(last.marks));
  }
  ready_.back().token = token_of(last_number_);
}

// Once for all that a pump() brought.
void RabbitSource::wake_receiver() {
  std::shared_ptr<Wake> wake;
  {
    const std::scoped_lock lock(mutex_);
    if (!ready_.empty() || lost_reason_) wake = std::exchange(wake_, nullptr);
  }
  if (wake) wake->set(true);
}

Outcome RabbitSource::ack_settled() {
  std::uint64_t token = 0;
  {
    const std::scoped_lock lock(mutex_);
    token = settled_token_;
  }
  if (token >> kNumberBits != epoch_) return {};
  return ack_up_to(token & kNumberMask);
}

Outcome RabbitSource::ack_up_to(std::uint64_t number) {
  const auto end = std::ranges::upper_bound(unsettled_, number, {}, &Unsettled::number);
  std::map<ConsumerChannel, std::vector<std::uint64_t>> settled;
  for (auto each = unsettled_.begin(); each != end; ++each) settled[each->tag.channel].push_back(each->tag.number);
  unsettled_.erase(unsettled_.begin(), end);
  for (const auto& [channel, tags] : settled) {
    if (auto outcome = ack_all_but_unreadable(channel, tags); !outcome) return outcome;
  }
  return {};
}

// `tags`: ascending.
Outcome RabbitSource::ack_all_but_unreadable(ConsumerChannel channel, const std::vector<std::uint64_t>& tags) {
  const bool unsafe = std::ranges::any_of(unreadable_, [&](const auto& each) {
    return each.second.tag.channel == channel && each.second.tag.number < tags.back();
  });
  if (!unsafe) return connection_->ack({.channel = channel, .number = tags.back()}, true);
  for (const std::uint64_t number : tags) {  // an unreadable body among them is not safe yet: each by itself
    if (auto outcome = connection_->ack({.channel = channel, .number = number}, false); !outcome) return outcome;
  }
  return {};
}

Outcome RabbitSource::ack_letters(TimePoint now) {
  std::vector<LetterOutcome> outcomes;
  {
    const std::scoped_lock lock(mutex_);
    outcomes.swap(letter_outcomes_);
  }
  for (const LetterOutcome& each : outcomes) {
    const auto found = unreadable_.find(each.token & kNumberMask);
    if (each.token >> kNumberBits != epoch_ || found == unreadable_.end()) continue;
    if (!each.kept) {
      found->second.retry_at = now + kLetterRetryInterval;
      continue;
    }
    const DeliveryTag tag = found->second.tag;
    unreadable_.erase(found);
    if (auto outcome = connection_->ack(tag, false); !outcome) return outcome;
  }
  for (auto& [number, unreadable] : unreadable_) {
    if (unreadable.retry_at && *unreadable.retry_at <= now) send_letter(number, unreadable, now);
  }
  return {};
}

void RabbitSource::send_letter(std::uint64_t number, Unreadable& unreadable, TimePoint now) {
  unreadable.retry_at.reset();
  letters_->submit(0, Body{.bytes = unreadable.body,
                           .observers = {std::make_shared<LetterObserver>(*this, token_of(number))},
                           .deadline = now + options_.dead_letter_timeout,
                           .reason = unreadable.reason,
                           .from_queue = unreadable.queue});
}

std::uint64_t RabbitSource::token_of(std::uint64_t number) const { return (epoch_ << kNumberBits) | number; }

}  // namespace simplechat::adapters::rabbitmq
