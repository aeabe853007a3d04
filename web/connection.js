// One session of one user over a WebSocket. Registers, watches the connection by pings, and comes back after a loss.
//
// Events: "change" (state or reason changed) and "frame" (detail: a server frame that answers no request).

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;
const PING_EVERY_MS = 25_000;
const ANSWER_MAX_MS = 10_000;
const CLOSE_CODE_FINAL = 4500; // from here to 4999 the server asks not to come back
const REGISTER_ERRORS_FINAL = ["unauthorized", "forbidden", "bad_frame"];

// A wait of 0 to the exponential bound ("full jitter"), so that clients that were lost together don't return together.
export function backoffMs(attempt) {
  return Math.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt);
}

// A refused request. `code` is one of the contract's error codes, or "timeout" or "disconnected".
export class RequestError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export class Connection extends EventTarget {
  state = "idle"; // then connecting, online, waiting (to try again) or closed (for good)
  reason = ""; // why it is waiting or closed, for a person
  #url;
  #user;
  #token;
  #socket = null;
  #attempt = 0;
  #timer = 0; // the one thing waited for: the registration, the next ping, or the next try
  #drainTimer = 0;
  #requests = new Map(); // ref -> {resolve, reject, timer}
  #refs = 0;

  constructor(url, user, token) {
    super();
    this.#url = url;
    this.#user = user;
    this.#token = token;
  }

  open() {
    this.#detach();
    this.#change("connecting");
    try {
      this.#socket = new WebSocket(this.#url);
    } catch (error) { // a URL that this page may not connect to
      return this.#change("closed", error.message);
    }
    this.#timer = setTimeout(() => this.#lose("The server does not answer"), ANSWER_MAX_MS);
    this.#socket.onopen = () => this.#write({ type: "register", from: this.#user, token: this.#token });
    this.#socket.onmessage = (event) => this.#receive(event.data);
    this.#socket.onclose = (event) => this.#closed(event);
  }

  // Tries again now if it is waiting for the next try.
  wake() {
    if (this.state === "waiting") this.open();
  }

  close(reason = "") {
    this.#detach();
    this.#change("closed", reason);
  }

  // False if the frame could not be sent.
  send(frame) {
    if (this.state !== "online") return false;
    this.#write(frame);
    return true;
  }

  // The frame that answers, found by its `ref`. Rejects with a RequestError.
  request(frame) {
    if (this.state !== "online") return Promise.reject(new RequestError("disconnected", "Not connected"));
    const ref = `r${++this.#refs}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#requests.delete(ref);
        reject(new RequestError("timeout", "The server does not answer"));
      }, ANSWER_MAX_MS);
      this.#requests.set(ref, { resolve, reject, timer });
      this.#write({ ...frame, ref });
    });
  }

  #write(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  #receive(text) {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return this.#lose("The server sent something that is not JSON");
    }
    if (this.#requests.has(frame.ref)) return this.#answered(frame);
    if (frame.type === "registered") return this.#registered();
    if (frame.type === "error" && this.state === "connecting") return this.#refused(frame);
    if (frame.type === "draining") this.#drain(frame.afterMs);
    else this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  #answered(frame) {
    const { resolve, reject, timer } = this.#requests.get(frame.ref);
    this.#requests.delete(frame.ref);
    clearTimeout(timer);
    if (frame.type === "error") reject(new RequestError(frame.code, frame.message));
    else resolve(frame);
  }

  #registered() {
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.#timer = setTimeout(() => this.#ping(), PING_EVERY_MS);
    this.#change("online");
  }

  #refused(error) {
    if (REGISTER_ERRORS_FINAL.includes(error.code)) this.close(error.message);
    else this.#lose(error.message, error.retryMs);
  }

  async #ping() {
    const socket = this.#socket;
    const error = await this.request({ type: "ping" }).then(() => null, (reason) => reason);
    if (socket !== this.#socket) return;
    if (error?.code === "timeout") this.#lose("The server does not answer");
    else this.#timer = setTimeout(() => this.#ping(), PING_EVERY_MS);
  }

  // The server is going away: leave at a random moment of the time it gives.
  #drain(afterMs) {
    clearTimeout(this.#drainTimer);
    this.#drainTimer = setTimeout(() => this.open(), Math.random() * (afterMs || 0));
  }

  #closed(event) {
    if (event.code >= CLOSE_CODE_FINAL) this.close(event.reason || `The server ended the session (${event.code})`);
    else this.#lose(event.reason || "Connection lost");
  }

  #lose(reason, atLeastMs = 0) {
    this.#detach();
    this.#timer = setTimeout(() => this.open(), Math.max(atLeastMs, backoffMs(this.#attempt++)));
    this.#change("waiting", reason);
  }

  // Forgets the socket at once: on a dead network its own close could take minutes.
  #detach() {
    clearTimeout(this.#timer);
    clearTimeout(this.#drainTimer);
    if (this.#socket) {
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.close();
      this.#socket = null;
    }
    for (const { reject, timer } of this.#requests.values()) {
      clearTimeout(timer);
      reject(new RequestError("disconnected", "Connection lost"));
    }
    this.#requests.clear();
  }

  #change(state, reason = "") {
    this.state = state;
    this.reason = reason;
    this.dispatchEvent(new Event("change"));
  }
}
