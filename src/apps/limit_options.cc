#include "apps/limit_options.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

namespace simplechat::apps {
namespace {

using std::chrono::milliseconds;
using sv_websocket::AllowedOrigins;
using sv_websocket::LimitOptions;
using sv_websocket::ProxyHeader;
using sv_websocket::TrustedProxies;

// Beyond it a bucket would overflow.
constexpr std::uint32_t kFramesPerSecondMax = 500'000;
constexpr std::uint32_t kBytesPerSecondMax = 500 * 1024 * 1024;
// A session that is slowed down for longer could not answer pings in time.
constexpr std::uint32_t kBytesPerSecondMin = 16 * 1024;
constexpr std::size_t kBuffersBytesMin = std::size_t{1024} * 1024;

std::optional<std::string> check(const LimitSettings& settings) {
  const auto origins = AllowedOrigins::parse(settings.allowed_origins);
  if (!origins) return "allowed-origins: " + origins.error();
  const auto proxies = TrustedProxies::parse(settings.trusted_proxies, settings.proxy_header);
  if (!proxies) return "trusted-proxies: " + proxies.error();
  const LimitOptions& limits = settings.limits;
  if (limits.session_bytes_per_second != 0 && limits.session_bytes_per_second < kBytesPerSecondMin) {
    return fmt::format("session-bytes-per-second {}: must be 0, which is no limit, or {} at least",
                       limits.session_bytes_per_second, kBytesPerSecondMin);
  }
  if (limits.buffers_bytes_max != 0 && limits.buffers_bytes_max < kBuffersBytesMin) {
    return fmt::format("buffers-bytes-max {}: must be 0, which is no limit, or {} at least", limits.buffers_bytes_max,
                       kBuffersBytesMin);
  }
  return std::nullopt;
}

}  // namespace

void declare(runtime::Options& options, LimitSettings& settings) {
  LimitOptions& limits = settings.limits;
  const LimitOptions defaults;
  options.integer<std::uint32_t>("session-frames-per-second", limits.session_frames_per_second,
                                 defaults.session_frames_per_second, {0, kFramesPerSecondMax},
                                 "frames that a connection may send; 0: no limit");
  options.integer<std::uint32_t>("session-bytes-per-second", limits.session_bytes_per_second,
                                 defaults.session_bytes_per_second, {0, kBytesPerSecondMax},
                                 "bytes that are read from a connection; 0: no limit");
  options.bytes("buffers-bytes-max", limits.buffers_bytes_max, defaults.buffers_bytes_max,
                {0, std::numeric_limits<std::int64_t>::max()},
                "what may wait in the buffers of all connections together; 0: no limit");
  options.duration_ms("register-timeout-ms", limits.register_timeout, defaults.register_timeout,
                      {milliseconds(0), milliseconds(600'000)},
                      "how long a connection may stay without a register; 0: no limit");
  options.integer<std::uint32_t>("connections-per-address-max", limits.connections_per_address_max,
                                 defaults.connections_per_address_max, {0, 10'000'000},
                                 "connections from one address, or one IPv6 /64; 0: no limit");
  options.integer<std::uint32_t>("handshakes-per-second", limits.handshakes_per_second, defaults.handshakes_per_second,
                                 {0, kFramesPerSecondMax}, "WebSockets that are opened in all; 0: no limit");
  options.integer<std::uint32_t>("handshakes-per-address-per-second", limits.handshakes_per_address_per_second,
                                 defaults.handshakes_per_address_per_second, {0, kFramesPerSecondMax},
                                 "WebSockets that one address opens; 0: no limit");
  options.integer<std::uint32_t>("user-requests-per-second", limits.user_requests_per_second,
                                 defaults.user_requests_per_second, {0, kFramesPerSecondMax},
                                 "requests of one user over HTTP; 0: no limit");
  options.integer<std::uint32_t>("user-messages-per-second", limits.user_messages_per_second,
                                 defaults.user_messages_per_second, {0, kFramesPerSecondMax},
                                 "messages of one user's sessions on this gateway together; 0: no limit");
  options.integer<std::uint32_t>("user-sessions-max", limits.user_sessions_max, defaults.user_sessions_max,
                                 {0, 1'000'000}, "sessions of one user on one reactor; 0: no limit");
  options.text("allowed-origins", settings.allowed_origins, "same",
               "pages that may open a WebSocket: same (of the same host), *, or origins separated by commas");
  options.text("trusted-proxies", settings.trusted_proxies, "127.0.0.0/8,::1",
               "addresses and ranges whose word on the client's address is taken; none: nobody's");
  options.one_of<ProxyHeader>(
      "proxy-header", settings.proxy_header, ProxyHeader::x_forwarded_for,
      {{"x-forwarded-for", ProxyHeader::x_forwarded_for}, {"forwarded", ProxyHeader::forwarded}},
      "the header in which they say it");
  options.rule([&settings] { return check(settings); });
}

sv_websocket::AdmissionRules LimitSettings::admission() const {
  return {.origins = AllowedOrigins::parse(allowed_origins).value(),
          .proxies = TrustedProxies::parse(trusted_proxies, proxy_header).value()};
}

}  // namespace simplechat::apps
