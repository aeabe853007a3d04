// Port: which gateways hold a user.
//
// Records are leases. A gateway opens a lease for its incarnation (one run of its process) and keeps renewing it; a
// record counts only while the lease of the very incarnation that wrote it is alive, so a gateway that dies disappears
// with its lease and needs no cleaning up. Every change carries a fence, drawn by the gateway in the order in which its
// own state changed: a change older than what the directory holds for that (user, gateway, incarnation) has no effect,
// so a late disconnect never erases a newer record.
//
// The directory is also where the gateways get their common time from (see clock.h).
//
// Implementations: adapters/memory, adapters/redis (behind sv-discover), adapters/discover_http (a gateway's view of
// sv-discover). All pass adapters/contract/directory_contract.h. Every call ends within the implementation's deadline
// with a value or ErrorCode::unavailable; a call that failed may or may not have had its effect and may be repeated.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/error.h"
#include "chat/locations.h"
#include "chat/message.h"
#include "chat/task.h"

namespace simplechat::chat {

struct GatewayIdentity {
  std::string url;          // where other gateways reach its API, e.g. http://10.0.0.7:3002; unique in the cluster
  std::string incarnation;  // unique for each run of the process: 1 to 64 characters of a user id's alphabet

  bool operator==(const GatewayIdentity&) const = default;
};

struct RecordChange {
  std::string user;
  bool present = true;  // true: the gateway holds the user; false: it no longer does
  std::uint64_t fence = 0;
};

struct LeaseState {
  // Names the moment since which the lease has held without a gap: 1 to 64 printable ASCII characters. When it is not
  // that of the renewal before, the directory does not hold what this incarnation registered earlier (its first
  // renewal, an expired lease, a directory that lost its data), and the gateway must register all its users again. As
  // it stays the same until the next gap, it tells so also when the answer of the renewal that opened the lease was
  // lost.
  std::string opening;
  // Another number than at the renewal before: meanwhile a lease ran out, or was replaced by a newer incarnation's,
  // that nobody had closed. Who held it may have gone with something left to tell to sessions of any gateway.
  std::int64_t deaths = 0;
  // The directory's clock, in microseconds since the Unix epoch, read during the call; 0 if it does not tell.
  Timestamp now = 0;
};

class Directory {
 public:
  virtual ~Directory() = default;

  // Opens the gateway's lease or extends it to `lease` from now. A newer incarnation replaces an older one of the same
  // url.
  virtual Task<Result<LeaseState>> renew(const GatewayIdentity& gateway, std::chrono::milliseconds lease) = 0;

  // Applies the changes in order. Records may be written before the lease is open; they count once it is. Returns the
  // directory's clock, read during the call, as LeaseState::now.
  virtual Task<Result<Timestamp>> apply(const GatewayIdentity& gateway, std::span<const RecordChange> changes) = 0;

  // For each user, in the order asked, the gateways that hold it (none: offline). A user may be on several.
  virtual Task<Result<Locations>> locate(std::span<const std::string> users) = 0;

  // Ends the lease of this incarnation and with it all its records. No effect if another incarnation holds the url.
  virtual Task<Result<void>> close(const GatewayIdentity& gateway) = 0;
};

}  // namespace simplechat::chat
