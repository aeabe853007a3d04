// The options by which a program speaks TLS, on its listeners and to the services that it calls; and TLS as it then is.
#pragma once

#include <memory>
#include <string>

#include "runtime/config.h"
#include "runtime/signals.h"
#include "runtime/tls_client.h"
#include "runtime/tls_context.h"

namespace simplechat::apps {

// Paths.
struct TlsOptions {
  std::string certificate;  // with its key; both empty: listeners speak without TLS
  std::string key;
  std::string client_authorities;  // empty: services need no certificate to call this one
  std::string authorities;         // of the services that are called; empty: those that the system trusts
};
void declare(runtime::Options& options, TlsOptions& tls);
// Of a program that calls other services over TLS.
void declare_authorities(runtime::Options& options, TlsOptions& tls);

// Whom the program believes, and that it shows its own certificate to those who ask.
[[nodiscard]] runtime::TlsTrust trust_of(const TlsOptions& tls);

// Outlives everything that speaks TLS with it. SIGHUP reads all files again; those that are no good are logged as an
// error, and the old ones stay.
class Tls {
 public:
  // Throws std::runtime_error naming the file that is no good.
  Tls(const TlsOptions& options, runtime::StopSignal& stop_signal);
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // For listeners that users reach, and for those that only services do. Null without TLS.
  [[nodiscard]] runtime::TlsContext* for_users() const { return for_users_.get(); }
  [[nodiscard]] runtime::TlsContext* for_services() const {
    return for_services_ ? for_services_.get() : for_users_.get();
  }
  [[nodiscard]] runtime::TlsClient& client() { return client_; }

 private:
  void reload();

  runtime::TlsClient client_;
  std::unique_ptr<runtime::TlsContext> for_users_;
  std::unique_ptr<runtime::TlsContext> for_services_;  // null where they need no certificates
};

}  // namespace simplechat::apps
