#include "sv_websocket/address_table.h"

#include <array>
#include <bit>

#include "sv_websocket/limits.h"

namespace simplechat::sv_websocket {
namespace {

// The map's key.
class KeyText {
 public:
  explicit KeyText(AddressKey address) : bytes_(std::bit_cast<Bytes>(address)) {}
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  using Bytes = std::array<char, sizeof(AddressKey)>;
  Bytes bytes_;
};

}  // namespace

bool AddressTable::enter(AddressKey address) {
  if (address == 0) return true;
  return addresses_.update(KeyText(address).view(), [this](Address& entry, std::uint64_t /*serial*/) {
    if (limits_.connections_max != 0 && entry.connections >= limits_.connections_max) return false;
    ++entry.connections;
    return true;
  });
}

AddressTable::Entry AddressTable::enter(AddressKey address, std::uint32_t now_ms) {
  if (address == 0) return Entry::taken;
  return addresses_.update(KeyText(address).view(), [&](Address& entry, std::uint64_t /*serial*/) {
    if (limits_.connections_max != 0 && entry.connections >= limits_.connections_max) return Entry::too_many;
    if (entry.handshakes.take(limits_.handshakes, kFrameUnits, now_ms) != 0) return Entry::too_fast;
    ++entry.connections;
    return Entry::taken;
  });
}

void AddressTable::leave(AddressKey address) {
  if (address == 0) return;
  addresses_.update(KeyText(address).view(),
                    [](Address& entry, std::uint64_t /*serial*/) { return --entry.connections; });
}

void AddressTable::sweep(std::uint32_t now_ms) {
  addresses_.sweep(
      [&](Address& entry) { return entry.connections == 0 && entry.handshakes.empty(limits_.handshakes, now_ms); });
}

std::uint32_t RateTable::take(std::string_view who, std::uint32_t units, std::uint32_t now_ms) {
  if (limit_.per_ms == 0) return 0;
  return buckets_.update(
      who, [&](RateBucket& bucket, std::uint64_t /*serial*/) { return bucket.take(limit_, units, now_ms); });
}

void RateTable::sweep(std::uint32_t now_ms) {
  buckets_.sweep([&](RateBucket& bucket) { return bucket.empty(limit_, now_ms); });
}

}  // namespace simplechat::sv_websocket
