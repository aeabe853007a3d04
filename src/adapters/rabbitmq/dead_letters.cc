#include "adapters/rabbitmq/dead_letters.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <expected>
#include <functional>
#include <optional>
#include <utility>

namespace simplechat::adapters::rabbitmq {
namespace {

using Letters = std::vector<chat::DeadLetter>;

constexpr std::chrono::seconds kConfirmTimeout{5};

// Waits for the confirm of one publish after the other.
class Publishing final : public ConnectionHandler {
 public:
  void on_confirmed(std::uint64_t number, bool /*multiple*/) override { confirmed_ = number; }
  void on_refused(std::uint64_t /*number*/, bool /*multiple*/) override { refused_ = true; }

  Outcome publish(Connection& connection, const std::string& queue, const Body& body) {
    if (auto sent = connection.publish(queue, body); !sent) return sent;
    ++published_;
    for (const auto deadline = std::chrono::steady_clock::now() + kConfirmTimeout; confirmed_ < published_;) {
      if (auto alive = connection.pump(); !alive) return alive;
      if (refused_) return std::unexpected("the broker refused it");
      if (std::chrono::steady_clock::now() > deadline) return std::unexpected("the broker does not confirm");
      constexpr int kPollMs = 20;
      pollfd readable{.fd = connection.socket(), .events = POLLIN, .revents = 0};
      if (confirmed_ < published_) ::poll(&readable, 1, kPollMs);
    }
    return {};
  }

 private:
  std::uint64_t published_ = 0;
  std::uint64_t confirmed_ = 0;
  bool refused_ = false;
};

// Calls look(letter, tag) for the oldest letters until there are no more, or the bounds are reached, or it fails.
Outcome look_through(Connection& connection, const std::string& queue, std::size_t limit,
                     const std::function<Outcome(chat::DeadLetter, DeliveryTag)>& look) {
  const auto there = connection.look_at(queue);
  if (!there) return std::unexpected(there.error());
  if (!*there) return {};
  std::size_t bytes = 0;
  std::size_t count = limit;
  for (std::size_t i = 0; i < count && bytes < RabbitDeadLetters::kBytesMax; ++i) {
    auto got = connection.get(queue);
    if (!got) return std::unexpected(got.error());
    if (!*got) break;
    // What becomes a dead letter from now on is none of the oldest. look_at() counts what a replicated queue has
    // applied so far, which may be without what was put back just before.
    if (i == 0) count = std::min(limit, 1 + (*got)->left);
    bytes += (*got)->body.size();
    chat::DeadLetter letter{.id = chat::dead_letter_id((*got)->from_queue, (*got)->reason, (*got)->body),
                            .reason = std::move((*got)->reason),
                            .queue = std::move((*got)->from_queue),
                            .body = std::move((*got)->body)};
    if (auto looked = look(std::move(letter), (*got)->tag); !looked) return looked;
  }
  return {};
}

chat::Error unavailable(std::string reason) { return {chat::ErrorCode::unavailable, "RabbitMQ: " + std::move(reason)}; }

chat::Result<Letters> list_now(const BrokerAddress& address, const std::string& queue, std::size_t limit) {
  Publishing handler;
  Connection connection(handler, "dead letters shown");
  Letters letters;
  Outcome outcome = connection.open(address);
  if (outcome) {
    outcome = look_through(connection, queue, limit, [&](chat::DeadLetter letter, DeliveryTag) -> Outcome {
      letters.push_back(std::move(letter));
      return {};
    });
  }
  if (outcome) outcome = connection.put_back();
  if (!outcome) return std::unexpected(unavailable(outcome.error()));
  connection.close();
  return letters;
}

chat::Result<std::size_t> replay_now(const BrokerAddress& address, const std::string& queue,
                                     const std::vector<std::string>& ids) {
  Publishing handler;
  Connection connection(handler, "dead letters replayed");
  std::size_t replayed = 0;
  const auto look = [&](const chat::DeadLetter& letter, DeliveryTag tag) -> Outcome {
    if (!ids.empty() && std::ranges::find(ids, letter.id) == ids.end()) return {};
    if (letter.queue.empty()) return std::unexpected("letter " + letter.id + " does not say which queue it came from");
    Outcome outcome =
        handler.publish(connection, letter.queue, {.bytes = letter.body, .observers = {}, .deadline = {}});
    if (outcome) outcome = connection.ack(tag, false);
    if (outcome) ++replayed;
    return outcome;
  };
  Outcome outcome = connection.open(address);
  if (outcome) outcome = connection.confirm_publishes();
  if (outcome) outcome = look_through(connection, queue, chat::kDeadLettersMax, look);
  if (outcome) outcome = connection.put_back();
  if (!outcome) {
    return std::unexpected(unavailable(outcome.error() + "; replayed before: " + std::to_string(replayed)));
  }
  connection.close();
  return replayed;
}

}  // namespace

chat::Task<chat::Result<Letters>> RabbitDeadLetters::list(std::size_t limit) {
  auto job = [this, limit = std::min(limit, chat::kDeadLettersMax)] {
    return list_now(address_, topology_.dead_letter_queue(), limit);
  };
  auto done = co_await worker_.run(std::move(job));
  if (!done) co_return chat::fail(chat::ErrorCode::unavailable, "too many ask for the dead letters");
  co_return *std::move(done);
}

chat::Task<chat::Result<std::size_t>> RabbitDeadLetters::replay(std::span<const std::string> ids) {
  auto job = [this, wanted = std::vector<std::string>(ids.begin(), ids.end())] {
    return replay_now(address_, topology_.dead_letter_queue(), wanted);
  };
  auto done = co_await worker_.run(std::move(job));
  if (!done) co_return chat::fail(chat::ErrorCode::unavailable, "too many ask for the dead letters");
  co_return *done;
}

}  // namespace simplechat::adapters::rabbitmq
