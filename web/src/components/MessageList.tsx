import type { JSX } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Message } from "simplechat-client";
import { Virtualizer, type ScrollToIndexOpts, type VirtualizerHandle } from "virtua";
import { t } from "../i18n/index.js";
import { announce } from "../state/announcer.js";
import { today } from "../state/appearance.js";
import type { ConversationView } from "../state/conversation-view.js";
import { notSent } from "../state/errors.js";
import type { Session } from "../state/session.js";
import { focusComposer } from "../state/shortcuts.js";
import { JumpButton } from "./JumpButton.js";
import { copy, MessageRow } from "./MessageRow.js";

const HEAD_PX = 72; // what stands above the first message, always as high
const NEAR_START_PX = 2_000;
const NEAR_END_PX = 24;
const PLACING_MS = 150; // until what comes into view is measured
const PLACING_MAX_MS = 2_000; // on a busy device
const ESTIMATED_PX = 44;

interface Props {
  readonly session: Session;
  readonly view: ConversationView;
}

/** The history: only what is near the view is in the document, however long the conversation is. */
export function MessageList({ session, view }: Props): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const messages = view.messages.value;
  const firstNew = view.firstNew.value;
  const day = today.value;
  const shift = useShift(messages);
  const [active, setActive] = useState(-1); // the index of the message that has the focus
  const [found, setFound] = useState<string>(); // the key of the message that was searched for
  const failed = view.failed.value;
  useStaying(view, messages, scroller, list, setFound);
  useEffect(() => {
    if (failed) announce(notSent(failed));
  }, [failed]);

  const row = useCallback((message: Message, index: number) => (
    <MessageRow key={message.key} session={session} message={message} previous={messages[index - 1]} next={messages[index + 1]}
      firstNew={firstNew} isFound={message.key === found} day={day} />
  ), [messages, firstNew, found, day, session]);

  function focusMessage(index: number): void {
    const message = messages[index];
    if (!message) return;
    setActive(index);
    list.current?.scrollToIndex(index, { align: "nearest" });
    const focus = (tries: number): void => {
      const element = elementOf(scroller.current, message.key);
      if (element) element.focus({ preventScroll: true });
      else if (tries > 0) requestAnimationFrame(() => focus(tries - 1));
    };
    focus(10);
  }

  function keyDown(event: KeyboardEvent): void {
    const { key, altKey, ctrlKey, metaKey } = event;
    if (altKey) return;
    const focused = document.activeElement?.closest<HTMLElement>("[data-key]")?.dataset["key"];
    const index = focused === undefined ? messages.length : messages.findIndex((message) => message.key === focused);
    if (key === "ArrowUp") focusMessage(index - 1);
    else if (key === "ArrowDown" && index >= messages.length - 1) focusComposer();
    else if (key === "ArrowDown") focusMessage(index + 1);
    else if (key === "Home") focusMessage(0);
    else if (key === "End") focusMessage(messages.length - 1);
    else if (key.toLowerCase() === "c" && (!(ctrlKey || metaKey) || getSelection()?.isCollapsed) && messages[index]) void copy(messages[index].payload);
    else return;
    event.preventDefault();
  }

  useEffect(loadAhead, [messages]); // a high window shows all of the first page, so that there is nothing to scroll

  function loadAhead(): void {
    const { current } = scroller;
    if (!current) return;
    if (current.scrollTop < NEAR_START_PX && !view.cleared.peek() && view.loaded.peek()) void view.loadEarlier();
  }

  return (
    <div class="history">
      <div id="scroller" ref={scroller} role="log" aria-live="off" aria-label={t("messagesWith", { name: view.partner })} aria-busy={view.loading.value}
        tabIndex={0} onKeyDown={keyDown} onScroll={loadAhead}>
        <div class="filler" />
        <Head view={view} />
        <div id="messages">
          <Virtualizer ref={list} scrollRef={scroller} data={messages as Message[]} shift={shift} startMargin={HEAD_PX} itemSize={ESTIMATED_PX}
            bufferSize={600} {...(active >= 0 ? { keepMounted: [active] } : {})}>
            {row as never}
          </Virtualizer>
        </div>
      </div>
      <JumpButton view={view} />
    </div>
  );
}

/** What stands above the first message: the way to earlier ones, or that there are none. */
function Head({ view }: { view: ConversationView }): JSX.Element {
  const isEmpty = view.isEmpty.value;
  if (!view.loaded.value) return <div class="head"><p class="loading">{t("loading")}</p></div>;
  if (view.hasEarlier.value) {
    const isLoading = view.loading.value;
    return (
      <div class="head">
        {view.cleared.value && isEmpty && <p>{t("cleared")}</p>}
        <button id="earlier" type="button" class="quiet" aria-disabled={isLoading} onClick={() => view.reveal()}>
          {t(isLoading ? "loading" : "showEarlier")}
        </button>
      </div>
    );
  }
  return <div class="head"><p>{t(isEmpty ? "sayHello" : "beginning", { name: view.partner })}</p></div>;
}

/** Whether messages came, or went, at the start since the last rendering: then the list keeps its place from the end. */
function useShift(messages: readonly Message[]): boolean {
  const last = useRef<{ messages: readonly Message[]; shift: boolean }>({ messages, shift: false });
  const before = last.current.messages;
  if (before !== messages) {
    const shift = before.length > 0 && messages.length !== before.length && messages[0]?.key !== before[0]?.key;
    last.current = { messages, shift };
  }
  return last.current.shift;
}

/** Stays at the end while the reader is there; goes to it, or to the first new message, when there is reason to. */
function useStaying(
  view: ConversationView,
  messages: readonly Message[],
  scroller: { readonly current: HTMLDivElement | null },
  list: { readonly current: VirtualizerHandle | null },
  setFound: (key: string) => void,
): void {
  const isAtEnd = useRef(true);
  const hasPlaced = useRef(false);
  const isPlacing = useRef(false);
  const look = useRef(() => {});
  const toEnd = view.toEnd.value;
  const isLoaded = view.loaded.value;
  const isSettled = view.isSettled.value;
  const isFinding = view.isFinding.value;
  const target = view.target.value;

  const goToEnd = useCallback(() => {
    const { current } = scroller;
    if (current) current.scrollTop = current.scrollHeight;
  }, []);

  // The reader scrolls, or the list or the window changes its size.
  useEffect(() => {
    const { current } = scroller;
    if (!current) return;
    let top = current.scrollTop;
    const looked = (): void => {
      if (isPlacing.current) return;
      const isNear = current.scrollHeight - current.scrollTop - current.clientHeight <= NEAR_END_PX;
      // Only scrolling up leaves the end: a list that has just grown may not have been followed yet.
      if (isNear || current.scrollTop < top) isAtEnd.current = isNear;
      top = current.scrollTop;
      view.reached(isAtEnd.current);
    };
    look.current = looked;
    const resized = new ResizeObserver(() => (isAtEnd.current ? goToEnd() : looked()));
    for (const element of [current, current.querySelector("#messages > div")]) if (element) resized.observe(element);
    current.addEventListener("scroll", looked, { passive: true });
    return () => {
      resized.disconnect();
      current.removeEventListener("scroll", looked);
    };
  }, []);

  useLayoutEffect(() => {
    if (isAtEnd.current) goToEnd();
  }, [messages]);

  useLayoutEffect(() => {
    isAtEnd.current = true;
    goToEnd();
  }, [toEnd]);

  const goTo = useCallback((index: number, key: string, options: ScrollToIndexOpts, then = () => {}) => {
    hasPlaced.current = true;
    isPlacing.current = true; // or the list, as it is measured, would be pulled back to the end
    isAtEnd.current = false;
    requestAnimationFrame((startMs) => {
      list.current?.scrollToIndex(index, options);
      const follow = (nowMs: number): void => {
        if (!scroller.current) return; // another conversation was opened
        const waitMs = isInView(scroller.current, elementOf(scroller.current, key)) ? PLACING_MS : PLACING_MAX_MS;
        if (nowMs < startMs + waitMs) return void requestAnimationFrame(follow);
        isPlacing.current = false;
        look.current();
        view.placed();
        then();
      };
      requestAnimationFrame(follow);
    });
  }, []);

  // Once, when it is known what is new.
  useLayoutEffect(() => {
    if (hasPlaced.current || !isLoaded || !isSettled || isFinding) return;
    hasPlaced.current = true;
    const firstNew = view.firstNew.peek();
    const index = messages.findIndex(({ key }) => key === firstNew);
    if (firstNew === undefined || index < 0) return view.placed();
    goTo(index, firstNew, { align: "start", offset: -HEAD_PX });
  }, [isLoaded, isSettled, isFinding, messages]);

  // Whenever a message was searched for.
  useLayoutEffect(() => {
    const index = target === undefined ? -1 : messages.findIndex(({ key }) => key === target);
    if (target === undefined || index < 0) return;
    setFound(target);
    goTo(index, target, { align: "center" }, () => elementOf(scroller.current, target)?.focus({ preventScroll: true }));
    view.target.value = undefined;
    view.isFinding.value = false;
  }, [target, messages]);
}

function elementOf(scroller: HTMLElement | null, key: string): HTMLElement | null | undefined {
  return scroller?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
}

function isInView(scroller: HTMLElement | null, element: HTMLElement | null | undefined): boolean {
  if (!scroller || !element) return false;
  const [view, box] = [scroller.getBoundingClientRect(), element.getBoundingClientRect()];
  return box.bottom > view.top && box.top < view.bottom;
}

/** From the composer, to go back through the messages. */
export function focusLastMessage(): void {
  const shown = document.querySelectorAll<HTMLElement>("#messages [data-key]");
  shown[shown.length - 1]?.focus();
}
