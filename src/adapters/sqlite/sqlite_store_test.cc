#include "adapters/sqlite/sqlite_store.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>
#include <set>

#include "adapters/contract/store_contract.h"

namespace simplechat::adapters::contract {
namespace {

// A directory for one test's files, empty at first and removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "simplechat-sqlite-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("can't make " + name);
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class SqliteHarness final : public StoreHarness {
 public:
  explicit SqliteHarness(std::size_t generation_messages = sqlite::RecentMessages::kGenerationMessages)
      : generation_messages_(generation_messages) {
    open();
  }

  chat::MessageStore& store() override { return *store_; }

  void close() { store_.reset(); }
  void open() { store_ = std::make_unique<sqlite::SqliteStore>(data_dir(), dependency_, generation_messages_); }
  [[nodiscard]] std::filesystem::path data_dir() const { return directory_.path() / "data"; }
  [[nodiscard]] runtime::Dependency::State state() const { return dependency_.state(); }

 private:
  const std::size_t generation_messages_;
  TemporaryDirectory directory_;
  runtime::Dependency dependency_{"sqlite"};
  std::unique_ptr<sqlite::SqliteStore> store_;
};

std::unique_ptr<StoreHarness> make_harness(boost::asio::io_context& /*io*/) {
  return std::make_unique<SqliteHarness>();
}

// Indexes messages soon after they were written, so that most are found by the index.
std::unique_ptr<StoreHarness> make_harness_that_indexes_soon(boost::asio::io_context& /*io*/) {
  return std::make_unique<SqliteHarness>(3);
}

// What opening a store in `data_dir` fails with; empty if it succeeds.
std::string failure_to_open(const std::filesystem::path& data_dir) {
  runtime::Dependency dependency{"sqlite"};
  try {
    const sqlite::SqliteStore store(data_dir, dependency);
    return {};
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

// Runs SQL on the closed store's file, as another program would.
void tamper(const std::filesystem::path& file, const std::string& sql) {
  sqlite::Database database(file, sqlite::Database::Access::read_write);
  database.execute(sql);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(StoreFactory(make_harness)));
INSTANTIATE_TEST_SUITE_P(SqliteThatIndexesSoon, StoreContract,
                         ::testing::Values(StoreFactory(make_harness_that_indexes_soon)));

class SqliteStore : public StoreFixture {
 protected:
  SqliteStore() : StoreFixture(make_harness) {}
  SqliteHarness& sqlite() { return static_cast<SqliteHarness&>(*harness_); }
};

TEST_F(SqliteStore, KeepsEverythingOverARestartAndItsCursorsStayValid) {
  append({message("1", "alice", "bob", 10), message("2", "bob", "alice", 20)},
         {{.user = "bob", .with = "alice", .kind = chat::MarkKind::read, .at = 10}});
  append({message("3", "alice", "#team", 30)});
  Chain chain{.user = "alice", .limit = 2};
  turn_page(chain);
  sqlite().close();
  sqlite().open();
  append({message("1", "alice", "bob", 11), message("4", "bob", "#team", 40), message("5", "alice", "bob", 50)});
  follow(chain, 5);
  EXPECT_THAT(chain.seen, ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_THAT(history_ids("bob", "alice"), ElementsAre("1", "2", "5"));
  EXPECT_THAT(names_of(conversations_of("bob")), ElementsAre("alice", "#team"));
  EXPECT_EQ(conversation("bob", "alice").read_at, 10);
}

TEST_F(SqliteStore, RefusesTheCursorOfAnotherDatabaseAndOneThatIsAheadOfIt) {
  append({message("1", "alice", "bob", 1), message("2", "alice", "bob", 2)});
  const std::string cursor = sync({.user = "alice", .cursor = ""}).cursor;
  SqliteHarness other;
  chat::RecordBatch batch;
  for (const char* id : {"1", "2", "3"}) batch.messages.add(message(id, "alice", "bob", 1).view());
  ASSERT_TRUE(run(other.store().append(batch)));
  const chat::Result<chat::SyncPage> foreign = run(other.store().sync({.user = "alice", .cursor = cursor}));
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().code, chat::ErrorCode::bad_frame);
  const chat::Result<chat::SyncPage> ahead = run(store().sync({.user = "alice", .cursor = cursor + "0"}));
  ASSERT_FALSE(ahead.has_value());
  EXPECT_EQ(ahead.error().code, chat::ErrorCode::bad_frame);
  EXPECT_TRUE(sqlite().state().up) << "a client's mistake is no failure of the store";
}

TEST_F(SqliteStore, OnlyOneProcessMayUseADataDirectory) {
  const std::string failure = failure_to_open(sqlite().data_dir());
  EXPECT_THAT(failure, ::testing::HasSubstr(sqlite().data_dir().string()));
  EXPECT_THAT(failure, ::testing::HasSubstr("in use by another process"));
  sqlite().close();
  EXPECT_EQ(failure_to_open(sqlite().data_dir()), "");
}

TEST_F(SqliteStore, TheDataDirectoryIsItsOwnersOnly) {
  EXPECT_EQ(std::filesystem::status(sqlite().data_dir()).permissions(), std::filesystem::perms::owner_all);
}

TEST(SqliteStoreOpen, ADirectoryThatCantBeMadeEndsStartUpWithOneLineThatNamesIt) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "file";
  std::ofstream(file) << "not a directory";
  for (const std::filesystem::path& path : {file, file / "below", std::filesystem::path("/proc/simplechat")}) {
    const std::string failure = failure_to_open(path);
    EXPECT_THAT(failure, ::testing::HasSubstr(path.string()));
    EXPECT_THAT(failure, ::testing::Not(::testing::HasSubstr("\n")));
  }
}

TEST_F(SqliteStore, AFileThatIsNoneOfOursEndsStartUpWithOneLineThatNamesIt) {
  append({message("1", "alice", "bob", 1)});
  sqlite().close();
  const std::filesystem::path file = sqlite().data_dir() / "chat.db";

  tamper(file, "PRAGMA user_version = 999");
  EXPECT_THAT(failure_to_open(sqlite().data_dir()), ::testing::HasSubstr("its version is 999"));
  tamper(file, "PRAGMA user_version = 2; PRAGMA application_id = 7");
  EXPECT_THAT(failure_to_open(sqlite().data_dir()), ::testing::HasSubstr("not a SimpleChat database"));
  std::ofstream(file, std::ios::trunc) << std::string(8192, 'x');
  const std::string failure = failure_to_open(sqlite().data_dir());
  EXPECT_THAT(failure, ::testing::HasSubstr(file.string()));
  EXPECT_THAT(failure, ::testing::HasSubstr("not a database"));
}

// The system refuses to let this process write any file beyond a size: what a full disk looks like to SQLite.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_ = SIG_DFL;
};

TEST_F(SqliteStore, AFullDiskIsUnavailableUntilThereIsRoomAgain) {
  append({message("before", "alice", "bob", 1)});
  chat::RecordBatch batch;
  for (int i = 0; i < 100; ++i) {
    batch.messages.add(message(std::to_string(i), "alice", "carol", 10 + i, std::string(10'000, 'x')).view());
  }
  {
    const FileSizeLimit limit(64 * 1024);
    const chat::Result<void> refused = run(store().append(batch));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, chat::ErrorCode::unavailable);
    EXPECT_FALSE(sqlite().state().up);
    EXPECT_EQ(sqlite().state().reason, refused.error().message);
    EXPECT_THAT(sync_ids("alice", 1), ElementsAre("before"));
    EXPECT_FALSE(sqlite().state().up) << "that reading works does not mean that writing does";
  }
  append({message("after", "alice", "carol", 5)});
  EXPECT_TRUE(sqlite().state().up);
  append(batch);
  EXPECT_EQ(sync_ids("alice", 102).size(), 102U);
  EXPECT_THAT(names_of(conversations_of("carol")), ElementsAre("alice"));
}

class SqliteStoreThatIndexesSoon : public StoreFixture {
 protected:
  SqliteStoreThatIndexesSoon() : StoreFixture(make_harness_that_indexes_soon) {}
  SqliteHarness& sqlite() { return static_cast<SqliteHarness&>(*harness_); }

  void append_many(int first, int last, const std::string& payload) {
    std::vector<chat::Message> messages;
    for (int i = first; i < last; ++i) {
      messages.push_back(message(std::to_string(i), "alice", i % 3 == 0 ? "carol" : "bob", i, payload));
    }
    append(messages);
  }
};

TEST_F(SqliteStoreThatIndexesSoon, ADamagedFileIsUnavailableAndEndsNothing) {
  append_many(0, 2000, std::string(500, 'x'));
  append_many(2000, 3000, std::string(500, 'x'));  // the first ones are indexed now
  sqlite().close();
  const std::filesystem::path file = sqlite().data_dir() / "chat.db";
  {
    std::fstream damaged(file, std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(24 * 4096);  // behind the schema; where the first messages are
    damaged << std::string(100UL * 4096, '\xff');
  }
  sqlite().open();
  const chat::Result<chat::SyncPage> page = run(reader().sync({.user = "alice", .cursor = "", .limit = 200}));
  ASSERT_FALSE(page.has_value());
  EXPECT_EQ(page.error().code, chat::ErrorCode::unavailable);
  EXPECT_FALSE(sqlite().state().up);
  EXPECT_THAT(sqlite().state().reason, ::testing::HasSubstr("malformed"));
}

TEST_F(SqliteStore, AFileWhoseLatestMessagesAreDamagedEndsStartUpWithOneLineThatNamesIt) {
  std::vector<chat::Message> messages;
  for (int i = 0; i < 2000; ++i)
    messages.push_back(message(std::to_string(i), "alice", "bob", i, std::string(500, 'x')));
  append(messages);
  sqlite().close();
  const std::filesystem::path file = sqlite().data_dir() / "chat.db";
  {
    std::fstream damaged(file, std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(24 * 4096);
    damaged << std::string(std::filesystem::file_size(file) - 24 * 4096, '\xff');
  }
  const std::string failure = failure_to_open(sqlite().data_dir());
  EXPECT_THAT(failure, ::testing::HasSubstr(file.string()));
  EXPECT_THAT(failure, ::testing::HasSubstr("malformed"));
}

// What is indexed, what is being indexed, and what is not yet, before and after a restart.
TEST_F(SqliteStoreThatIndexesSoon, FindsEverythingWhereverItIs) {
  constexpr int kMessages = 60;
  int next = 0;
  for (const int batch : {5, 1, 1, 2, 1, 9, 1, 1, 1, 1, 20, 1, 1, 5, 1, 9}) {
    append_many(next, next + batch, "x");
    next += batch;
    std::vector<std::string> with_bob;
    std::vector<std::string> all;
    for (int i = 0; i < next; ++i) {
      all.push_back(std::to_string(i));
      if (i % 3 != 0) with_bob.push_back(std::to_string(i));
    }
    const auto look = [&] {
      EXPECT_EQ(history_ids("alice", "bob"), with_bob) << next;
      EXPECT_EQ(sync_ids("alice", all.size()), all) << next;
      EXPECT_EQ(conversation("bob", "alice").unread, static_cast<int>(with_bob.size())) << next;
      EXPECT_EQ(conversation("bob", "alice").last.id, with_bob.back()) << next;
    };
    if (with_bob.empty()) continue;
    look();
    if (next % 2 == 0) {
      sqlite().close();
      sqlite().open();
      look();
    }
  }
  EXPECT_EQ(next, kMessages);
}

TEST_F(SqliteStoreThatIndexesSoon, ARefusedAppendLeavesTheIndexWhereItWas) {
  append_many(0, 50, "x");
  append_many(50, 60, "x");  // 20 of the first 50 are indexed
  {
    const FileSizeLimit limit(64 * 1024);
    chat::RecordBatch batch;
    for (int i = 100; i < 130; ++i) {
      batch.messages.add(message(std::to_string(i), "alice", "bob", i, std::string(60'000, 'x')).view());
    }
    ASSERT_FALSE(run(store().append(batch)));
  }
  append_many(60, 90, "x");
  append_many(90, 130, "x");
  EXPECT_EQ(sync_ids("alice", 130).size(), 130U);
  EXPECT_EQ(history_ids("alice", "carol").size(), 44U);
  sqlite().close();
  sqlite().open();
  EXPECT_EQ(sync_ids("alice", 130).size(), 130U);
  EXPECT_EQ(history_ids("alice", "carol").size(), 44U);
}

// A database of the version before had its indexes on the messages.
TEST_F(SqliteStore, ADatabaseOfVersion1IsBroughtUpToDate) {
  append({message("1", "alice", "bob", 10), message("2", "bob", "alice", 20), message("3", "alice", "carol", 30)});
  const std::string cursor = sync({.user = "alice", .cursor = "", .limit = 1}).cursor;
  sqlite().close();
  tamper(sqlite().data_dir() / "chat.db",
         "DROP TABLE entry_at; DROP TABLE entry_seq; DROP TABLE unindexed; "
         "CREATE INDEX message_by_at ON message (conversation, at, sender); "
         "CREATE INDEX message_by_commit ON message (conversation); PRAGMA user_version = 1");
  sqlite().open();
  EXPECT_THAT(history_ids("alice", "bob"), ElementsAre("1", "2"));
  EXPECT_THAT(ids_of(sync({.user = "alice", .cursor = cursor}).messages), ElementsAre("2", "3"));
  append({message("4", "alice", "bob", 40)});
  EXPECT_THAT(history_ids("alice", "bob"), ElementsAre("1", "2", "4"));
}

// --- kill -9 ---

constexpr int kBatchMessages = 10;

std::string crash_id(int batch, int index) { return std::to_string(batch) + "." + std::to_string(index); }

// Appends batches `first`, `first` + 1, ... and writes each one's number to `acks` once it is stored. Never ends by
// itself.
[[noreturn]] void append_until_killed(const std::filesystem::path& data_dir, int first, int acks) {
  runtime::Dependency dependency{"sqlite"};
  sqlite::SqliteStore store(data_dir, dependency);
  boost::asio::io_context io;
  for (int number = first;; ++number) {
    chat::RecordBatch batch;
    for (int i = 0; i < kBatchMessages; ++i) {
      batch.messages.add(message(crash_id(number, i), "alice", i % 2 == 0 ? "bob" : "#team", number).view());
    }
    io.restart();
    boost::asio::co_spawn(io, store.append(batch),
                          [&](const std::exception_ptr& failure, const chat::Result<void>& stored) {
                            if (failure || !stored) ::_exit(1);
                            if (::write(acks, &number, sizeof number) != sizeof number) ::_exit(1);
                          });
    io.run();
  }
}

// Starts a process that appends, kills it after `batches` acks, and returns the last batch that it was told to be
// stored.
int append_and_kill(const std::filesystem::path& data_dir, int first, int batches) {
  std::array<int, 2> acks{};
  if (::pipe(acks.data()) != 0) throw std::runtime_error("no pipe");
  const pid_t child = ::fork();
  if (child == 0) append_until_killed(data_dir, first, acks[1]);
  ::close(acks[1]);
  int acked = first - 1;
  for (int number = 0; ::read(acks[0], &number, sizeof number) == sizeof number;) {
    acked = number;
    if (number == first + batches) ::kill(child, SIGKILL);
  }
  ::close(acks[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child ended by itself: " << status;
  return acked;
}

TEST_F(SqliteStore, WhatWasAckedIsThereOnceAfterKillMinusNine) {
  sqlite().close();
  int next = 0;
  std::set<int> acked;
  for (const int batches : {1, 7, 40, 120, 3}) {
    const int last = append_and_kill(sqlite().data_dir(), next, batches);
    for (; next <= last; ++next) acked.insert(next);
    ++next;  // this one may be stored or not
  }
  sqlite().open();
  std::map<std::string, int> copies;
  for (const std::string& id : sync_ids("alice", acked.size() * kBatchMessages)) ++copies[id];
  for (int number = 0; number < next; ++number) {
    const int stored = copies[crash_id(number, 0)];
    if (acked.contains(number)) {
      EXPECT_EQ(stored, 1) << number;
    }
    for (int i = 0; i < kBatchMessages; ++i)
      EXPECT_EQ(copies[crash_id(number, i)], stored) << number << " is stored in part";
  }
  append({message("later", "alice", "bob", next)});
  EXPECT_EQ(conversation("alice", "bob").last.id, "later");
}

}  // namespace simplechat::adapters::contract
