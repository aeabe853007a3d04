"""SimpleChat clients for tests.

Client: one WebSocket connection; keeps every frame that it receives until expect() takes it.
Person: a user as the contract wants clients to be: reconnects with backoff, repeats what was not acked.
"""

import asyncio
import contextlib
import itertools
import json
import random
import ssl
import time
import uuid

import websockets

DEADLINE_S = 20.0
PAYLOAD_BYTES_MAX = 64 * 1024


def unique(name: str) -> str:
    """A user id that no other test or run has: stores keep what tests write."""
    return f"{name}-{uuid.uuid4().hex[:10]}"


def frame_of(kind: str, **fields) -> dict:
    """A final underscore is no part of a field's name (`from_`, `with_`); fields of None are left out."""
    return {"type": kind, **{name.rstrip("_"): value for name, value in fields.items() if value is not None}}


def body_of(message: dict) -> tuple:
    """What identifies a stored or delivered message, and its text."""
    return message["id"], message["from"], message["to"], message["payload"]


async def eventually(read, good, what: str, seconds: float = DEADLINE_S):
    """Calls `await read()` until `good(value)` and returns that value."""
    deadline = time.monotonic() + seconds
    while True:
        value = await read()
        if good(value):
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s; at last {str(value)[:2000]}"
        await asyncio.sleep(0.05)


def connect(url: str, open_timeout: float = DEADLINE_S, close_timeout: float = DEADLINE_S, tls: ssl.SSLContext | None = None):
    return websockets.connect(url, compression=None, max_size=None, max_queue=None, ping_interval=None,
                              open_timeout=open_timeout, close_timeout=close_timeout, ssl=tls)


class Client:
    """Use as `async with Client.connected(url) as client`, or `Client.registered(url, user)`."""

    def __init__(self, socket):
        self.socket = socket
        self.user: str | None = None
        self.frames: list[dict] = []  # received, in order, and not yet taken by expect()
        self._changed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, url: str, tls: ssl.SSLContext | None = None):
        client = cls(await connect(url, tls=tls))
        try:
            yield client
        finally:
            await client.close()

    @classmethod
    @contextlib.asynccontextmanager
    async def registered(cls, url: str, user: str, tls: ssl.SSLContext | None = None, **fields):
        async with cls.connected(url, tls) as client:
            await client.register(user, **fields)
            yield client

    async def register(self, user, **fields) -> dict:
        await self.send("register", from_=user, **fields)
        answer = await self.expect("registered")
        self.user = answer["user"]
        return answer

    async def send(self, kind: str, **fields) -> None:
        await self.socket.send(json.dumps(frame_of(kind, **fields), ensure_ascii=False))

    async def send_text(self, text: str) -> None:
        await self.socket.send(text)

    async def say(self, to, payload: str, **fields) -> dict:
        """Sends a message and returns its ack."""
        fields.setdefault("id", uuid.uuid4().hex)
        await self.send("normal", to=to, payload=payload, **fields)
        return await self.answer("ack", "id", fields["id"])

    async def request(self, kind: str, **fields) -> dict:
        """history, sync, conversations: sends it with a `ref` and returns the answer."""
        ref = uuid.uuid4().hex
        await self.send(kind, ref=ref, **fields)
        return await self.answer(kind, "ref", ref)

    async def answer(self, kind: str, key: str, value) -> dict:
        """The frame of that kind about `key`; an error about it fails."""
        def fits(frame: dict) -> bool:
            return frame["type"] in (kind, "error") and frame.get(key) == value
        frame = await self.expect(None, fits)
        assert frame["type"] == kind, f"{self.user}: instead of {kind}: {frame}"
        return frame

    async def expect(self, kind: str | None, where=lambda frame: True, seconds: float = DEADLINE_S) -> dict:
        """Takes the first received frame that fits, waiting for it."""
        deadline = time.monotonic() + seconds
        while True:
            for index, frame in enumerate(self.frames):
                if kind in (None, frame["type"]) and where(frame):
                    return self.frames.pop(index)
            left = deadline - time.monotonic()
            assert not self._reader.done(), (f"{self.user}: closed with {self.socket.close_code} {self.socket.close_reason!r} "
                                             f"before {kind or 'the answer'}; received {str(self.frames[-10:])[:3000]}")
            assert left > 0, f"{self.user}: no {kind or 'answer'} within {seconds:.0f} s; received {str(self.frames[-10:])[:3000]}"
            self._changed.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    async def expect_error(self, code: str, **fields) -> dict:
        """The next error, which must have this code and these fields."""
        error = await self.expect("error")
        assert error["code"] == code, error
        assert isinstance(error["message"], str) and error["message"], error
        for name, value in fields.items():
            assert error.get(name) == value, (name, value, error)
        return error

    async def barrier(self) -> None:
        """Returns when everything sent before has been handled, and what it brought this connection is in `frames`."""
        ref = uuid.uuid4().hex
        await self.send("ping", ref=ref)
        await self.expect("pong", lambda frame: frame["ref"] == ref)

    def of(self, kind: str) -> list[dict]:
        return [frame for frame in self.frames if frame["type"] == kind]

    async def closed(self, seconds: float = DEADLINE_S) -> int:
        """Waits until the server has closed; returns the close code."""
        await asyncio.wait_for(asyncio.shield(self._reader), seconds)
        return self.socket.close_code

    async def close(self) -> None:
        await self.socket.close()
        await self._reader

    async def _read(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self.socket:
                self.frames.append(json.loads(text))
                self._changed.set()
        self._changed.set()

    # --- whole stores, page by page ---

    async def sync_all(self, cursor: str | None = None, limit: int = 200) -> tuple[list[dict], str]:
        messages, more = [], True
        while more:
            page = await self.request("sync", cursor=cursor, limit=limit)
            assert len(page["messages"]) <= limit
            messages += page["messages"]
            cursor, more = page["cursor"], page["more"]
        return messages, cursor

    async def history_all(self, other: str, limit: int = 200) -> list[dict]:
        """Oldest first, read backwards from the newest page."""
        messages, before, more = [], None, True
        while more:
            page = await self.request("history", with_=other, before=before, limit=limit)
            assert len(page["messages"]) <= limit
            messages = page["messages"] + messages
            more = page["more"]
            before = messages[0]["at"] if messages else None
        return messages


@contextlib.asynccontextmanager
async def pair(deployment):
    """Two users, on both gateways if there are two."""
    async with Client.registered(deployment.near.ws_url, unique("alice")) as alice:
        async with Client.registered(deployment.far.ws_url, unique("bob")) as bob:
            yield alice, bob


class Person:
    """Stays online over reconnects until leave(). Made within a running event loop."""

    RETRY_S = 0.1

    def __init__(self, user: str, urls: list[str], window: int = 8):
        self.user = user
        self.online = False
        self.acked: dict[str, int] = {}  # id -> at
        self.sent: dict[str, tuple[str, str]] = {}  # id -> to, payload
        self.received: dict[tuple[str, str], str] = {}  # (from, id) -> payload
        self.resyncs = 0
        self.drains = 0
        self.close_codes: list[int] = []
        self.faults: list = []  # what the contract does not allow
        self._urls = itertools.cycle(urls)
        self._window = window
        self._unacked: dict[str, None] = {}  # in the order of sending
        self._socket = None
        self._changed = asyncio.Event()
        self._later: set[asyncio.Task] = set()
        self._life = asyncio.create_task(self._live())

    async def say(self, to: str, payload: str) -> str:
        """Sends as soon as fewer than `window` messages wait for their ack; now or at the next connection."""
        await self.until(lambda: len(self._unacked) < self._window, "an ack")
        identifier = f"{self.user}-{len(self.sent)}"
        self.sent[identifier] = (to, payload)
        self._unacked[identifier] = None
        if self.online:
            await self._transmit(identifier)
        return identifier

    async def until(self, condition, what: str, seconds: float = 3 * DEADLINE_S) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, (f"{self.user}: {what} is missing after {seconds:.0f} s; online: {self.online}, "
                              f"unacked: {list(self._unacked)[:5]}, faults: {self.faults[:3]}")
            self._changed.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    async def all_acked(self) -> None:
        await self.until(lambda: not self._unacked, "an ack")

    async def leave(self) -> None:
        for task in (self._life, *self._later):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        assert not self.faults, f"{self.user}: {self.faults[:3]}"

    async def _live(self) -> None:
        attempt = 0
        while True:
            try:
                async with connect(next(self._urls)) as self._socket:
                    await self._register()
                    async for text in self._socket:
                        attempt = 0
                        await self._handle(json.loads(text))
                self.close_codes.append(self._socket.close_code)
            except websockets.ConnectionClosed:
                self.close_codes.append(self._socket.close_code)
                if 4500 <= self._socket.close_code <= 4999:
                    self.faults.append(("closed for good", self._socket.close_code))
                    return
            except (OSError, websockets.InvalidHandshake, asyncio.TimeoutError):
                pass  # nobody listens: the next address, later
            finally:
                self.online = False
                self._changed.set()
            attempt += 1
            await asyncio.sleep(random.uniform(0.02, min(1.0, 0.1 * 2**attempt)))

    async def _handle(self, frame: dict) -> None:
        kind = frame["type"]
        if kind == "registered":
            self.online = True
            for identifier in list(self._unacked):
                await self._transmit(identifier)
        elif kind == "ack":
            self.acked[frame["id"]] = frame["at"]
            self._unacked.pop(frame["id"], None)
        elif kind == "normal":
            self.received[frame["from"], frame["id"]] = frame["payload"]
        elif kind == "resync":
            self.resyncs += 1
        elif kind == "draining":
            self.drains += 1
        elif kind == "error" and frame["code"] in ("unavailable", "rate_limited"):
            again = self._transmit(frame["id"]) if "id" in frame else self._register()
            task = asyncio.create_task(self._after_a_while(again))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
        elif kind not in ("typing", "received", "read"):
            self.faults.append(frame)
        self._changed.set()

    async def _after_a_while(self, action) -> None:
        try:
            await asyncio.sleep(self.RETRY_S)
        except asyncio.CancelledError:
            action.close()
            raise
        await action

    async def _register(self) -> None:
        await self._put(frame_of("register", from_=self.user))

    async def _transmit(self, identifier: str) -> None:
        if identifier not in self._unacked:
            return
        to, payload = self.sent[identifier]
        await self._put(frame_of("normal", id=identifier, to=to, payload=payload))

    async def _put(self, frame: dict) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):  # the next connection repeats it
            await self._socket.send(json.dumps(frame, ensure_ascii=False))


@contextlib.asynccontextmanager
async def crowd(size: int, urls: list[str], name: str = "person"):
    """`size` people, all online, the addresses dealt out in turn."""
    people = [Person(unique(name), urls[index % len(urls):] + urls[:index % len(urls)]) for index in range(size)]
    try:
        for person in people:
            await person.until(lambda person=person: person.online, "registered")
        yield people
    finally:
        leaving = await asyncio.gather(*(person.leave() for person in people), return_exceptions=True)
    for outcome in leaving:
        if isinstance(outcome, BaseException):
            raise outcome


@contextlib.asynccontextmanager
async def conversation(people: list[Person], think_s: float = 0.01):
    """Meanwhile everybody sends to everybody else, in turn; after it, all of that is acked."""
    stop = asyncio.Event()

    async def talk(index: int, person: Person) -> None:
        for number in itertools.count(1):
            if stop.is_set():
                return await person.all_acked()
            other = people[(index + 1 + number % (len(people) - 1)) % len(people)]
            await person.say(other.user, f"{number} / {person.user} → {other.user} ✓")
            await asyncio.sleep(think_s)

    talks = [asyncio.create_task(talk(index, person)) for index, person in enumerate(people)]
    try:
        yield
        stop.set()
        await asyncio.gather(*talks)
    finally:
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def more_acks(people: list[Person], count: int) -> None:
    """Until each of them has `count` more acks than now."""
    before = {person.user: len(person.acked) for person in people}
    for person in people:
        await person.until(lambda person=person: len(person.acked) >= before[person.user] + count, f"{count} more acks")


def lost_and_doubled(people: list[Person], stored: dict[str, list[dict]]) -> tuple[list, list]:
    """`stored`: what sync shows each user. Every acked message must be there for both sides, unchanged; nothing twice; nothing else."""
    lost, wrong = [], []
    copies = {user: {} for user in stored}
    for user, messages in stored.items():
        for message in messages:
            key = message["from"], message["to"], message["id"]
            if key in copies[user]:
                wrong.append(("twice", user, key))
            copies[user][key] = message["payload"]
    written = {(person.user, to, identifier): payload for person in people for identifier, (to, payload) in person.sent.items()}
    wrong += [("not what was sent", user, key) for user, own in copies.items() for key, payload in own.items() if written.get(key) != payload]
    for person in people:
        for identifier in person.acked:
            to = person.sent[identifier][0]
            lost += [(user, identifier) for user in {person.user, to} if (person.user, to, identifier) not in copies[user]]
    return lost, wrong
