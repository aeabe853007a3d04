// Where the embedding application decides: the options of its hooks, and the adapters that ask it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "adapters/hook_http/hook_client.h"
#include "apps/auth_options.h"
#include "chat/connect_hook.h"
#include "chat/send_hook.h"
#include "runtime/config.h"
#include "runtime/metrics.h"
#include "runtime/reactor.h"
#include "runtime/tls_client.h"

namespace simplechat::apps {

struct HookSettings {
  std::string connect_url;
  std::string send_url;
  std::string secret;
  std::string secret_file;
  adapters::hook_http::HookProof proof;
  std::chrono::milliseconds timeout;
  bool fail_open;
};

// Options, with the rules that nothing of it is given without a hook, and that a connect hook fails closed where `auth`
// lets everybody in.
void declare(runtime::Options& options, HookSettings& settings, const AuthSettings& auth);

// The hooks of each reactor. Lives in the program's serve(), from before the gateway to its end.
class Hooks {
 public:
  // Throws std::runtime_error naming a secret's file that cannot be read or is empty. `tls` outlives it.
  Hooks(const HookSettings& settings, runtime::TlsClient& tls, runtime::ReactorPool& reactors,
        runtime::MetricsRegistry& metrics);

  // nullptr if there is none.
  [[nodiscard]] chat::ConnectHook* connect(unsigned reactor) const { return of(connect_, reactor); }
  [[nodiscard]] chat::SendHook* send(unsigned reactor) const { return of(send_, reactor); }

 private:
  template <class Hook>
  [[nodiscard]] static Hook* of(const std::vector<std::unique_ptr<Hook>>& hooks, unsigned reactor) {
    return hooks.empty() ? nullptr : hooks[reactor].get();
  }

  std::vector<std::unique_ptr<chat::ConnectHook>> connect_;  // by reactor
  std::vector<std::unique_ptr<chat::SendHook>> send_;        // by reactor
};

}  // namespace simplechat::apps
