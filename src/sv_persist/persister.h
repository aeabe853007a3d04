// Moves records from one consumer's end of the queue into the store: receive, append, and settle only after the commit.
// The next batch is received when one is settled: sources gather what arrives during a commit, so that the next one
// takes all of it. Received any earlier, it would be what had come by the beginning of the commit, which is little, and
// every other commit would be a small one.
//
// What fails: a store that is unavailable gets the same batch again, with backoff, for as long as it takes. A batch
// that the store refuses (any other error) is halved until the refused records stand alone; those become dead letters,
// and the rest is stored. Nothing is settled that is not stored or a dead letter, so a crash at any moment leaves
// records in the queue at worst, and the store's idempotence makes their second coming harmless.
//
// Lives on one reactor, as does its source. Construction:
//
//   Persister persister(reactor.executor(), source, store, probe);
//   gate.spawn(persister.run());
//   ...
//   persister.stop();              // then cancel run(), so that a receive() that waits ends
//   co_await persister.finish();
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>

#include "chat/message_queue.h"
#include "chat/message_store.h"
#include "runtime/backoff.h"
#include "runtime/gate.h"
#include "runtime/wait_list.h"
#include "sv_persist/probe.h"

namespace simplechat::sv_persist {

class Persister {
 public:
  static constexpr std::chrono::milliseconds kBackoffFirst{50};
  static constexpr std::chrono::milliseconds kBackoffMax{5000};

  // All references outlive the persister. `seed`: of the jitter between attempts.
  Persister(const boost::asio::any_io_executor& executor, chat::MessageSource& source, chat::MessageStore& store,
            Probe& probe, std::uint32_t seed = std::random_device{}());

  // Ends after stop(), once the batch under way is settled or given up, and the source's receive() has returned. Takes
  // nothing from the queue before the store has answered for the first time. Called once.
  chat::Task<void> run();

  // The batch that is being committed is finished unless the store is unavailable; what is not settled stays in the
  // queue.
  void stop();

  // Ends when the batch under way has. After stop().
  chat::Task<void> finish() { return commits_.close(); }

 private:
  enum class Fate : std::uint8_t {
    safe,       // stored, or kept as a dead letter
    abandoned,  // stopped before that was certain
  };

  chat::Task<void> commit(chat::MessageSource::Received received);
  chat::Task<Fate> store_or_set_aside(const chat::RecordBatch& batch);
  chat::Task<Fate> store_halves(const chat::RecordBatch& batch);
  chat::Task<Fate> set_aside(const chat::RecordBatch& record, std::string_view reason);
  template <class Call>
  chat::Task<chat::Result<void>> repeat_while_unavailable(Call call);
  chat::Task<void> pause(runtime::Backoff& backoff);
  chat::Task<void> until_committed();
  [[nodiscard]] runtime::Backoff make_backoff();

  chat::MessageSource& source_;
  chat::MessageStore& store_;
  Probe& probe_;
  std::minstd_rand seeds_;
  runtime::Gate commits_;
  runtime::WaitList pauses_;
  runtime::WaitList committed_;
  bool committing_ = false;
  bool stopping_ = false;
};

}  // namespace simplechat::sv_persist
