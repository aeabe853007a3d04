#include "adapters/persist_http/persist_http.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <string_view>
#include <utility>

#include "wire/contains_body.h"
#include "wire/pages_body.h"

namespace simplechat::adapters::persist_http {
namespace {

using chat::ErrorCode;
using runtime::percent_encode;

// A valid user id that nobody is likely to have; what is found is not looked at.
constexpr const char* kNobody = "-";

// The greatest `at` of the wire contract, which a parameter must not exceed: 2^53 - 1.
constexpr chat::Timestamp kAtMax = (chat::Timestamp{1} << 53) - 1;

void append_at(std::string& target, std::string_view name, const std::optional<chat::Timestamp>& at) {
  if (at) target.append("&").append(name).append("=").append(std::to_string(std::min(*at, kAtMax)));
}

// `target`: path and first parameter.
runtime::HttpRequest get(std::string target, int limit) {
  return {.method = "GET", .target = std::move(target) + "&limit=" + std::to_string(limit)};
}

}  // namespace

PersistHttp::PersistHttp(boost::asio::any_io_executor executor, std::string origin,
                         runtime::HttpClient::Options options, runtime::Dependency& dependency)
    : client_(std::move(executor), std::move(origin), std::move(options)), dependency_(dependency) {}

chat::Task<chat::Result<chat::HistoryPage>> PersistHttp::history(const chat::HistoryQuery& query) {
  std::string target = "/v1/history?user=" + percent_encode(query.user) + "&with=" + percent_encode(query.with);
  append_at(target, "before", query.before);
  append_at(target, "after", query.after);
  co_return co_await ask(get(std::move(target), query.limit), wire::parse_history_page);
}

chat::Task<chat::Result<chat::ConversationsPage>> PersistHttp::conversations(const chat::ConversationsQuery& query) {
  std::string target = "/v1/conversations?user=" + percent_encode(query.user);
  append_at(target, "before", query.before);
  co_return co_await ask(get(std::move(target), query.limit), wire::parse_conversations_page);
}

chat::Task<chat::Result<chat::SyncPage>> PersistHttp::sync(const chat::SyncQuery& query) {
  std::string target = "/v1/sync?user=" + percent_encode(query.user);
  target += query.latest ? "&latest=true" : "&cursor=" + percent_encode(query.cursor);
  co_return co_await ask(get(std::move(target), query.limit), wire::parse_sync_page);
}

chat::Task<chat::Result<bool>> PersistHttp::contains_all(std::span<const chat::MessageKey> keys) {
  assert(keys.size() <= chat::kContainsKeysMax);
  runtime::HttpRequest request{.method = "POST",
                               .target = "/v1/contains",
                               .body = wire::encode_contains(keys),
                               .content_type = "application/json"};
  co_return co_await ask(std::move(request), wire::parse_contained);
}

// A query like any other, so that it finds what would be in others' way: sv-persist, its database, the secret.
chat::Task<chat::Result<void>> PersistHttp::check() {
  const auto page = co_await conversations({.user = kNobody, .before = {}, .limit = 1});
  if (!page) co_return std::unexpected(page.error());
  co_return chat::Result<void>{};
}

template <class Answer>
chat::Task<chat::Result<Answer>> PersistHttp::ask(runtime::HttpRequest request,
                                                  chat::Result<Answer> (*parse)(std::string_view)) {
  const auto body = co_await call(std::move(request));
  if (!body) co_return std::unexpected(body.error());
  auto answer = parse(*body);
  if (!answer) co_return down("its answer is not of the contract: " + answer.error().message);
  dependency_.up();
  co_return answer;
}

chat::Task<chat::Result<std::string>> PersistHttp::call(runtime::HttpRequest request) {
  auto answer = co_await client_.call(std::move(request));
  if (!answer) co_return down(answer.error().message);
  if (answer->status == 200) co_return std::move(answer->body);
  chat::Error error = wire::parse_http_error(answer->body);
  if (error.code != ErrorCode::bad_frame) co_return down(std::to_string(answer->status) + ": " + error.message);
  dependency_.up();
  co_return std::unexpected(std::move(error));
}

std::unexpected<chat::Error> PersistHttp::down(const std::string& reason) {
  dependency_.down(client_.origin() + ": " + reason);
  return chat::fail(ErrorCode::unavailable, "stored messages are out of reach");
}

}  // namespace simplechat::adapters::persist_http
