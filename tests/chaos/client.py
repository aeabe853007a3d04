"""A client as the contract wants clients to be, that notes what it is given.

It reconnects with full jitter to a gateway chosen at random, repeats under the same id what was not acked, and syncs from its cursor
when it has registered and when it is told to `resync`; at no other time, so that what it sees is what it was told.
"""

import asyncio
import contextlib
import json
import random
import time

import websockets

from chat import connect, frame_of
from history import NEVER, ClientRecord, History, Message, Session, id_of, key_of, key_of_id, payload_of

WINDOW = 8  # messages without ack
BACKOFF_S, BACKOFF_MAX_S = 0.1, 5.0  # the contract allows 30
PING_EVERY_S = 2.0
ANSWER_WITHIN_S = 20.0  # of a gateway that answers pings; its own deadlines are all shorter
SYNC_LIMIT = 200
REPLIES = 0.3  # of the messages that come, answered
RESTLESS = 0.6  # of the clients: they reconnect without need
STAYS_S = 25.0  # those, on average

now = time.monotonic


class ChaosClient:
    def __init__(self, record: ClientRecord, gateways: list, peers: list[str], rate: float, patience_s: float, rng: random.Random,
                 history: History, acks: list[float]):
        self.record = record
        self.user = record.user
        self.sibling: ChaosClient | None = None  # another client of this user, to be on another gateway
        self.gateway = None
        self.registered = False
        self._gateways, self._peers, self._rate, self._patience_s, self._rng = gateways, peers, rate, patience_s, rng
        self._history, self._acks = history, acks
        self._restless = rng.random() < RESTLESS
        self._sequence = 0
        self._unacked: dict[int, float] = {}  # key -> when it last went out
        self._to_answer: int | None = None
        self._cursor: str | None = None
        self._socket = None
        self._heard = 0.0
        self._sync_wanted = asyncio.Event()
        self._told_since: float | None = None  # of the resync that the next sync answers
        self._awaited: dict[str, asyncio.Future] = {}  # by ref
        self._refs = 0
        self._syncs = 0  # finished ones
        self._later: set[asyncio.Task] = set()
        self._life = self._task(self._live())
        self._talk = self._task(self._say_things())

    # --- for the harness ---

    def be_quiet(self) -> None:
        self._talk.cancel()

    @property
    def waiting_for_acks(self) -> int:
        return len(self._unacked)

    async def sync_once_more(self) -> None:
        before = self._syncs
        self._sync_wanted.set()
        while self._syncs == before:
            await asyncio.sleep(0.05)

    async def leave(self) -> None:
        for task in (self._life, self._talk, *self._later):
            task.cancel()
        for task in (self._life, self._talk, *self._later):
            with contextlib.suppress(asyncio.CancelledError):
                await task

    # --- connections ---

    async def _live(self) -> None:
        attempt = 0
        while True:
            self.gateway = self._choose()
            sessions_before = len(self.record.sessions)
            try:
                async with connect(self.gateway.ws_url, open_timeout=self._patience_s, close_timeout=0.2) as self._socket:
                    await self._be_connected()
                self.record.close_codes[self._socket.close_code] += 1
                if 4500 <= (self._socket.close_code or 0) <= 4999:
                    self._complain("closed for good", self._socket.close_code, self._socket.close_reason)
            except (OSError, websockets.WebSocketException, asyncio.TimeoutError):
                pass
            attempt = 1 if len(self.record.sessions) > sessions_before else attempt + 1
            await asyncio.sleep(self._jitter(attempt))

    def _choose(self):
        free = [gateway for gateway in self._gateways if self.sibling is None or self.sibling.gateway is not gateway]
        return self._rng.choice(free or self._gateways)

    def _jitter(self, attempt: int) -> float:
        return self._rng.uniform(0, min(BACKOFF_MAX_S, BACKOFF_S * 2**min(attempt, 10)))

    async def _be_connected(self) -> None:
        self._heard = now()
        aside = [self._task(self._watch()), self._task(self._keep_synced())]
        try:
            await self._put(frame_of("register", from_=self.user))
            async for text in self._socket:
                self._heard = now()
                self._handle(json.loads(text))
        except websockets.ConnectionClosed:
            pass
        finally:
            if self.registered:
                self.record.sessions[-1].end = now()
            self.registered = False
            for task in (*aside, *self._later):
                task.cancel()

    async def _watch(self) -> None:
        """Pings, and gives up a connection that nothing comes from, or that a message or a request gets no answer on; or at will."""
        leaves = now() + (self._rng.expovariate(1 / STAYS_S) if self._restless else NEVER)
        while True:
            await asyncio.sleep(min(PING_EVERY_S, leaves - now()))
            if now() >= leaves:
                break
            if now() - self._heard > self._patience_s:
                break
            overdue = [key for key, sent in self._unacked.items() if self.registered and 0 < sent < now() - ANSWER_WITHIN_S]
            if overdue and now() - self._heard < PING_EVERY_S + 1 and self._heard - self.record.sessions[-1].begin > ANSWER_WITHIN_S:
                self._complain("no answer to a message though pings are answered", id_of(overdue[0]), self.gateway.name)
                break
            self._aside(self._put, frame_of("ping"))
        if now() >= leaves and self._rng.random() < 0.5:
            await self._socket.close()
        self._socket.transport.abort()

    # --- frames ---

    def _handle(self, frame: dict) -> None:
        kind = frame["type"]
        if kind == "registered":
            self._on_registered()
        elif kind == "ack":
            self._on_ack(frame)
        elif kind == "normal":
            self._on_message(frame)
        elif kind == "resync":
            self.record.resyncs.append(now())
            self._told_since = now()
            self._sync_wanted.set()
        elif kind in ("sync", "error") and frame.get("ref") in self._awaited:
            self._awaited.pop(frame["ref"]).set_result(frame)
        elif kind == "error" and frame["code"] in ("unavailable", "rate_limited"):
            self._on_refusal(frame)
        elif kind not in ("pong", "typing", "received", "read", "draining", "sync"):
            self._complain("unexpected frame", str(frame)[:300])

    def _on_registered(self) -> None:
        self.registered = True
        self.record.sessions.append(Session(now(), gateway=self.gateway.name))
        self._told_since = None  # what was missed before is no news of this session
        self._sync_wanted.set()
        for key in self._unacked:
            self._aside(self._transmit, key)

    def _on_ack(self, frame: dict) -> None:
        key = key_of_id(frame["id"])
        if self._unacked.pop(key, None) is None:
            return  # of an earlier attempt
        message = self._history.messages[key]
        message.acked, message.ack_at = now(), frame["at"]
        self._acks.append(message.acked)

    def _on_message(self, frame: dict) -> None:
        key = self._checked(frame)
        if key is None:
            return
        if key in self.record.live:
            self.record.live_repeats += 1
            return
        self.record.live[key] = (now(), frame["at"])
        self._maybe_answer(key)

    def _on_refusal(self, frame: dict) -> None:
        if "id" not in frame:  # the registration
            self._aside(self._put, frame_of("register", from_=self.user), self._jitter(4))
        elif (key := key_of_id(frame["id"])) in self._unacked:
            self._unacked[key] = 0.0  # answered
            self._aside(self._transmit, key, self._jitter(min(self._history.messages[key].attempts, 4)))

    def _checked(self, frame: dict) -> int | None:
        """The key of a message that was really sent, and to us; else a complaint."""
        key = key_of_id(frame["id"])
        message = self._history.messages.get(key)
        if (message is None or (message.sender, message.recipient) != (frame["from"], frame["to"])
                or self.user not in (message.sender, message.recipient) or frame["payload"] != payload_of(key)):
            self._complain("a message that nobody sent so", str(frame)[:300])
            return None
        return key

    # --- sending ---

    async def _say_things(self) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(self._rate))
            if len(self._unacked) >= WINDOW:
                continue
            answers, self._to_answer = self._to_answer, None
            recipient = self._rng.choice(self._peers) if answers is None else self._history.messages[answers].sender
            self._sequence += 1
            key = key_of(self.record.index, self._sequence)
            self._history.messages[key] = Message(self.user, recipient, now(), answers=answers)
            self._unacked[key] = 0.0
            if self.registered:
                await self._transmit(key)

    def _maybe_answer(self, key: int) -> None:
        if self._history.messages[key].recipient == self.user and self._rng.random() < REPLIES:
            self._to_answer = key

    async def _transmit(self, key: int) -> None:
        if key not in self._unacked or not self.registered:
            return
        message = self._history.messages[key]
        message.attempts += 1
        self._unacked[key] = now()
        await self._put(frame_of("normal", id=id_of(key), to=message.recipient, payload=payload_of(key)))

    async def _put(self, frame: dict) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):  # the next connection repeats it
            await self._socket.send(json.dumps(frame, ensure_ascii=False))

    def _aside(self, action, argument, delay: float = 0.0) -> None:
        """Calls it in a task of its own, which ends with the connection at the latest."""
        async def run():
            await asyncio.sleep(delay)
            await action(argument)

        task = self._task(run())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _task(self, work) -> asyncio.Task:
        """What fails in it fails the run."""
        def note(task):
            if not task.cancelled() and task.exception():
                self._complain("the test itself failed", repr(task.exception()))

        task = asyncio.create_task(work)
        task.add_done_callback(note)
        return task

    # --- sync ---

    async def _keep_synced(self) -> None:
        """One chain of cursors at a time."""
        while True:
            await self._sync_wanted.wait()
            self._sync_wanted.clear()
            told, self._told_since = self._told_since, None
            more, attempt = True, 0
            while more:
                page = await self._ask()
                if page["type"] == "sync":
                    attempt = 0
                    more = page["more"]
                    self._take(page, told)
                    continue
                if page["code"] not in ("unavailable", "rate_limited"):
                    self._complain("sync refused", str(page)[:300])
                attempt += 1
                await asyncio.sleep(self._jitter(min(attempt, 3)))
            self._syncs += 1

    async def _ask(self) -> dict:
        while not self.registered:
            await asyncio.sleep(0.05)
        self._refs += 1
        ref = f"s{self._refs}"
        self._awaited = {ref: asyncio.get_running_loop().create_future()}
        answer = self._awaited[ref]
        asked = now()
        await self._put(frame_of("sync", ref=ref, cursor=self._cursor, limit=SYNC_LIMIT))
        while True:
            done, _ = await asyncio.wait([answer], timeout=PING_EVERY_S)
            if done:
                return answer.result()
            if now() - asked > ANSWER_WITHIN_S and self._heard - asked > ANSWER_WITHIN_S / 2:
                self._complain("no answer to sync though pings are answered", self.gateway.name)
                return {"type": "error", "code": "unavailable"}

    def _take(self, page: dict, told: float | None) -> None:
        for frame in page["messages"]:
            key = self._checked(frame)
            if key is None:
                continue
            if key in self.record.synced:
                self.record.synced_twice.append(key)
                continue
            self.record.synced[key] = (told or now(), frame["at"])
            if key not in self.record.live:
                self._maybe_answer(key)
        self._cursor = page["cursor"]

    def _complain(self, *what) -> None:
        self.record.complaints.append((now(), *what))
