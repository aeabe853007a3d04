// What a message costs a gateway: pairs of clients on one shard, each message received, routed, handed to a queue that
// confirms at once, delivered and acked. Prints the allocations per message, counted after a warm-up; run under
// callgrind with two numbers of messages, it gives the instructions per message (see test_message_cost.py).
//
//   message_cost MESSAGES
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "adapters/memory/directory.h"
#include "adapters/memory/relay.h"
#include "chat/clock.h"
#include "runtime/log.h"
#include "sv_websocket/shard.h"
#include "websocket/client_codec.h"

namespace {

std::size_t allocations = 0;  // all of it is one thread

}  // namespace

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes != 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace simplechat {
namespace {

constexpr int kClients = 100;  // in pairs
constexpr int kWarmUpRounds = 10;
constexpr std::string_view kPayload =
    "a hundred bytes of text, as long as what people write to each other when they have something to say!";
static_assert(kPayload.size() == 100);

// Some turns later, as a queue's confirm comes: when the message has been handed over.
class ConfirmingQueue final : public chat::MessageQueue {
 public:
  explicit ConfirmingQueue(runtime::Reactor& reactor) : reactor_(reactor) {}

  chat::Task<chat::Result<void>> publish(const chat::RecordBatch&) override {
    for (int turn = 0; turn < 3; ++turn) {
      co_await boost::asio::post(reactor_.executor(), boost::asio::use_awaitable);
    }
    co_return chat::Result<void>();
  }
  [[nodiscard]] unsigned lanes() const override { return 1; }
  [[nodiscard]] unsigned lane_of(std::string_view, std::string_view) const override { return 0; }

 private:
  runtime::Reactor& reactor_;
};

class StoreOfEverything final : public chat::MessageReader {
 public:
  chat::Task<chat::Result<bool>> contains_all(std::span<const chat::MessageKey>) override { co_return true; }
  chat::Task<chat::Result<chat::HistoryPage>> history(const chat::HistoryQuery&) override {
    co_return chat::HistoryPage{};
  }
  chat::Task<chat::Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery&) override {
    co_return chat::ConversationsPage{};
  }
  chat::Task<chat::Result<chat::SyncPage>> sync(const chat::SyncQuery&) override { co_return chat::SyncPage{}; }
};

class Scenario {
 public:
  Scenario() {
    shard_.start({nullptr});
    registrar_.start();
    for (int i = 0; i < kClients; ++i) {
      std::array<int, 2> ends{};
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::system_error(errno, std::generic_category(), "socketpair");
      }
      shard_.hub().accept({.fd = ends[1]});
      clients_.push_back({.fd = ends[0], .message = {}});
      std::string registration;
      append(registration, fmt::format(R"({{"type":"register","from":"client-{:04}"}})", i));
      write(ends[0], registration);
      append(clients_.back().message,
             fmt::format(R"({{"type":"normal","to":"client-{:04}","id":"0190b3a0-7f3c-7cc0-b1c5-1d2e3f405162",)"
                         R"("payload":"{}"}})",
                         i ^ 1, kPayload));
    }
    wait_for("\"registered\"");
  }

  // Until the gateway has checked the registrations: a session that has just registered costs more.
  void settle() {
    const auto until = std::chrono::steady_clock::now() + sv_websocket::MissedUsers::kCheckAfter + kTicks;
    while (std::chrono::steady_clock::now() < until) reactor_.io().run_one_until(until);
  }

  // Each client sends one, and all have their ack and their partner's message.
  void round() {
    for (const Client& client : clients_) write(client.fd, client.message);
    wait_for("\"ack\"");
  }

 private:
  static constexpr std::chrono::milliseconds kTicks{500};

  struct Client {
    int fd;
    std::string message;  // a frame
    bool acked = false;
    bool has_message = false;
  };

  static void append(std::string& out, std::string_view text) {
    websocket::append_masked_frame(out, websocket::Opcode::kText, text, 0x5a5a5a5a);
  }

  static void write(int fd, std::string_view bytes) {
    if (::send(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
      throw std::system_error(errno, std::generic_category(), "send");
    }
  }

  // Runs the shard until every client has got `kind`, and with an ack the message of its partner.
  void wait_for(std::string_view kind) {
    for (Client& client : clients_) client.acked = client.has_message = false;
    while (!std::ranges::all_of(clients_, [&](Client& client) { return has_got(client, kind); })) {
      if (reactor_.io().run_one_for(std::chrono::seconds(5)) == 0) throw std::runtime_error("nothing more happens");
      reactor_.io().poll();
    }
  }

  bool has_got(Client& client, std::string_view kind) {
    if (client.acked && client.has_message) return true;
    const ssize_t got = ::recv(client.fd, received_.data(), received_.size(), 0);
    const std::string_view bytes(received_.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    client.acked = client.acked || bytes.contains(kind);
    client.has_message = client.has_message || kind != "\"ack\"" || bytes.contains("\"normal\"");
    return client.acked && client.has_message;
  }

  runtime::Reactor reactor_{0};
  runtime::MetricsRegistry metrics_;
  chat::TrustingAuthenticator authenticator_;
  chat::HybridLogicalClock clock_{chat::system_wall_clock(), chat::system_elapsed};
  adapters::memory::MemoryDirectory directory_{std::chrono::steady_clock::now, chat::system_wall_clock};
  adapters::memory::MemoryRelay relay_;
  ConfirmingQueue queue_{reactor_};
  StoreOfEverything reader_;
  sv_websocket::Roster roster_;
  sv_websocket::BlockTable blocks_;
  sv_websocket::Registrar registrar_{reactor_,
                                     directory_,
                                     clock_,
                                     {.url = "http://in-process", .incarnation = "cost"},
                                     std::chrono::seconds(600),
                                     {.register_all_again = [] {}, .resync_all = [] {}}};
  sv_websocket::Shard shard_{reactor_,
                             {.roster = roster_,
                              .registrar = registrar_,
                              .clock = clock_,
                              .authenticator = authenticator_,
                              .blocks = blocks_,
                              .url = "http://in-process",
                              .incarnation = "cost",
                              .unconfirmed_bytes_max = 1 << 20,
                              .limits = {}},
                             {.directory = directory_, .relay = relay_, .queue = queue_, .reader = reader_},
                             metrics_};
  std::vector<Client> clients_;
  std::array<char, 4096> received_{};
};

void measure(int messages) {
  Scenario scenario;
  const int rounds = messages / kClients;
  for (int i = 0; i < kWarmUpRounds; ++i) scenario.round();
  scenario.settle();
  for (int i = 0; i < kWarmUpRounds; ++i) scenario.round();
  const std::size_t before = allocations;
  for (int i = 0; i < rounds; ++i) scenario.round();
  fmt::print("{:.3f}\n", static_cast<double>(allocations - before) / (rounds * kClients));
  std::fflush(stdout);
  // What is under way has no end of its own; the process has.
  ::_exit(0);
}

}  // namespace
}  // namespace simplechat

int main(int argc, char** argv) {
  if (argc != 2 || std::atoi(argv[1]) < 1) {
    fmt::print(stderr, "usage: message_cost MESSAGES\n");
    return 2;
  }
  simplechat::runtime::log::configure(simplechat::runtime::log::Format::console, simplechat::runtime::log::Level::error,
                                      "message_cost");
  simplechat::measure(std::atoi(argv[1]));
}
