#include "apps/tls_options.h"

#include <expected>
#include <optional>

#include "runtime/log.h"

namespace simplechat::apps {
namespace {

std::unique_ptr<runtime::TlsContext> make_context(const TlsOptions& options, const std::string& client_authorities) {
  return std::make_unique<runtime::TlsContext>(runtime::TlsFiles{
      .certificate = options.certificate, .key = options.key, .client_authorities = client_authorities});
}

void log_failure(const std::expected<void, std::string>& reloaded) {
  if (!reloaded) runtime::log::error("tls_reload_failed", {{"reason", reloaded.error()}});
}

}  // namespace

void declare(runtime::Options& options, TlsOptions& tls) {
  options.text("tls-cert", tls.certificate, "",
               "PEM file with the certificate and its chain: listeners then speak TLS");
  options.text("tls-key", tls.key, "", "PEM file with the certificate's key");
  options.text("tls-client-ca", tls.client_authorities, "",
               "PEM file with the authorities of services: they then need a certificate to call this one");
  options.rule([&tls]() -> std::optional<std::string> {
    if (tls.certificate.empty() != tls.key.empty()) return "tls-cert, tls-key: give both of them, or none";
    if (!tls.client_authorities.empty() && tls.certificate.empty()) return "tls-client-ca: needs tls-cert and tls-key";
    return std::nullopt;
  });
}

void declare_authorities(runtime::Options& options, TlsOptions& tls) {
  options.text("tls-ca", tls.authorities, "",
               "PEM file with the authorities that called services are verified by over TLS; default: the system's");
}

runtime::TlsTrust trust_of(const TlsOptions& tls) {
  return {.authorities = tls.authorities, .certificate = tls.certificate, .key = tls.key};
}

Tls::Tls(const TlsOptions& options, runtime::StopSignal& stop_signal)
    : client_(trust_of(options)),
      for_users_(options.certificate.empty() ? nullptr : make_context(options, {})),
      for_services_(options.client_authorities.empty() ? nullptr : make_context(options, options.client_authorities)) {
  if (for_users_) stop_signal.on_hangup([this] { reload(); });
}

void Tls::reload() {
  log_failure(client_.reload());
  log_failure(for_users_->reload());
  if (for_services_) log_failure(for_services_->reload());
}

}  // namespace simplechat::apps
