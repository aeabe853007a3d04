#include "adapters/memory/message_store.h"

#include "adapters/contract/store_contract.h"

namespace simplechat::adapters::contract {
namespace {

class MemoryHarness final : public StoreHarness {
 public:
  chat::MessageStore& store() override { return store_; }

 private:
  memory::MessageStore store_;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, ::testing::Values(StoreFactory([](boost::asio::io_context&) {
                           return std::make_unique<MemoryHarness>();
                         })));

class MemoryMessageStore : public StoreFixture {
 protected:
  MemoryMessageStore() : StoreFixture([](boost::asio::io_context&) { return std::make_unique<MemoryHarness>(); }) {}
};

TEST_F(MemoryMessageStore, ShowsItsMessagesInCommitOrder) {
  append({message("2", "alice", "bob", 20), message("1", "alice", "bob", 10)});
  const std::vector<chat::Message> messages = dynamic_cast<memory::MessageStore&>(store()).messages();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].id, "2");
  EXPECT_EQ(messages[1].id, "1");
}

TEST_F(MemoryMessageStore, RefusesACursorThatIsAheadOfIt) {
  append({message("1", "alice", "bob", 10)});
  const std::string cursor = sync({.user = "alice", .cursor = ""}).cursor;
  const chat::Result<chat::SyncPage> page = run(store().sync({.user = "alice", .cursor = cursor + "0"}));
  ASSERT_FALSE(page.has_value());
  EXPECT_EQ(page.error().code, chat::ErrorCode::bad_frame);
}

}  // namespace simplechat::adapters::contract
