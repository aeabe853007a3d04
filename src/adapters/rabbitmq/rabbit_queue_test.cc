// RabbitQueue and RabbitSource hold the contract on a real broker.
#include "adapters/rabbitmq/rabbit_queue.h"

#include <optional>

#include "adapters/contract/queue_contract.h"
#include "adapters/rabbitmq/rabbit_source.h"
#include "adapters/rabbitmq/test_broker.h"

namespace simplechat::adapters::contract {
namespace {

class RabbitHarness final : public QueueHarness {
 public:
  chat::MessageQueue& queue() override { return queue_; }
  std::unique_ptr<chat::MessageSource> make_source() override {
    return std::make_unique<rabbitmq::RabbitSource>(
        rabbitmq::RabbitSource::Options{
            .address = broker_.address(), .topology = broker_.topology(), .defaults = rabbitmq::test_defaults()},
        dependency_);
  }
  std::vector<DeadLetter> dead_letters(std::size_t count) override {
    std::vector<DeadLetter> letters;
    for (auto& each : broker_.take_dead_letters(count))
      letters.push_back({std::move(each.body), std::move(each.reason)});
    return letters;
  }
  std::unique_ptr<chat::MessageQueue> make_stalled_queue(std::size_t bytes_max,
                                                         std::chrono::milliseconds publish_timeout) override {
    rabbitmq::BrokerAddress nobody = broker_.address();
    nobody.port = 1;
    return std::make_unique<rabbitmq::RabbitQueue>(
        rabbitmq::RabbitQueue::Options{
            .address = nobody, .unconfirmed_bytes_max = bytes_max, .publish_timeout = publish_timeout},
        dependency_);
  }

 private:
  runtime::Dependency dependency_{"rabbitmq"};
  rabbitmq::TestBroker broker_;
  // A deadline that a slow machine under a sanitizer meets, too.
  rabbitmq::RabbitQueue queue_{
      {.address = broker_.address(), .topology = broker_.topology(), .publish_timeout = std::chrono::seconds(30)},
      dependency_};
};

std::unique_ptr<QueueHarness> make_harness() { return std::make_unique<RabbitHarness>(); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(RabbitMq, QueueContract, ::testing::Values(QueueFactory(make_harness)));

}  // namespace simplechat::adapters::contract
