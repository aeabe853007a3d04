// Keys from a JSON Web Key Set that an issuer publishes: a URL or a file, read again every `refresh` and, when a token
// names a key that is not known, at once, but not sooner than kAskAgainAfter after the last time.
//
// What could not be read or understood changes nothing: the keys before stay, and it is tried again with backoff.
// keys() and look_for_newer() are thread-safe; all else lives on one reactor. A file is read on a thread of its own.
// stop() before destruction.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/jwt/key_set.h"
#include "chat/task.h"
#include "runtime/dependency.h"
#include "runtime/gate.h"
#include "runtime/http_client.h"
#include "runtime/worker.h"

namespace simplechat::adapters::jwt {

class JwksSource final : public KeySource {
 public:
  static constexpr std::chrono::milliseconds kAskAgainAfter{5000};
  static constexpr std::chrono::milliseconds kRetryMin{500};
  static constexpr std::chrono::milliseconds kRetryMax{10'000};

  struct Options {
    std::string location;  // http://host[:port]/path, https://..., or a file
    std::chrono::milliseconds refresh{300'000};
    std::chrono::milliseconds ask_again_after = kAskAgainAfter;
    runtime::TlsClient* tls = nullptr;  // for https://; outlives the source
  };

  // `dependency`, which is up as soon as there are keys, outlives it. Throws std::runtime_error, one line, if the
  // location is a file that cannot be read or has no keys, or a URL of another form: a URL that does not answer is
  // tried again.
  JwksSource(boost::asio::any_io_executor executor, Options options, runtime::Dependency& dependency);
  ~JwksSource() override;

  // Both on the executor, start() also before it runs.
  void start();
  chat::Task<void> stop();

  [[nodiscard]] std::shared_ptr<const KeySet> keys() const override;
  [[nodiscard]] bool look_for_newer() override;

 private:
  using Clock = std::chrono::steady_clock;

  chat::Task<void> keep_reading();
  chat::Task<void> read_once();
  chat::Task<chat::Result<std::string>> read_text();

  const boost::asio::any_io_executor executor_;
  const Options options_;
  runtime::Dependency& dependency_;
  std::string target_;                         // of the URL; empty for a file
  std::optional<runtime::HttpClient> client_;  // for a URL
  std::optional<runtime::Worker> reader_;      // for a file
  runtime::Gate gate_;
  boost::asio::steady_timer timer_;
  std::chrono::milliseconds retry_ = kRetryMin;
  bool stopped_ = false;

  mutable std::mutex mutex_;
  std::shared_ptr<const KeySet> keys_;  // guarded by mutex_
  Clock::time_point read_at_{};         // guarded by mutex_: when keys_ were asked for
  bool wanted_ = false;                 // guarded by mutex_: somebody waits for newer ones
};

// nullopt if `location` is a file's path or a URL that can be read; otherwise what is wrong with it.
[[nodiscard]] std::optional<std::string> check_jwks_location(std::string_view location);

}  // namespace simplechat::adapters::jwt
