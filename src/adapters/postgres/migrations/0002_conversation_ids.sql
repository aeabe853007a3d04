-- Rows name their conversation by a number: its key is up to 129 bytes, and stood in each row and in three of its
-- indexes, where comparing it was a third of what storing a message cost.
--
-- Rewrites all messages, which takes some 8 s a million, during which nothing is stored or read. A program of before
-- is refused by the server afterwards, and so waits until it is updated; what it has taken stays in the queue.
CREATE TABLE conversation (
  id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key text   COLLATE "C" NOT NULL UNIQUE  -- chat::conversation_key()
);
INSERT INTO conversation (key)
SELECT conversation FROM message UNION SELECT conversation FROM member UNION SELECT conversation FROM mark ORDER BY 1;

ALTER TABLE message RENAME TO old_message;
CREATE TABLE message (
  commit_xid   xid8   NOT NULL DEFAULT pg_current_xact_id(),
  ordinal      bigint NOT NULL,
  at           bigint NOT NULL,  -- microseconds since the Unix epoch
  conversation bigint NOT NULL,  -- of table conversation, as everywhere; a foreign key would cost a probe a row
  sender       text   COLLATE "C" NOT NULL,
  id           text   COLLATE "C" NOT NULL,
  payload      bytea  NOT NULL  -- UTF-8 text; bytea because text cannot hold U+0000
);
INSERT INTO message (commit_xid, ordinal, at, conversation, sender, id, payload)
SELECT commit_xid, ordinal, at, conversation.id, sender, old_message.id, payload
FROM old_message JOIN conversation ON key = conversation ORDER BY at;
DROP TABLE old_message;
ALTER TABLE message ADD PRIMARY KEY (conversation, sender, id);
CREATE INDEX message_history ON message (conversation, at);
CREATE INDEX message_sync ON message (conversation, commit_xid, ordinal);

ALTER TABLE member RENAME TO old_member;
CREATE TABLE member (
  user_id      text COLLATE "C" NOT NULL,
  conversation bigint NOT NULL,
  PRIMARY KEY (user_id, conversation)
);
INSERT INTO member SELECT user_id, id FROM old_member JOIN conversation ON key = conversation;
DROP TABLE old_member;

ALTER TABLE mark RENAME TO old_mark;
CREATE TABLE mark (
  conversation bigint NOT NULL,
  user_id      text   COLLATE "C" NOT NULL,
  received_at  bigint NOT NULL,
  read_at      bigint NOT NULL,
  PRIMARY KEY (conversation, user_id)
) WITH (fillfactor = 80);
INSERT INTO mark SELECT id, user_id, received_at, read_at FROM old_mark JOIN conversation ON key = conversation;
DROP TABLE old_mark;
