// The options by which a program's listeners speak TLS, and the reading anew of their files on SIGHUP.
#pragma once

#include <memory>
#include <string>

#include "runtime/config.h"
#include "runtime/signals.h"
#include "runtime/tls_context.h"

namespace simplechat::apps {

// Paths; both empty: no TLS.
struct TlsOptions {
  std::string certificate;
  std::string key;
};
void declare(runtime::Options& options, TlsOptions& tls);

// What the listeners are made with, to be kept as long as they are; null without TLS. Throws std::runtime_error naming
// the file that is no good. From then on SIGHUP reads the files again.
[[nodiscard]] std::unique_ptr<runtime::TlsContext> make_tls(const TlsOptions& tls, runtime::StopSignal& stop_signal);

}  // namespace simplechat::apps
