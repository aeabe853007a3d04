// What the clients of one seed did and saw, for the checks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "chat/message.h"
#include "chat/message_store.h"
#include "world.h"

namespace simplechat::sim {

using chat::MessageKey;

struct KeyOrder {
  bool operator()(const MessageKey& a, const MessageKey& b) const {
    return std::tie(a.from, a.to, a.id) < std::tie(b.from, b.to, b.id);
  }
};

struct Sent {
  std::string payload;
  TimePoint at{};  // when its client sent it first
  bool acked = false;
  // The message that it answers, and the time which that had when the client saw it.
  std::optional<MessageKey> answers;
  chat::Timestamp answered_at = 0;
};

struct Synced {
  MessageKey key;
  std::string payload;
  chat::Timestamp at = 0;
};

// Of one client (a user's device), over all its connections.
struct Seen {
  std::string user;
  std::string name;
  std::set<MessageKey, KeyOrder> messages;  // live, by sync, or written here
  std::vector<Synced> chain;                // by sync alone, page after page
  std::optional<TimePoint> registered_since;
  bool synced_to_end = false;  // by the last sync
};

struct Journal {
  std::map<MessageKey, Sent, KeyOrder> sent;
  std::vector<std::string> complaints;  // of clients that were answered against the contract
};

}  // namespace simplechat::sim
