#include "apps/tls_options.h"

#include <optional>

#include "runtime/log.h"

namespace simplechat::apps {

void declare(runtime::Options& options, TlsOptions& tls) {
  options.text("tls-cert", tls.certificate, "",
               "PEM file with the certificate and its chain: listeners then speak TLS");
  options.text("tls-key", tls.key, "", "PEM file with the certificate's key");
  options.rule([&tls]() -> std::optional<std::string> {
    if (tls.certificate.empty() == tls.key.empty()) return std::nullopt;
    return "tls-cert, tls-key: give both of them, or none";
  });
}

std::unique_ptr<runtime::TlsContext> make_tls(const TlsOptions& tls, runtime::StopSignal& stop_signal) {
  if (tls.certificate.empty()) return nullptr;
  auto context =
      std::make_unique<runtime::TlsContext>(runtime::TlsFiles{.certificate = tls.certificate, .key = tls.key});
  stop_signal.on_hangup([&context = *context] {
    const auto reloaded = context.reload();
    if (!reloaded) runtime::log::error("tls_reload_failed", {{"reason", reloaded.error()}});
  });
  return context;
}

}  // namespace simplechat::apps
