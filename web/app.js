// The page: shows a Chat and turns what the user does into calls of it. User text only ever becomes textContent.

import { Chat } from "./chat.js";

const UNREAD_SHOWN_MAX = 999;
const STATE_LABELS = { pending: "Sending…", failed: "Not sent", sent: "Sent", delivered: "Delivered", read: "Read" };
const CONNECTION_LABELS = {
  connecting: () => "Connecting…",
  online: () => `Connected as ${chat.me}${foreignServer ? ` to ${foreignServer}` : ""}`,
  waiting: ({ reason }) => `${reason}. Trying again…`,
  closed: ({ reason }) => `Disconnected. ${reason}`,
};

const $ = (id) => document.getElementById(id);
const parameters = new URLSearchParams(location.search);
const defaultServer = `${location.protocol.replace("http", "ws")}//${location.host}/ws`;
const server = parameters.get("ws") || defaultServer;
const foreignServer = server === defaultServer ? "" : server;

let chat = null;
let shown = null; // the Conversation whose messages are in the document
const elements = new Map(); // its messages' elements by message key
let renderQueued = false;

function register() {
  const [me, to] = [$("me").value, $("to").value];
  if (chat?.me !== me || chat.connection.state === "closed") {
    chat?.stop();
    chat = new Chat(server, me, parameters.get("token") ?? undefined);
    chat.attentive = document.visibilityState === "visible";
    chat.addEventListener("change", queueRender);
    chat.start();
  }
  chat.connection.wake();
  if (to) openConversation(to);
}

function openConversation(partner) {
  if (chat.open) chat.open.draft = $("message").value;
  if (chat.open && chat.open.partner !== partner) $("message").value = chat.conversations.get(partner)?.draft ?? "";
  $("to").value = partner;
  chat.show(partner);
  parameters.set("me", chat.me);
  parameters.set("to", partner);
  history.replaceState(null, "", `?${parameters}`);
  $("message").focus();
}

function send() {
  const text = $("message").value;
  if (text.trim() === "") return;
  if (!$("to").value) return $("to").focus();
  if (chat?.open?.partner !== $("to").value) return $("identity").requestSubmit();
  if (chat.write(text)) $("message").value = "";
  scrollToEnd();
}

function scrollToEnd() {
  $("scroller").scrollTop = 0; // reversed, see the style sheet
}

// Several changes of one turn are shown at once.
function queueRender() {
  if (renderQueued) return;
  renderQueued = true;
  queueMicrotask(() => {
    renderQueued = false;
    render();
  });
}

function render() {
  renderStatus();
  renderMessages(chat.open);
  renderOthers();
  const typing = chat.open ? [...chat.open.typing.keys()] : [];
  setText($("typing"), typing.length ? `${typing.join(", ")} ${typing.length > 1 ? "are" : "is"} typing…` : "");
  const unread = [...chat.conversations.values()].reduce((sum, conversation) => sum + conversation.unread, 0);
  document.title = unread ? `(${countLabel(unread)}) SimpleChat` : "SimpleChat";
}

function renderStatus() {
  const { connection, notice } = chat;
  $("status").dataset.connection = connection.state;
  setText($("status").querySelector(".state"), CONNECTION_LABELS[connection.state]?.(connection) ?? "");
  setText($("status").querySelector(".notice"), notice);
}

function renderMessages(conversation) {
  if (conversation !== shown) {
    elements.clear();
    $("messages").replaceChildren();
    scrollToEnd();
    shown = conversation;
  }
  setText($("partner"), conversation ? conversation.partner : "No conversation open");
  const messages = conversation?.list() ?? [];
  let next = $("messages").firstElementChild;
  for (const message of messages) {
    if (!elements.has(message.key)) elements.set(message.key, newMessageElement(message));
    const element = elements.get(message.key);
    updateMessageElement(element, message, conversation.stateOf(message));
    if (element === next) next = next.nextElementSibling;
    else $("messages").insertBefore(element, next);
  }
  while (next) {
    const gone = next;
    next = next.nextElementSibling;
    elements.delete(gone.messageKey);
    gone.remove();
  }

  $("messages").setAttribute("aria-busy", conversation?.loading ?? false);
  $("earlier").hidden = !conversation?.hasEarlier;
  $("earlier").disabled = conversation?.loading ?? false;
  $("hint").hidden = messages.length > 0 || $("earlier").hidden === false;
  if (conversation) setText($("hint"), conversation.loaded ? "No messages yet. Say hello!" : "Loading…");
}

function newMessageElement(message) {
  const mine = message.from === chat.me;
  const element = newElement("div", mine ? "message mine" : "message");
  element.messageKey = message.key;
  element.dataset.id = message.id;
  element.dataset.from = message.from;
  const senderClass = message.to.startsWith("#") && !mine ? "sender" : "visually-hidden";
  const sender = newElement("p", senderClass, mine ? "You" : message.from);
  const text = newElement("p", "text", message.payload);
  text.dir = "auto";
  const meta = newElement("p", "meta");
  meta.append(newElement("time"), newElement("span", "state"));
  element.append(sender, text, meta);
  return element;
}

// Attribute data-state is pending, sent, read or failed; "delivered" is a finer word for sent.
function updateMessageElement(element, message, state) {
  element.dataset.state = state === "delivered" ? "sent" : state;
  const [time, label] = element.querySelector(".meta").children;
  setText(time, message.at ? timeLabel(message.at / 1000) : "");
  if (message.at) time.dateTime = new Date(message.at / 1000).toISOString();
  setText(label, message.from === chat.me ? STATE_LABELS[state] : "");
}

function renderOthers() {
  const others = [...chat.conversations.values()].filter(({ partner, last }) => partner !== chat.open?.partner && last);
  others.sort((a, b) => b.last.at - a.last.at);
  const focused = document.activeElement?.dataset.with;
  $("conversations").hidden = others.length === 0;
  $("conversations").querySelector("ul").replaceChildren(...others.map(newOtherElement));
  if (focused) document.querySelector(`#conversations [data-with="${CSS.escape(focused)}"]`)?.focus();
}

function newOtherElement({ partner, unread, last }) {
  const button = newElement("button");
  button.type = "button";
  button.dataset.with = partner;
  button.addEventListener("click", () => openConversation(partner));
  button.append(newElement("span", "partner", partner), " ", newElement("span", "preview", last.payload));
  if (unread) {
    const badge = newElement("span", "unread", countLabel(unread));
    badge.append(newElement("span", "visually-hidden", " unread"));
    button.append(" ", badge);
  }
  const item = newElement("li");
  item.append(button);
  return item;
}

function newElement(tag, className = "", textContent = "") {
  return Object.assign(document.createElement(tag), { className, textContent });
}

// Leaves an unchanged text alone, so that screen readers don't read it again.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function countLabel(count) {
  return count > UNREAD_SHOWN_MAX ? `${UNREAD_SHOWN_MAX}+` : String(count);
}

function timeLabel(ms) {
  const date = new Date(ms);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

$("identity").addEventListener("submit", (event) => {
  event.preventDefault();
  register();
});
$("to").addEventListener("change", () => {
  if (chat && chat.me === $("me").value && $("to").value) $("identity").requestSubmit();
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
$("message").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
$("message").addEventListener("input", () => {
  if ($("message").value.trim() !== "") chat?.tellTyping();
});
$("clear").addEventListener("click", () => chat?.clear());
$("earlier").addEventListener("click", () => chat.loadEarlier());
document.addEventListener("visibilitychange", () => {
  if (chat) chat.attentive = document.visibilityState === "visible";
});
window.addEventListener("online", () => chat?.connection.wake());

$("me").value = parameters.get("me") ?? "";
$("to").value = parameters.get("to") ?? "";
if ($("me").value && $("identity").reportValidity()) register();
