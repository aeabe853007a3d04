// Asks the embedding application over HTTP who may come in:
//
//   POST <url>  Authorization: Bearer <secret>
//   {"user":"alice","token":"...","remoteAddress":"10.0.0.7"}
//
//   200  {"allow":true}  or  {"allow":true,"user":"alice-7"}  or  {"allow":false,"reason":"..."}
//
// Anything else, and no answer within the deadline, is no answer: nobody is let in (`unavailable`), unless `fail_open`,
// which lets in whom the authenticator lets in. One object per reactor; lives there. At most kAsksMax are under way at
// a time; further ones wait their turn within their deadline.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "chat/connect_hook.h"
#include "runtime/http_client.h"
#include "runtime/metrics.h"

namespace simplechat::adapters::hook_http {

class HttpConnectHook final : public chat::ConnectHook {
 public:
  static constexpr std::size_t kAsksMax = 64;
  static constexpr std::size_t kAnswerBytesMax = std::size_t{16} * 1024;
  static constexpr std::size_t kReasonBytesMax = 256;  // shown to the client; the rest is cut off

  struct Options {
    std::string url;       // http://host[:port]/path, or https://
    std::string secret{};  // shown as a bearer token if not empty
    std::chrono::milliseconds deadline{1000};
    bool fail_open = false;
    runtime::TlsClient* tls = nullptr;  // for https://; outlives the hook
  };

  // `options.url` must pass check_hook_url().
  HttpConnectHook(const boost::asio::any_io_executor& executor, const Options& options,
                  runtime::MetricsRegistry& metrics);

  chat::Task<chat::Result<std::string>> ask(chat::ConnectRequest request) override;

 private:
  const std::string target_;
  const bool fail_open_;
  runtime::HttpClient client_;
  runtime::Counter& allowed_;
  runtime::Counter& denied_;
  runtime::Counter& failed_;
};

// nullopt if `url` is http://host[:port] with or without a path; otherwise what is wrong with it.
[[nodiscard]] std::optional<std::string> check_hook_url(std::string_view url);

}  // namespace simplechat::adapters::hook_http
