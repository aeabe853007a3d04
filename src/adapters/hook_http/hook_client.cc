#include "adapters/hook_http/hook_client.h"

#include <algorithm>
#include <utility>

#include "adapters/hook_http/signature.h"
#include "runtime/log.h"
#include "runtime/process_metrics.h"

namespace simplechat::adapters::hook_http {
namespace {

using std::chrono::steady_clock;

constexpr unsigned kOk = 200;
constexpr chat::Timestamp kMicrosecondsPerSecond = 1'000'000;

// Where the path of a URL begins.
std::size_t path_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return scheme == std::string_view::npos ? url.size() : std::min(url.find('/', scheme + 3), url.size());
}

runtime::Counter& answers(runtime::MetricsRegistry& metrics, const std::string& hook, const char* answer) {
  return metrics.counter(hook + "_total", "Questions to the hook, by the application's answer", {{"answer", answer}});
}

}  // namespace

HookClient::HookClient(const boost::asio::any_io_executor& executor, const HookOptions& options, std::string hook,
                       std::size_t answer_bytes_max, runtime::MetricsRegistry& metrics)
    : hook_(std::move(hook)),
      target_(path_of(options.url) == options.url.size() ? "/" : options.url.substr(path_of(options.url))),
      secret_(options.secret),
      proof_(options.proof),
      fail_open_(options.fail_open),
      wall_clock_(options.wall_clock),
      client_(executor, options.url.substr(0, path_of(options.url)),
              {.deadline = options.deadline,
               .connections_max = kAsksMax,
               .body_bytes_max = answer_bytes_max,
               .bearer_token = options.proof == HookProof::bearer ? options.secret : std::string{},
               .tls = options.tls}),
      allowed_(answers(metrics, hook_, "allow")),
      denied_(answers(metrics, hook_, "deny")),
      unanswered_(answers(metrics, hook_, "none")),
      seconds_(metrics.histogram(hook_ + "_seconds", "How long the hook took to answer, or not to",
                                 runtime::latency_bounds_s())) {}

chat::Task<std::expected<std::string, std::string>> HookClient::call(std::string body) {
  runtime::HttpRequest request{
      .method = "POST", .target = target_, .body = std::move(body), .content_type = "application/json"};
  if (proof_ == HookProof::signature && !secret_.empty()) {
    request.headers = signature_headers(secret_, wall_clock_() / kMicrosecondsPerSecond, request.body);
  }
  const auto began = steady_clock::now();
  auto response = co_await client_.call(std::move(request));
  seconds_.observe(std::chrono::duration<double>(steady_clock::now() - began).count());
  if (!response) co_return std::unexpected(std::move(response).error().message);
  if (response->status != kOk) co_return std::unexpected("answered " + std::to_string(response->status));
  co_return std::move(response->body);
}

void HookClient::unanswered(std::string_view problem) {
  unanswered_.add();
  const auto now = steady_clock::now();
  if (logged_ != steady_clock::time_point{} && now - logged_ < kLogEvery) {
    ++not_logged_;
    return;
  }
  logged_ = now;
  runtime::log::warn(
      "hook_failed",
      {{"hook", hook_}, {"reason", problem}, {"allowed", fail_open_}, {"not_logged", std::exchange(not_logged_, 0)}});
}

std::string HookClient::reason(std::string given, std::string_view otherwise) {
  if (given.empty()) return std::string(otherwise);
  if (given.size() <= kReasonBytesMax) return given;
  std::size_t end = kReasonBytesMax;
  while (end > 0 && (static_cast<unsigned char>(given[end]) & 0xc0U) == 0x80U) --end;
  given.resize(end);
  return given;
}

std::optional<std::string> check_hook_url(std::string_view url) {
  const std::string_view target = url.substr(path_of(url));
  if (!std::ranges::all_of(target, [](char c) { return c > ' ' && c <= '~' && c != '#'; })) {
    return "its path must be printable ASCII without a fragment";
  }
  return runtime::check_http_origin(url.substr(0, path_of(url)));
}

}  // namespace simplechat::adapters::hook_http
