// The options of what clients may demand of a gateway (docs/limits.md).
#pragma once

#include <string>

#include "runtime/config.h"
#include "sv_websocket/admission.h"
#include "sv_websocket/limits.h"

namespace simplechat::apps {

struct LimitSettings {
  sv_websocket::LimitOptions limits;
  std::string allowed_origins;
  std::string trusted_proxies;
  sv_websocket::ProxyHeader proxy_header;

  // What the texts say; they have been checked while loading.
  [[nodiscard]] sv_websocket::AdmissionRules admission() const;
};

void declare(runtime::Options& options, LimitSettings& settings);

}  // namespace simplechat::apps
