// What this page knows of one conversation: a window of its messages from `floor` to now, each once, in the order that
// every client shows, (at, from, id); and how far both sides have read. Messages below it are left to the history.

// The other side of a message's conversation: a user, or a group address.
export function partnerOf(message, me) {
  return message.to.startsWith("#") || message.from === me ? message.to : message.from;
}

// A message id: UUIDv7 (RFC 9562 5.7). crypto.randomUUID() is missing on pages that came over plain http.
export function newMessageId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setUint32(0, Math.floor(Date.now() / 2 ** 16));
  new DataView(bytes.buffer).setUint16(4, Date.now() % 2 ** 16);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// Messages without `at` are not acked yet: they stand last, in the order of their writing.
function compare(a, b) {
  if (a.at !== b.at) return (a.at ?? Infinity) < (b.at ?? Infinity) ? -1 : 1;
  if (a.at === undefined) return 0;
  if (a.from !== b.from) return a.from < b.from ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

export class Conversation {
  unread = 0;
  last = null; // the newest message
  draft = "";
  more = false; // the history holds messages below the window
  loaded = false; // the latest page of the history is here
  loading = false;
  peer = { received: 0, read: 0 }; // the other side's marks, each an `at`
  own = { received: 0, read: 0 };
  typing = new Map(); // user -> the timer that ends the indication
  #floor = -Infinity;
  #messages = new Map(); // by sender and id
  #hidden = new Set();

  constructor(me, partner) {
    this.me = me;
    this.partner = partner;
  }

  get floor() {
    return this.loaded ? this.#floor : undefined;
  }

  // True if the message is new here. A `stored` one is final; a live one may be a repeat, with a later `at`.
  merge(message, stored) {
    if (this.more && message.at < this.#floor) return false;
    const key = `${message.from} ${message.id}`;
    const known = this.#messages.get(key);
    if (!known) this.#messages.set(key, { ...message, key, state: "sent" });
    else if (stored) Object.assign(known, { at: message.at, payload: message.payload, state: "sent" });
    if (!this.last || this.last.at < message.at) this.last = message;
    return !known;
  }

  // A page of the history that ends where the window starts.
  mergePage({ messages, more }) {
    this.more = false;
    for (const message of messages) this.merge(message, true);
    this.loaded = true;
    this.more = more;
    if (messages.length > 0) this.#floor = messages[0].at;
    if (!more) return;
    for (const [key, message] of this.#messages) if (message.at < this.#floor) this.#messages.delete(key);
  }

  addPending(message) {
    const key = `${message.from} ${message.id}`;
    if (!this.#messages.has(key)) this.#messages.set(key, { ...message, key, state: "pending" });
  }

  // The server's answer to an own message: its `at`, or that it was refused (then it stays where it stands).
  settle(id, at) {
    const message = this.#messages.get(`${this.me} ${id}`);
    if (message?.state !== "pending") return;
    message.state = at === undefined ? "failed" : "sent";
    message.at = at ?? this.last?.at ?? 0;
    if (at !== undefined && !(this.last?.at >= at)) this.last = message;
  }

  list() {
    return [...this.#messages.values()].filter(({ key }) => !this.#hidden.has(key)).sort(compare);
  }

  // The `at` of the newest message that this user did not write; 0 if there is none.
  newestFromOthers() {
    let newest = this.last && this.last.from !== this.me ? this.last.at : 0;
    for (const message of this.#messages.values()) if (message.from !== this.me) newest = Math.max(newest, message.at);
    return newest;
  }

  // Pending, failed, sent, delivered or read. Messages of others are sent, to this user.
  stateOf(message) {
    if (message.state !== "sent" || message.from !== this.me) return message.state;
    if (message.at <= this.peer.read) return "read";
    return message.at <= this.peer.received ? "delivered" : "sent";
  }

  // An entry of the server's list of conversations. The newer of the two views counts.
  summarise({ last, unread, readAt = 0, receivedAt = 0, peerReadAt = 0, peerReceivedAt = 0 }) {
    raise(this.own, "received", receivedAt);
    raise(this.own, "read", readAt);
    raise(this.peer, "read", peerReadAt);
    raise(this.peer, "received", peerReceivedAt);
    if (last && !(this.last?.at > last.at)) {
      this.last = last;
      this.unread = this.own.read >= last.at ? 0 : unread;
    } else {
      this.unread = Math.max(this.unread, unread);
    }
  }

  // Clears the view; reveal() or a new page load brings the messages back.
  hide() {
    for (const { key, state } of this.#messages.values()) if (state !== "pending") this.#hidden.add(key);
  }

  // True if messages were hidden.
  reveal() {
    const hidden = this.#hidden.size > 0;
    this.#hidden.clear();
    return hidden;
  }

  get hasEarlier() {
    return this.more || this.#hidden.size > 0;
  }
}

export function raise(marks, kind, at) {
  marks[kind] = Math.max(marks[kind], at);
}
