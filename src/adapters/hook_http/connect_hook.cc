#include "adapters/hook_http/connect_hook.h"

#include <utility>

#include "wire/hook_body.h"

namespace simplechat::adapters::hook_http {

HttpConnectHook::HttpConnectHook(const boost::asio::any_io_executor& executor, const HookOptions& options,
                                 runtime::MetricsRegistry& metrics)
    : client_(executor, options, "connect_hook", kAnswerBytesMax, metrics) {}

chat::Task<chat::Result<std::string>> HttpConnectHook::ask(chat::ConnectRequest request) {
  auto answer = co_await client_.ask(wire::encode_connect_request(request), wire::parse_connect_answer);
  if (answer && answer->allow) co_return std::move(answer->user.empty() ? request.user : answer->user);
  if (answer) {
    co_return chat::fail(chat::ErrorCode::unauthorized, HookClient::reason(std::move(answer->reason), "not let in"));
  }
  if (client_.fail_open()) co_return std::move(request.user);
  co_return chat::fail(chat::ErrorCode::unavailable, "who may come in cannot be asked now; try again");
}

}  // namespace simplechat::adapters::hook_http
