// Asks the embedding application over HTTP (hook_client.h) about a message:
//
//   POST <url>
//   {"from":"alice","to":"bob","id":"7","payload":"hi"}
//
//   200  {"allow":true}  or  {"allow":true,"payload":"***"}  or  {"allow":false,"reason":"..."}
//
// Without an answer the message is not accepted (`unavailable`), unless `fail_open`, which lets it go on as it is. One
// object per reactor; lives there.
#pragma once

#include "adapters/hook_http/hook_client.h"
#include "chat/limits.h"
#include "chat/send_hook.h"

namespace simplechat::adapters::hook_http {

class HttpSendHook final : public chat::SendHook {
 public:
  static constexpr std::size_t kAnswerBytesMax = chat::limits::kClientFrameBytesMax;  // an answer may have a payload

  HttpSendHook(const boost::asio::any_io_executor& executor, const HookOptions& options,
               runtime::MetricsRegistry& metrics);

  chat::Task<chat::Result<std::string>> ask(chat::Message message) override;

 private:
  HookClient client_;
  runtime::Counter& replaced_;
};

}  // namespace simplechat::adapters::hook_http
