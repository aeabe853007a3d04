-- Text that identifies is compared byte by byte (COLLATE "C"), as the wire contract orders it.

-- One row per message. `conversation` is chat::conversation_key(); the recipient follows from it and the sender.
--
-- (commit_xid, ordinal) is the order of sync: the transaction that stored the row, and the row's place in its batch.
-- Transactions commit out of the order of their ids, so a reader takes only rows below the oldest transaction that is
-- still running: those can no longer become more.
CREATE TABLE message (
  commit_xid   xid8   NOT NULL DEFAULT pg_current_xact_id(),
  ordinal      bigint NOT NULL,
  at           bigint NOT NULL,  -- microseconds since the Unix epoch
  conversation text   COLLATE "C" NOT NULL,
  sender       text   COLLATE "C" NOT NULL,
  id           text   COLLATE "C" NOT NULL,
  payload      bytea  NOT NULL,  -- UTF-8 text; bytea because text cannot hold U+0000
  PRIMARY KEY (conversation, sender, id)
);
CREATE INDEX message_history ON message (conversation, at);
CREATE INDEX message_sync ON message (conversation, commit_xid, ordinal);

-- The conversations that a user takes part in: both sides of a pair, and whoever has sent to a group.
CREATE TABLE member (
  user_id      text COLLATE "C" NOT NULL,
  conversation text COLLATE "C" NOT NULL,
  PRIMARY KEY (user_id, conversation)
);

-- What a user has received and read of a conversation; 0: nothing. Updated in place, so pages keep room for it.
CREATE TABLE mark (
  conversation text   COLLATE "C" NOT NULL,
  user_id      text   COLLATE "C" NOT NULL,
  received_at  bigint NOT NULL,
  read_at      bigint NOT NULL,
  PRIMARY KEY (conversation, user_id)
) WITH (fillfactor = 80);

-- One row. A sync cursor names the store that it was drawn from, because transaction ids mean nothing elsewhere;
-- `system_identifier` tells when the database was restored into another server, see adopt_restored_store().
CREATE TABLE store (
  store_id          text   NOT NULL,
  system_identifier bigint NOT NULL
);
INSERT INTO store SELECT replace(gen_random_uuid()::text, '-', ''), system_identifier FROM pg_control_system();
