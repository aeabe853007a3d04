#include "sv_persist/persister.h"

#include <utility>

#include "runtime/log.h"
#include "runtime/trace.h"

namespace simplechat::sv_persist {
namespace {

using chat::ErrorCode;

constexpr auto kForever = std::chrono::steady_clock::time_point::max();

// Records [begin, end) of `batch`, its messages counted before its marks.
chat::RecordBatch slice(const chat::RecordBatch& batch, std::size_t begin, std::size_t end) {
  const std::size_t messages = batch.messages.size();
  chat::RecordBatch part;
  for (std::size_t index = begin; index < end; ++index) {
    if (index < messages) {
      part.messages.add(batch.messages[index]);
    } else {
      part.marks.push_back(batch.marks[index - messages]);
    }
  }
  return part;
}

void log_refusal(const chat::RecordBatch& record, std::string_view reason) {
  for (const chat::MessageView& message : record.messages) {
    runtime::log::error("message_set_aside",
                        {{"id", message.id}, {"from", message.from}, {"to", message.to}, {"reason", reason}});
  }
  for (const chat::Mark& mark : record.marks) {
    runtime::log::error("mark_set_aside", {{"user", mark.user}, {"with", mark.with}, {"reason", reason}});
  }
}

}  // namespace

Persister::Persister(const boost::asio::any_io_executor& executor, chat::MessageSource& source,
                     chat::MessageStore& store, Probe& probe, std::uint32_t seed)
    : source_(source),
      store_(store),
      probe_(probe),
      seeds_(seed),
      commits_(executor),
      pauses_(executor),
      committed_(executor) {}

chat::Task<void> Persister::run() {
  const chat::RecordBatch nothing;
  const auto knock = [this, &nothing] { return store_.append(nothing); };
  static_cast<void>(co_await repeat_while_unavailable(knock));
  runtime::Backoff backoff = make_backoff();
  while (!stopping_) {
    // Not before: what arrives meanwhile joins one batch, and only when no settle() is under way may the source begin
    // anew.
    co_await until_committed();
    if (stopping_) break;
    auto received = co_await source_.receive();
    if (stopping_) break;
    if (!received) {
      probe_.source_lost();
      co_await pause(backoff);
      continue;
    }
    backoff.reset();
    committing_ = true;
    commits_.spawn(commit(*std::move(received)));
  }
  co_await commits_.close();
}

void Persister::stop() {
  stopping_ = true;
  pauses_.wake_all();
}

chat::Task<void> Persister::commit(chat::MessageSource::Received received) {
  const Fate fate = co_await store_or_set_aside(received.records);
  if (fate == Fate::safe) {
    const auto settled = co_await source_.settle(received.token);
    if (!settled) {  // the queue delivers the batch again, and the store will know it
      probe_.settle_failed();
      runtime::log::warn("settle_failed", {{"reason", settled.error().message}});
    }
  }
  committing_ = false;
  committed_.wake_all();
}

chat::Task<Persister::Fate> Persister::store_or_set_aside(const chat::RecordBatch& batch) {
  const auto append = [this, &batch] { return store_.append(batch); };
  const auto began = std::chrono::steady_clock::now();
  const chat::Result<void> stored = co_await repeat_while_unavailable(append);
  if (stored) {
    if (!batch.empty()) probe_.batch_stored(batch, std::chrono::steady_clock::now() - began);
    if (runtime::trace::any()) {
      for (const chat::MessageView message : batch.messages) {
        runtime::trace::event("message_stored", message.id, message.from, message.to);
      }
    }
    co_return Fate::safe;
  }
  if (stored.error().code == ErrorCode::unavailable) co_return Fate::abandoned;
  if (batch.size() <= 1) co_return co_await set_aside(batch, stored.error().message);
  co_return co_await store_halves(batch);
}

chat::Task<Persister::Fate> Persister::store_halves(const chat::RecordBatch& batch) {
  const std::size_t middle = batch.size() / 2;
  const chat::RecordBatch first = slice(batch, 0, middle);
  if (co_await store_or_set_aside(first) == Fate::abandoned) co_return Fate::abandoned;
  const chat::RecordBatch second = slice(batch, middle, batch.size());
  co_return co_await store_or_set_aside(second);
}

// Repeated while the queue is unavailable: a later batch's settle() would settle this record, too, kept or not.
chat::Task<Persister::Fate> Persister::set_aside(const chat::RecordBatch& record, std::string_view reason) {
  log_refusal(record, reason);
  const auto keep = [this, &record, reason] { return source_.dead_letter(record, reason); };
  const chat::Result<void> kept = co_await repeat_while_unavailable(keep);
  if (!kept) co_return Fate::abandoned;
  probe_.records_set_aside(record.size());
  co_return Fate::safe;
}

// Ends with `unavailable` only when stopping.
template <class Call>
chat::Task<chat::Result<void>> Persister::repeat_while_unavailable(Call call) {
  runtime::Backoff backoff = make_backoff();
  while (true) {
    chat::Result<void> result = co_await call();
    if (result || result.error().code != ErrorCode::unavailable || stopping_) co_return result;
    probe_.retried();
    co_await pause(backoff);
    if (stopping_) co_return result;
  }
}

chat::Task<void> Persister::pause(runtime::Backoff& backoff) {
  static_cast<void>(co_await pauses_.wait_until(std::chrono::steady_clock::now() + backoff.next()));
}

chat::Task<void> Persister::until_committed() {
  while (committing_) static_cast<void>(co_await committed_.wait_until(kForever));
}

runtime::Backoff Persister::make_backoff() {
  return {kBackoffFirst, kBackoffMax, static_cast<std::uint32_t>(seeds_())};
}

}  // namespace simplechat::sv_persist
