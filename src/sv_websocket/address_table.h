// How many connections there are from each address, and how many are opened in a second: what keeps one address from
// taking the places of all others. And how often each user asks for something over HTTP.
//
// Shared by a gateway's reactors; thread-safe but for sweep(), which one of them calls. An address is remembered as
// long as it has a connection, or has opened one in the last seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/sharded_map.h"
#include "sv_websocket/rate_limit.h"

namespace simplechat::sv_websocket {

// Who is counted as one client (IpAddress::subscriber()); 0: nobody, as whom a trusted proxy speaks for is not known.
using AddressKey = std::uint64_t;

class AddressTable {
 public:
  struct Limits {
    std::uint32_t connections_max;  // of one address; 0: no limit
    RateLimit handshakes;           // of one address, in kFrameUnits
  };
  enum class Entry : std::uint8_t { taken, too_many, too_fast };

  explicit AddressTable(Limits limits) : limits_(limits) {}

  // A plain connection. False if there are as many as may be. Each true is followed by one leave().
  [[nodiscard]] bool enter(AddressKey address);
  // A WebSocket. `taken` is followed by one leave().
  [[nodiscard]] Entry enter(AddressKey address, std::uint32_t now_ms);
  void leave(AddressKey address);

  // Forgets some of those who are gone; called some times a second.
  void sweep(std::uint32_t now_ms);

  [[nodiscard]] std::size_t addresses() const { return addresses_.size(); }

 private:
  struct Address {
    std::uint32_t connections = 0;
    RateBucket handshakes;

    friend bool operator==(const Address&, const Address&) = default;
  };

  const Limits limits_;
  runtime::ShardedMap<Address> addresses_;
};

// How often each of many asks. One who has not asked for some seconds is forgotten.
class RateTable {
 public:
  explicit RateTable(RateLimit limit) : limit_(limit) {}

  // 0, or after how many milliseconds it may ask.
  [[nodiscard]] std::uint32_t take(std::string_view who, std::uint32_t units, std::uint32_t now_ms);
  void sweep(std::uint32_t now_ms);

  [[nodiscard]] std::size_t size() const { return buckets_.size(); }

 private:
  const RateLimit limit_;
  runtime::ShardedMap<RateBucket> buckets_;
};

// What the reactors of a gateway know of its clients together.
struct ClientTables {
  AddressTable addresses;
  RateTable requests;  // over HTTP, by user
  RateTable messages;  // of all sessions, by user

  // From one reactor only, some times a second.
  void sweep(std::uint32_t now_ms) {
    addresses.sweep(now_ms);
    requests.sweep(now_ms);
    messages.sweep(now_ms);
  }
};

}  // namespace simplechat::sv_websocket
