#include "adapters/hook_http/connect_hook.h"

#include <algorithm>
#include <utility>

#include "runtime/log.h"
#include "wire/hook_body.h"

namespace simplechat::adapters::hook_http {
namespace {

constexpr unsigned kOk = 200;

// Where the path of a URL begins.
std::size_t path_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return scheme == std::string_view::npos ? url.size() : std::min(url.find('/', scheme + 3), url.size());
}

// `text` cut to `bytes_max` bytes between two characters (of UTF-8).
std::string cut(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  text.resize(end);
  return text;
}

}  // namespace

HttpConnectHook::HttpConnectHook(const boost::asio::any_io_executor& executor, const Options& options,
                                 runtime::MetricsRegistry& metrics)
    : target_(path_of(options.url) == options.url.size() ? "/" : options.url.substr(path_of(options.url))),
      fail_open_(options.fail_open),
      client_(executor, options.url.substr(0, path_of(options.url)),
              {.deadline = options.deadline,
               .connections_max = kAsksMax,
               .body_bytes_max = kAnswerBytesMax,
               .bearer_token = options.secret,
               .tls = options.tls}),
      allowed_(metrics.counter("connect_hook_total", "Answers of the connect hook", {{"answer", "allow"}})),
      denied_(metrics.counter("connect_hook_total", "Answers of the connect hook", {{"answer", "deny"}})),
      failed_(metrics.counter("connect_hook_total", "Answers of the connect hook", {{"answer", "none"}})) {}

chat::Task<chat::Result<std::string>> HttpConnectHook::ask(chat::ConnectRequest request) {
  runtime::HttpRequest call{.method = "POST",
                            .target = target_,
                            .body = wire::encode_connect_request(request),
                            .content_type = "application/json"};
  const auto response = co_await client_.call(std::move(call));
  std::string problem;
  if (!response) {
    problem = response.error().message;
  } else if (response->status != kOk) {
    problem = "answered " + std::to_string(response->status);
  } else {
    auto answer = wire::parse_hook_answer(response->body);
    if (answer && answer->allow) {
      allowed_.add();
      co_return answer->user.empty() ? std::move(request.user) : std::move(answer->user);
    }
    if (answer) {
      denied_.add();
      co_return chat::fail(chat::ErrorCode::unauthorized,
                           answer->reason.empty() ? "not let in" : cut(std::move(answer->reason), kReasonBytesMax));
    }
    problem = answer.error().message;
  }
  failed_.add();
  runtime::log::warn("connect_hook_failed", {{"reason", problem}, {"let_in", fail_open_}});
  if (fail_open_) co_return std::move(request.user);
  co_return chat::fail(chat::ErrorCode::unavailable, "who may come in cannot be asked now; try again");
}

std::optional<std::string> check_hook_url(std::string_view url) {
  const std::string_view target = url.substr(path_of(url));
  if (!std::ranges::all_of(target, [](char c) { return c > ' ' && c <= '~' && c != '#'; })) {
    return "its path must be printable ASCII without a fragment";
  }
  return runtime::check_http_origin(url.substr(0, path_of(url)));
}

}  // namespace simplechat::adapters::hook_http
