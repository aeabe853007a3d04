#include "adapters/hook_http/send_hook.h"

#include <utility>

#include "wire/hook_body.h"

namespace simplechat::adapters::hook_http {

HttpSendHook::HttpSendHook(const boost::asio::any_io_executor& executor, const HookOptions& options,
                           runtime::MetricsRegistry& metrics)
    : client_(executor, options, "send_hook", kAnswerBytesMax, metrics),
      replaced_(metrics.counter("send_hook_replaced_total", "Messages whose text the application replaced")) {}

chat::Task<chat::Result<std::string>> HttpSendHook::ask(chat::Message message) {
  auto answer = co_await client_.ask(wire::encode_send_request(message.view()), wire::parse_send_answer);
  if (answer && answer->allow) {
    if (!answer->payload) co_return std::move(message.payload);
    replaced_.add();
    co_return *std::move(answer->payload);
  }
  if (answer) {
    co_return chat::fail(chat::ErrorCode::forbidden,
                         HookClient::reason(std::move(answer->reason), "the application does not allow this message"));
  }
  if (client_.fail_open()) co_return std::move(message.payload);
  co_return chat::fail(chat::ErrorCode::unavailable,
                       "not accepted: the application, which decides on messages, does not answer; send it again");
}

}  // namespace simplechat::adapters::hook_http
