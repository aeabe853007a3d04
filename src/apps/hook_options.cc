#include "apps/hook_options.h"

#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <utility>

#include "adapters/hook_http/connect_hook.h"
#include "adapters/hook_http/send_hook.h"
#include "apps/service_main.h"

namespace simplechat::apps {
namespace {

using adapters::hook_http::HookOptions;
using adapters::hook_http::HookProof;

std::optional<std::string> check(const HookSettings& settings, const AuthSettings& auth) {
  const bool has_secret = !settings.secret.empty() || !settings.secret_file.empty();
  if (settings.connect_url.empty() && settings.send_url.empty()) {
    if (!has_secret && !settings.fail_open) return std::nullopt;
    return "hook-secret, hook-secret-file, hook-fail-open: only with hook-connect-url or hook-send-url";
  }
  if (!settings.secret.empty() && !settings.secret_file.empty()) {
    return "hook-secret, hook-secret-file: give one of them";
  }
  if (auth.kind == AuthKind::none && !settings.connect_url.empty() && settings.fail_open) {
    return "hook-fail-open: not with hook-connect-url and --auth none, where it would let anybody in as anybody";
  }
  for (const auto& [option, url] :
       {std::pair("hook-connect-url", &settings.connect_url), std::pair("hook-send-url", &settings.send_url)}) {
    if (url->empty()) continue;
    if (const auto problem = adapters::hook_http::check_hook_url(*url)) {
      return fmt::format("{} {}: {}", option, *url, *problem);
    }
  }
  return std::nullopt;
}

std::string read_secret(const HookSettings& settings) {
  if (settings.secret_file.empty()) return settings.secret;
  std::string secret = read_file(settings.secret_file);
  if (secret.empty()) throw std::runtime_error("hook-secret-file " + settings.secret_file + ": it is empty");
  return secret;
}

template <class Port, class Hook>
std::vector<std::unique_ptr<Port>> one_each(runtime::ReactorPool& reactors, const HookOptions& options,
                                            runtime::MetricsRegistry& metrics) {
  std::vector<std::unique_ptr<Port>> hooks;
  for (unsigned index = 0; index < reactors.size(); ++index) {
    hooks.push_back(std::make_unique<Hook>(reactors[index].executor(), options, metrics));
  }
  return hooks;
}

}  // namespace

void declare(runtime::Options& options, HookSettings& settings, const AuthSettings& auth) {
  options.text("hook-connect-url", settings.connect_url, "",
               "is asked who may come in: http://host[:port]/path, or https://");
  options.text("hook-send-url", settings.send_url, "",
               "is asked about each message: http://host[:port]/path, or https://");
  options.secret("hook-secret", settings.secret, "proves to the hooks that a gateway asks");
  options.text("hook-secret-file", settings.secret_file, "", "file that holds it");
  options.one_of<HookProof>("hook-proof", settings.proof, HookProof::signature,
                            {{"signature", HookProof::signature}, {"bearer", HookProof::bearer}},
                            "how: requests are signed with the secret, or it is shown as a bearer token");
  options.duration_ms("hook-timeout-ms", settings.timeout, std::chrono::seconds(1),
                      {std::chrono::milliseconds(10), std::chrono::seconds(30)}, "how long a hook may take");
  options.flag("hook-fail-open", settings.fail_open,
               "if a hook does not answer, let in whom --auth jwt lets in, and messages through");
  options.rule([&settings, &auth] { return check(settings, auth); });
}

Hooks::Hooks(const HookSettings& settings, runtime::TlsClient& tls, runtime::ReactorPool& reactors,
             runtime::MetricsRegistry& metrics) {
  HookOptions options{.url = {},
                      .secret = read_secret(settings),
                      .proof = settings.proof,
                      .deadline = settings.timeout,
                      .fail_open = settings.fail_open,
                      .tls = &tls};
  if (!settings.connect_url.empty()) {
    options.url = settings.connect_url;
    connect_ = one_each<chat::ConnectHook, adapters::hook_http::HttpConnectHook>(reactors, options, metrics);
  }
  if (!settings.send_url.empty()) {
    options.url = settings.send_url;
    send_ = one_each<chat::SendHook, adapters::hook_http::HttpSendHook>(reactors, options, metrics);
  }
}

}  // namespace simplechat::apps
