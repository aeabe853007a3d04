// One user's chat, without its looks: the connection, the conversations, and the messages that wait for their ack.
//
// Event: "change" (something to show may have changed). Lives until stop().

import { backoffMs, Connection } from "./connection.js";
import { Conversation, newMessageId, partnerOf, raise } from "./conversation.js";

const OUTBOX_MESSAGES_MAX = 500;
const TYPING_EVERY_MS = 3_000;
const TYPING_SHOWN_MS = 5_000;
const PAGE_MESSAGES = 50;
const SYNC_PAGE_MESSAGES = 200;

export class Chat extends EventTarget {
  conversations = new Map(); // partner -> Conversation
  open = null; // the Conversation shown
  notice = ""; // the latest error, for a person
  #attentive = true; // somebody looks at the open conversation
  #outbox = new Map(); // message id -> {message, sent}
  #outboxAttempt = 0;
  #outboxTimer = 0;
  #storageKey;
  #cursor;
  #syncing = false;
  #syncAgain = false;
  #typingSentMs = 0;

  // What outlives a reload (the sync cursor, unacked messages) is kept for this tab, server and user only.
  constructor(url, me, token) {
    super();
    this.me = me;
    this.#storageKey = `simplechat ${url} ${me}`;
    const kept = JSON.parse(sessionStorage.getItem(this.#storageKey) ?? "{}");
    this.#cursor = kept.cursor;
    for (const message of kept.outbox ?? []) this.#outbox.set(message.id, { message, sent: false });
    this.connection = new Connection(url, me, token);
    this.connection.addEventListener("change", () => this.#connectionChanged());
    this.connection.addEventListener("frame", ({ detail }) => this.#receive(detail));
  }

  start() {
    this.connection.open();
  }

  stop() {
    clearTimeout(this.#outboxTimer);
    this.connection.close();
  }

  show(partner) {
    this.open = this.#conversation(partner);
    this.#typingSentMs = 0;
    for (const { message } of this.#outbox.values()) if (message.to === partner) this.open.addPending(message);
    if (!this.open.loaded) this.#loadHistory(this.open);
    this.#mark(this.open);
    this.#changed();
  }

  set attentive(value) {
    this.#attentive = value;
    if (this.open) this.#mark(this.open);
    this.#changed();
  }

  // False if the message was not taken.
  write(payload) {
    if (this.#outbox.size >= OUTBOX_MESSAGES_MAX) {
      this.notice = "Too many messages wait to be sent.";
      this.#changed();
      return false;
    }
    const message = { id: newMessageId(), from: this.me, to: this.open.partner, payload };
    this.#outbox.set(message.id, { message, sent: false });
    this.open.addPending(message);
    this.notice = "";
    this.#typingSentMs = 0;
    this.#keep();
    this.#flush();
    this.#changed();
    return true;
  }

  tellTyping() {
    const nowMs = Date.now();
    if (!this.open || nowMs - this.#typingSentMs < TYPING_EVERY_MS) return;
    if (this.connection.send({ type: "typing", to: this.open.partner })) this.#typingSentMs = nowMs;
  }

  clear() {
    this.open?.hide();
    this.notice = "";
    this.#changed();
  }

  loadEarlier() {
    if (!this.open.reveal()) this.#loadHistory(this.open);
    this.#changed();
  }

  #conversation(partner) {
    if (!this.conversations.has(partner)) this.conversations.set(partner, new Conversation(this.me, partner));
    return this.conversations.get(partner);
  }

  #connectionChanged() {
    for (const entry of this.#outbox.values()) entry.sent = false;
    if (this.connection.state === "online") {
      this.notice = "";
      this.#flush();
      this.#catchUp();
    }
    this.#changed();
  }

  #receive(frame) {
    switch (frame.type) {
      case "normal": this.#arrived(frame); break;
      case "ack": this.#acked(frame); break;
      case "typing": this.#typing(frame); break;
      case "received":
      case "read": this.#marked(frame); break;
      case "resync": this.#catchUp(); break;
      case "error": this.#refused(frame); break;
    }
    this.#changed();
  }

  #arrived({ id, from, to, payload, at }) {
    if (from === this.me && this.#outbox.has(id)) return; // its ack follows
    const conversation = this.#conversation(partnerOf({ from, to }, this.me));
    this.#endTyping(conversation, from);
    if (conversation.merge({ id, from, to, payload, at }, false) && from !== this.me) conversation.unread++;
    this.#mark(conversation);
  }

  #acked({ id, at }) {
    this.#outboxAttempt = 0;
    this.#settle(id, at);
  }

  // An error about a message (then it has its id) or about the connection.
  #refused({ id, code, message, retryMs }) {
    this.notice = message;
    const entry = this.#outbox.get(id);
    if (!entry) return;
    if (code !== "unavailable" && code !== "rate_limited") return this.#settle(id, undefined);
    entry.sent = false;
    clearTimeout(this.#outboxTimer);
    this.#outboxTimer = setTimeout(() => this.#flush(), Math.max(retryMs ?? 0, backoffMs(++this.#outboxAttempt)));
  }

  #settle(id, at) {
    const entry = this.#outbox.get(id);
    if (!entry) return;
    this.#outbox.delete(id);
    this.#conversation(entry.message.to).settle(id, at);
    this.#keep();
  }

  // Sends what was not sent on this connection yet, in the order of its writing.
  #flush() {
    for (const entry of this.#outbox.values()) {
      if (!entry.sent) entry.sent = this.connection.send({ type: "normal", ...entry.message });
    }
  }

  #keep() {
    const outbox = Array.from(this.#outbox.values(), ({ message }) => message);
    try {
      sessionStorage.setItem(this.#storageKey, JSON.stringify({ cursor: this.#cursor, outbox }));
    } catch {
      this.notice = "This browser's storage is full: messages not sent yet will not survive a reload.";
    }
  }

  #typing({ from, to }) {
    if (from === this.me) return;
    const conversation = this.#conversation(partnerOf({ from, to }, this.me));
    this.#endTyping(conversation, from);
    conversation.typing.set(from, setTimeout(() => {
      this.#endTyping(conversation, from);
      this.#changed();
    }, TYPING_SHOWN_MS));
  }

  #endTyping(conversation, user) {
    clearTimeout(conversation.typing.get(user));
    conversation.typing.delete(user);
  }

  #marked({ type, from, with: partner, at }) {
    const conversation = this.#conversation(partnerOf({ from, to: partner }, this.me));
    raise(from === this.me ? conversation.own : conversation.peer, type, at);
    if (conversation.own.read >= (conversation.last?.at ?? 0)) conversation.unread = 0;
  }

  // Tells the other side how far this user has got.
  #mark(conversation) {
    const kind = conversation === this.open && this.#attentive ? "read" : "received";
    if (kind === "read") conversation.unread = 0;
    const at = conversation.newestFromOthers();
    if (at <= conversation.own[kind] || at <= conversation.own.read) return;
    if (this.connection.send({ type: kind, with: conversation.partner, at })) raise(conversation.own, kind, at);
  }

  // Everything that live delivery may have missed.
  #catchUp() {
    this.#loadConversations();
    if (this.open && !this.open.loaded) this.#loadHistory(this.open);
    this.#sync();
  }

  async #loadConversations() {
    try {
      const { conversations } = await this.connection.request({ type: "conversations" });
      for (const summary of conversations) {
        const conversation = this.#conversation(summary.with);
        conversation.summarise(summary);
        this.#mark(conversation);
      }
    } catch (error) {
      this.#requestFailed("Could not load the list of conversations", error);
    }
    this.#changed();
  }

  async #loadHistory(conversation) {
    if (conversation.loading) return;
    conversation.loading = true;
    const { partner, floor } = conversation;
    try {
      const request = { type: "history", with: partner, before: floor, limit: PAGE_MESSAGES };
      const page = await this.connection.request(request);
      for (const message of page.messages) this.#stored(message);
      conversation.mergePage(page);
      this.#mark(conversation);
    } catch (error) {
      if (!conversation.loaded) conversation.more = true; // offers to try again
      this.#requestFailed("Could not load the history", error);
    }
    conversation.loading = false;
    this.#changed();
  }

  // One walk at a time from the cursor to the end; a new tab has no cursor and starts at the first message, in the
  // background. Conversations that were never opened wait for their history.
  async #sync() {
    this.#syncAgain = this.#syncing;
    if (this.#syncing) return;
    this.#syncing = true;
    try {
      for (let more = true; more;) {
        this.#syncAgain = false;
        const cursor = this.#cursor;
        const page = await this.connection.request({ type: "sync", cursor, limit: SYNC_PAGE_MESSAGES });
        for (const message of page.messages) this.#synced(message);
        this.#cursor = page.cursor;
        this.#keep();
        this.#changed();
        more = (page.more && page.cursor !== cursor) || this.#syncAgain;
      }
    } catch (error) {
      if (error.code === "bad_frame") this.#cursor = undefined; // a cursor of another store
      if (error.code !== "disconnected") setTimeout(() => this.#sync(), backoffMs(4));
      this.#requestFailed("Could not catch up", error);
    }
    this.#syncing = false;
  }

  #synced(message) {
    this.#stored(message);
    const conversation = this.conversations.get(partnerOf(message, this.me));
    if (!conversation || (conversation !== this.open && !conversation.loaded)) return;
    conversation.merge(message, true);
    this.#mark(conversation);
  }

  // A message that the store holds needs no ack any more.
  #stored(message) {
    if (message.from === this.me) this.#settle(message.id, message.at);
  }

  // A lost connection is shown as such, and what it interrupted is repeated after it.
  #requestFailed(what, error) {
    if (error.code !== "disconnected") this.notice = `${what}: ${error.message}`;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
