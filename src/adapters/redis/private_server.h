// For tests of faults: a Redis server of the test's own, which it may kill, stop and start again. Needs redis-server in
// PATH.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "adapters/redis/connection.h"
#include "runtime/loopback_peer.h"

namespace simplechat::adapters::redis {

class PrivateServer {
 public:
  // Not started yet. Its data lie in a directory that is removed with it.
  explicit PrivateServer(std::vector<std::string> options = {})
      : options_(std::move(options)), port_(runtime::LoopbackListener().port()) {
    char name[] = "/tmp/simplechat-redis-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("cannot make a directory for Redis");
    directory_ = name;
  }
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;
  ~PrivateServer() {
    if (process_ > 0) kill();
    std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] Url url() const { return {.port = port_}; }

  // Ends when the server answers, be it that a password is missing.
  void start() {
    std::vector<std::string> words{"redis-server",
                                   "--port",
                                   std::to_string(port_),
                                   "--bind",
                                   "127.0.0.1",
                                   "--save",
                                   "",
                                   "--dir",
                                   directory_.string(),
                                   "--logfile",
                                   "redis.log"};
    words.insert(words.end(), options_.begin(), options_.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (::posix_spawnp(&process_, "redis-server", nullptr, nullptr, arguments.data(), environ) != 0) {
      throw std::runtime_error("redis-server is not installed");
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!answers()) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("redis-server does not start");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  // As a power cut: nothing is saved that was not.
  void kill() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  // The process stands still: connections are accepted by the kernel, nothing is answered.
  void stand_still() { ::kill(process_, SIGSTOP); }
  void go_on() { ::kill(process_, SIGCONT); }

  // A command of the test's own. Throws if the server refuses it.
  Reply command(std::initializer_list<std::string_view> words) const {
    chat::Result<Connection> connection = Connection::open(url(), std::chrono::seconds(10));
    if (!connection) throw std::runtime_error(connection.error().message);
    chat::Result<Reply> reply = connection->call(words);
    if (!reply) throw std::runtime_error(reply.error().message);
    return *std::move(reply);
  }

 private:
  [[nodiscard]] bool answers() const {
    const chat::Result<Connection> connection = Connection::open(url(), std::chrono::seconds(10));
    return connection || connection.error().message.find("NOAUTH") != std::string::npos;
  }

  std::vector<std::string> options_;
  std::uint16_t port_;
  std::filesystem::path directory_;
  pid_t process_ = 0;
};

}  // namespace simplechat::adapters::redis
