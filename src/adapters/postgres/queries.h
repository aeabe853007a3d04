// The SQL of PostgresReader with the columns of its results, and the statements that store messages.
#pragma once

#include "adapters/postgres/connection.h"

namespace simplechat::adapters::postgres {

namespace columns {

// In the same place in every result.
inline constexpr int kSender = 0;
inline constexpr int kId = 1;
inline constexpr int kAt = 2;
inline constexpr int kPayload = 3;
inline constexpr int kConversation = 4;

inline constexpr int kHistoryMore = 4;

inline constexpr int kReadAt = 5;
inline constexpr int kReceivedAt = 6;
inline constexpr int kPeerReadAt = 7;
inline constexpr int kPeerReceivedAt = 8;
inline constexpr int kUnread = 9;
inline constexpr int kConversationsMore = 10;

inline constexpr int kCommitXid = 5;
inline constexpr int kOrdinal = 6;
inline constexpr int kCursorIsPast = 7;
inline constexpr int kFound = 8;     // messages that may be shown, before kPageBytesMax ended the page
inline constexpr int kWithheld = 9;  // whether there are others

}  // namespace columns

// The bounds of a page are those of chat::PageBounds, in SQL, so that what is beyond kPageBytesMax does not leave the
// database: a row's `bytes` are the payload bytes of the page if it ended with this row, and the first row's `place` is
// 1. Rows of one `at` share both, because the window's frame ends with the last of them.

// $1 conversation, $2 bound, $3 limit, $4 bytes. Messages of one `at` are never split between pages (WITH TIES),
// because a page is asked for by an `at`.
inline constexpr Statement kHistoryBefore{"history_before", R"sql(
WITH asked AS MATERIALIZED (
  SELECT id FROM conversation WHERE key = $1::text),
latest AS (
  SELECT sender, id, at, payload FROM message
  WHERE conversation = (SELECT id FROM asked) AND at < $2::bigint
  ORDER BY at DESC FETCH FIRST ($3::bigint) ROWS WITH TIES),
page AS MATERIALIZED (
  SELECT * FROM (
    SELECT *, rank() OVER by_at AS place, sum(octet_length(payload)) OVER by_at AS bytes
    FROM latest WINDOW by_at AS (ORDER BY at DESC)) AS measured
  WHERE place = 1 OR bytes <= $4::bigint)
SELECT sender, id, at, payload,
  EXISTS (SELECT FROM message WHERE conversation = (SELECT id FROM asked) AND at < (SELECT min(at) FROM page))
FROM page ORDER BY at, sender, id
)sql"};

inline constexpr Statement kHistoryAfter{"history_after", R"sql(
WITH asked AS MATERIALIZED (
  SELECT id FROM conversation WHERE key = $1::text),
earliest AS (
  SELECT sender, id, at, payload FROM message
  WHERE conversation = (SELECT id FROM asked) AND at > $2::bigint
  ORDER BY at FETCH FIRST ($3::bigint) ROWS WITH TIES),
page AS MATERIALIZED (
  SELECT * FROM (
    SELECT *, rank() OVER by_at AS place, sum(octet_length(payload)) OVER by_at AS bytes
    FROM earliest WINDOW by_at AS (ORDER BY at)) AS measured
  WHERE place = 1 OR bytes <= $4::bigint)
SELECT sender, id, at, payload,
  EXISTS (SELECT FROM message WHERE conversation = (SELECT id FROM asked) AND at > (SELECT max(at) FROM page))
FROM page ORDER BY at, sender, id
)sql"};

// $1 user, $2 before, $3 limit, $4 unread messages counted at most, $5 bytes. The last message of each conversation is
// one index probe; marks and unread counts are read for the page alone.
inline constexpr Statement kConversations{"conversations", R"sql(
WITH listed AS MATERIALIZED (
  SELECT last.sender, last.id, last.at, last.payload, member.conversation
  FROM member CROSS JOIN LATERAL (
    SELECT sender, id, at, payload FROM message
    WHERE message.conversation = member.conversation
    ORDER BY at DESC, sender DESC, id DESC LIMIT 1) AS last
  WHERE member.user_id = $1::text AND last.at < $2::bigint),
newest AS (
  SELECT * FROM listed ORDER BY at DESC FETCH FIRST ($3::bigint) ROWS WITH TIES),
page AS MATERIALIZED (
  SELECT * FROM (
    SELECT *, rank() OVER by_at AS place, sum(octet_length(payload)) OVER by_at AS bytes
    FROM newest WINDOW by_at AS (ORDER BY at DESC)) AS measured
  WHERE place = 1 OR bytes <= $5::bigint)
SELECT page.sender, page.id, page.at, page.payload, conversation.key,
  coalesce(own.read_at, 0), coalesce(own.received_at, 0), coalesce(peer.read_at, 0), coalesce(peer.received_at, 0),
  (SELECT count(*) FROM (
     SELECT FROM message
     WHERE message.conversation = page.conversation AND message.at > coalesce(own.read_at, 0)
       AND message.sender <> $1::text
     LIMIT $4::bigint) AS unread),
  (SELECT count(*) FROM listed) > (SELECT count(*) FROM page)
FROM page
JOIN conversation ON conversation.id = page.conversation
LEFT JOIN mark AS own ON own.conversation = page.conversation AND own.user_id = $1::text
LEFT JOIN mark AS peer ON peer.conversation = page.conversation AND peer.user_id <> $1::text
  AND left(conversation.key, 1) <> '#'
ORDER BY page.at DESC, conversation.key
)sql"};

// $1 user, $2 commit_xid and $3 ordinal of the cursor, $4 messages at most, $5 bytes. One row at least: without
// messages its message columns are null. Only transactions below the oldest that still runs are shown, because every
// one of those has ended: nothing can appear behind the cursor later. Rows of the others, withheld, come last.
inline constexpr Statement kSync{"sync", R"sql(
SELECT page.sender, page.id, page.at, page.payload, conversation.key, page.commit_xid, page.ordinal,
  snapshot.next > $2::xid8, page.found, page.withheld
FROM (SELECT pg_snapshot_xmin(now) AS settled, pg_snapshot_xmax(now) AS next
      FROM pg_current_snapshot() AS now) AS snapshot
LEFT JOIN LATERAL (
  SELECT *, row_number() OVER in_order AS place, sum(octet_length(payload)) OVER in_order AS bytes,
    count(*) FILTER (WHERE commit_xid < snapshot.settled) OVER () AS found,
    bool_or(commit_xid >= snapshot.settled) OVER () AS withheld
  FROM (
    SELECT later.* FROM member CROSS JOIN LATERAL (
      SELECT sender, id, at, payload, conversation, commit_xid, ordinal FROM message
      WHERE message.conversation = member.conversation
        AND (commit_xid, ordinal) > ($2::xid8, $3::bigint)
      ORDER BY commit_xid, ordinal LIMIT $4::bigint) AS later
    WHERE member.user_id = $1::text
    ORDER BY later.commit_xid, later.ordinal LIMIT $4::bigint) AS next_ones
  WINDOW in_order AS (ORDER BY commit_xid, ordinal)) AS page ON page.place = 1 OR page.bytes <= $5::bigint
LEFT JOIN conversation ON conversation.id = page.conversation
ORDER BY page.commit_xid, page.ordinal
)sql"};

// $1 user. The place of the latest of the user's messages that kSync would give; no row if there is none. A message's
// place, for the reason that `Position` has.
inline constexpr Statement kSyncLatest{"sync_latest", R"sql(
SELECT latest.commit_xid, latest.ordinal
FROM member CROSS JOIN LATERAL (
  SELECT commit_xid, ordinal FROM message
  WHERE message.conversation = member.conversation AND commit_xid < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY commit_xid DESC, ordinal DESC LIMIT 1) AS latest
WHERE member.user_id = $1::text
ORDER BY latest.commit_xid DESC, latest.ordinal DESC LIMIT 1
)sql"};

// $1 conversations, $2 senders, $3 ids. How many of the messages are there, each a probe of the primary key.
inline constexpr Statement kCountStored{"count_stored", R"sql(
SELECT count(*)
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (key, sender, id)
JOIN conversation USING (key)
JOIN message ON (message.conversation, message.sender, message.id) = (conversation.id, asked.sender, asked.id)
)sql"};

// $1 ordinals, $2 times, $3 conversations, $4 senders, $5 ids, $6 payloads; no row twice.
inline constexpr Statement kInsertMessages{
    "insert_messages",
    "INSERT INTO message (ordinal, at, conversation, sender, id, payload) "
    "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bytea[])"};
// Of the same, those that are not stored yet.
inline constexpr Statement kInsertNewMessages{
    "insert_new_messages",
    "INSERT INTO message (ordinal, at, conversation, sender, id, payload) "
    "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bytea[]) "
    "ON CONFLICT (conversation, sender, id) DO NOTHING"};

}  // namespace simplechat::adapters::postgres
