// Asks the embedding application over HTTP (hook_client.h) who may come in:
//
//   POST <url>
//   {"user":"alice","token":"...","remoteAddress":"10.0.0.7"}
//
//   200  {"allow":true}  or  {"allow":true,"user":"alice-7"}  or  {"allow":false,"reason":"..."}
//
// Without an answer nobody is let in (`unavailable`), unless `fail_open`, which lets in whom the authenticator lets in.
// One object per reactor; lives there.
#pragma once

#include "adapters/hook_http/hook_client.h"
#include "chat/connect_hook.h"

namespace simplechat::adapters::hook_http {

class HttpConnectHook final : public chat::ConnectHook {
 public:
  static constexpr std::size_t kAnswerBytesMax = std::size_t{16} * 1024;

  HttpConnectHook(const boost::asio::any_io_executor& executor, const HookOptions& options,
                  runtime::MetricsRegistry& metrics);

  chat::Task<chat::Result<std::string>> ask(chat::ConnectRequest request) override;

 private:
  HookClient client_;
};

}  // namespace simplechat::adapters::hook_http
