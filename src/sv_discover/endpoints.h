// The directory over HTTP, for one reactor: the batched, leased and fenced calls of the gateways under /v1/ (bodies:
// wire/directory_body.h), what is revoked (wire/revocation_body.h), who has blocked
// whom (wire/block_body.h), and the original SimpleChat's /get, /set and /del.
//
// The original's records have no lease: POST /set writes a plain record, which stays until DELETE /del removes it or a
// day passes without a write, and which no gateway's record is touched by. GET /get answers with a gateway that holds
// the user under a live lease (of several the first in byte order), else with the plain record, else null.
#pragma once

#include <string>

#include "chat/blocks.h"
#include "chat/directory.h"
#include "chat/plain_records.h"
#include "chat/revocations.h"
#include "runtime/http.h"
#include "sv_discover/locator.h"
#include "sv_discover/probe.h"

namespace simplechat::sv_discover {

struct EndpointParts {
  chat::Directory& directory;
  chat::PlainRecords& plain_records;
  chat::Revocations& revocations;
  chat::Blocks& blocks;
  Locator& locator;
  Probe& probe;
  std::string cluster_secret;  // asked of every request as a bearer token; empty: not asked
};

// `parts` refers to objects that outlive `routes`.
void add_endpoints(runtime::HttpRoutes& routes, const EndpointParts& parts);

}  // namespace simplechat::sv_discover
