// Ports: the message store. Gateways read it (MessageReader); the writer also appends (MessageStore).
//
// Implementations: adapters/memory, adapters/sqlite, adapters/postgres (behind sv-persist), adapters/persist_http (a
// gateway's read-only view of sv-persist). All pass adapters/contract/store_contract.h. Every call ends within the
// implementation's deadline with a value, ErrorCode::unavailable (may be repeated), ErrorCode::bad_frame (a cursor that
// is none of ours) or, append() alone, ErrorCode::internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chat/error.h"
#include "chat/records.h"
#include "chat/task.h"

namespace simplechat::chat {

inline constexpr int kPageSizeMax = 200;
inline constexpr int kPageSizeDefault = 50;
// Bytes of payload in one page; of a page of conversations, those of the last messages. A page ends, with `more`,
// before what would exceed them, and paging on gives the rest. It holds one message at least, and where pages are asked
// for by an `at`, all of one `at`, whatever their bytes. chat/page_bounds.h has the rule.
inline constexpr std::size_t kPageBytesMax = std::size_t{1024} * 1024;
// Unread messages are counted up to this many; a client shows "999+" beyond.
inline constexpr int kUnreadCountMax = 1000;
// Messages that one contains_all() asks for. More is the caller's fault: nobody else chooses the number.
inline constexpr std::size_t kContainsKeysMax = 256;

// At most one of before and after. Without either: the latest page.
struct HistoryQuery {
  std::string user;
  std::string with;
  std::optional<Timestamp> before;  // messages with at < before, the latest ones of them
  std::optional<Timestamp> after;   // messages with at > after, the earliest ones of them
  int limit = kPageSizeDefault;     // 1 to kPageSizeMax
};

struct HistoryPage {
  MessageBatch messages;  // ascending by (at, from, id)
  bool more = false;      // there are further ones in the direction asked
};

struct SyncQuery {
  std::string user;
  std::string
      cursor;  // empty the first time, else as returned by the page before: opaque, printable ASCII, at most 128 bytes
  int limit = kPageSizeDefault;
  // Instead of a cursor: no messages, only the cursor behind all that are committed now, for a client that reads those
  // from the history.
  bool latest = false;
};

// All messages of the user's conversations, sent or received, in commit order: each committed message appears in
// exactly one page of a chain of cursors, whatever the order in which concurrent writers committed.
struct SyncPage {
  MessageBatch messages;
  std::string cursor;
  bool more = false;
  // There are later ones that have no place in the order yet: behind the cursor, before long.
  bool withheld = false;
};

struct ConversationsQuery {
  std::string user;
  std::optional<Timestamp> before;  // conversations whose last message has at < before
  int limit = kPageSizeDefault;
};

struct Conversation {
  std::string with;
  Message last;
  int unread = 0;         // messages from others after read_at, at most kUnreadCountMax
  Timestamp read_at = 0;  // the user's own marks; 0: none
  Timestamp received_at = 0;
  Timestamp peer_read_at = 0;  // the other side's marks in a conversation of two; 0 in groups
  Timestamp peer_received_at = 0;
};

struct ConversationsPage {
  std::vector<Conversation> conversations;  // newest last message first
  bool more = false;
};

// What a store tells a message from another by. (from, to) and (to, from) are different messages of one conversation.
struct MessageKey {
  std::string from;
  std::string to;
  std::string id;

  bool operator==(const MessageKey&) const = default;
};

class MessageReader {
 public:
  virtual ~MessageReader() = default;

  virtual Task<Result<HistoryPage>> history(const HistoryQuery& query) = 0;
  virtual Task<Result<ConversationsPage>> conversations(const ConversationsQuery& query) = 0;
  virtual Task<Result<SyncPage>> sync(const SyncQuery& query) = 0;
  // Whether every one of these messages is committed; true of none. At most kContainsKeysMax keys, which must live
  // until the call ends. Cheap: a probe of the unique index for each, so that it may be asked several times a second.
  virtual Task<Result<bool>> contains_all(std::span<const MessageKey> keys) = 0;
};

class MessageStore : public MessageReader {
 public:
  // Stores the batch in one transaction and ends after its durable commit. Idempotent: a message whose (from, to, id)
  // is stored already changes nothing (the first `at` and payload stay), also within one batch; a mark only ever rises.
  // Error `internal`: the store refuses something in the batch for good, and nothing of the batch was stored; repeating
  // it as it is cannot help.
  virtual Task<Result<void>> append(const RecordBatch& batch) = 0;
};

}  // namespace simplechat::chat
