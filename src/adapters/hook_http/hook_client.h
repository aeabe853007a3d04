// Asks one URL of the embedding application over HTTP: what its hooks have in common. POST with a JSON body, and with
// the proof that it comes from a gateway:
//
//   HookProof::signature  the headers of signature.h; the secret itself stays here
//   HookProof::bearer     Authorization: Bearer <secret>
//
// An answer is a 200 within the deadline; what else comes, or nothing, is none. One object per reactor; lives there. At
// most kAsksMax calls are under way at a time; further ones wait their turn within their deadline.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "chat/clock.h"
#include "chat/error.h"
#include "chat/task.h"
#include "runtime/http_client.h"
#include "runtime/metrics.h"

namespace simplechat::adapters::hook_http {

enum class HookProof : std::uint8_t { signature, bearer };

struct HookOptions {
  std::string url;       // http://host[:port]/path, or https://, as check_hook_url() accepts
  std::string secret{};  // empty: nothing is proved
  HookProof proof = HookProof::signature;
  std::chrono::milliseconds deadline{1000};
  bool fail_open = false;                                                 // what is not answered is allowed
  runtime::TlsClient* tls = nullptr;                                      // for https://; outlives the hook
  std::function<chat::Timestamp()> wall_clock = chat::system_wall_clock;  // for signatures
};

// nullopt if `url` is http://host[:port] with or without a path; otherwise what is wrong with it.
[[nodiscard]] std::optional<std::string> check_hook_url(std::string_view url);

class HookClient {
 public:
  static constexpr std::size_t kAsksMax = 64;
  static constexpr std::size_t kReasonBytesMax = 256;  // shown to the client; the rest is cut off

  // `hook`: "connect_hook" or "send_hook"; names its metrics and log events.
  HookClient(const boost::asio::any_io_executor& executor, const HookOptions& options, std::string hook,
             std::size_t answer_bytes_max, runtime::MetricsRegistry& metrics);

  // What `parse` reads in the answer; nullopt if there is none.
  template <class Answer>
  chat::Task<std::optional<Answer>> ask(std::string body, chat::Result<Answer> (*parse)(std::string_view)) {
    std::expected<std::string, std::string> text = co_await call(std::move(body));
    if (text) {
      chat::Result<Answer> answer = parse(*text);
      if (answer) {
        (answer->allow ? allowed_ : denied_).add();
        co_return *std::move(answer);
      }
      text = std::unexpected(std::move(answer).error().message);
    }
    unanswered(text.error());
    co_return std::nullopt;
  }

  [[nodiscard]] bool fail_open() const { return fail_open_; }

  // The application's reason, cut to kReasonBytesMax between two characters; `otherwise` if it gave none.
  [[nodiscard]] static std::string reason(std::string given, std::string_view otherwise);

 private:
  static constexpr std::chrono::seconds kLogEvery{1};

  // The answer's body, or why there is none.
  [[nodiscard]] chat::Task<std::expected<std::string, std::string>> call(std::string body);
  // Counts it, and logs it unless another one was logged just now.
  void unanswered(std::string_view problem);

  const std::string hook_;
  const std::string target_;
  const std::string secret_;
  const HookProof proof_;
  const bool fail_open_;
  const std::function<chat::Timestamp()> wall_clock_;
  runtime::HttpClient client_;
  runtime::Counter& allowed_;
  runtime::Counter& denied_;
  runtime::Counter& unanswered_;
  runtime::Histogram& seconds_;
  std::chrono::steady_clock::time_point logged_{};
  std::uint64_t not_logged_ = 0;
};

}  // namespace simplechat::adapters::hook_http
