"""What attackers send, and two well-behaved users who talk meanwhile.

Attackers come from 127.0.0.2, users from 127.0.0.1: a gateway that trusts no proxy tells them apart.
"""

import asyncio
import contextlib
import os
import pathlib
import re
import select
import socket
import time
import urllib.parse
import uuid

import rest
from chat import DEADLINE_S, Client, eventually, unique
from raw_socket import RawSocket, handshake_request

ATTACKER = "127.0.0.2"


def limited(gateway, limit: str) -> int:
    """How often a limit was met."""
    return rest.metric(gateway.url, f'simplechat_limited_total{{limit="{limit}"}}')


def resident_bytes(pid: int) -> int:
    """Memory of the process's own: what it has written to, libraries' text not."""
    return int(re.search(r"^Anonymous:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1]) * 1024


def is_sanitized(pid: int) -> bool:
    """The program is of build/asan or build/tsan."""
    return pathlib.Path(f"/proc/{pid}/exe").resolve().parts[-3] in ("asan", "tsan")


def connected(url: str, receive_buffer: int | None = None, source: str = ATTACKER) -> socket.socket:
    parts = urllib.parse.urlsplit(url)
    peer = socket.socket()
    peer.settimeout(DEADLINE_S)
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    peer.bind((source, 0))
    peer.connect((parts.hostname, parts.port))
    return peer


class Attacker(RawSocket):
    """An upgraded connection from the attackers' address."""

    def __init__(self, url: str, receive_buffer: int | None = None, source: str = ATTACKER):
        self.socket = connected(url, receive_buffer, source)
        self._bytes = b""
        self.send(handshake_request(url))
        head = self.head()
        assert head.startswith(b"HTTP/1.1 101 "), head

    def head(self) -> bytes:
        while b"\r\n\r\n" not in self._bytes:
            self._more()
        head, self._bytes = self._bytes.split(b"\r\n\r\n", 1)
        return head

    def flood(self, data: bytes, seconds: float, bytes_max: int | None = None) -> int:
        """Sends `data` again and again as fast as it is taken, and keeps what comes for receive(). Returns the bytes sent."""
        sent, left, deadline = 0, memoryview(data), time.monotonic() + seconds
        self.socket.setblocking(False)
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < deadline and (bytes_max is None or sent < bytes_max):
                readable, writable, _ = select.select([self.socket], [self.socket], [], 0.05)
                if readable:
                    received = self.socket.recv(1 << 20)
                    if not received:
                        break
                    self._bytes += received
                if writable:
                    count = self.socket.send(left)
                    sent += count
                    left = left[count:] or memoryview(data)
        self.socket.settimeout(DEADLINE_S)
        return sent

    def frames(self, silence_s: float = 2.0) -> list[tuple[int, bytes]]:
        """All frames that have come, until nothing does for so long or the connection ends."""
        got = []
        self.socket.settimeout(silence_s)
        with contextlib.suppress(OSError, EOFError):
            while True:
                opcode, _, payload = self.receive()
                got.append((opcode, payload))
        self.socket.settimeout(DEADLINE_S)
        return got


def ended(peer: socket.socket, seconds: float) -> bool:
    """Whether the other side ends the connection within that time; what it sends before is thrown away."""
    deadline = time.monotonic() + seconds
    try:
        while (left := deadline - time.monotonic()) > 0:
            peer.settimeout(left)
            if not peer.recv(1 << 16):
                return True
    except TimeoutError:
        return False
    except OSError:
        return True
    return False


def exchange(url: str, data: bytes, seconds: float = 3.0) -> bytes:
    """Everything that comes back for these bytes, until the other side ends the connection or is silent for so long."""
    answer = b""
    with connected(url) as peer:
        with contextlib.suppress(OSError):  # a refusal may come before all is sent
            peer.sendall(data)
        peer.settimeout(seconds)
        with contextlib.suppress(OSError):
            while received := peer.recv(1 << 16):
                answer += received
    return answer


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


class Users:
    """Two who write to each other for as long as the attack lasts."""

    EVERY_S = 0.02

    def __init__(self, gateway, report: dict):
        self.gateway = gateway
        self._report = report
        self._latencies: list[float] = []
        self._over = asyncio.Event()

    async def __aenter__(self):
        self._clients = contextlib.AsyncExitStack()
        self._alice, self._bob = [await self._clients.enter_async_context(Client.registered(self.gateway.ws_url, unique(name)))
                                  for name in ("alice", "bob")]
        await self._say()
        self._before = resident_bytes(self.gateway.pid)
        self._talk = asyncio.create_task(self._talk_on())
        return self

    async def __aexit__(self, failure, *_):
        self._over.set()
        await self._talk  # fails if a message did not arrive
        await self._say()
        assert self.gateway.running()
        await self._clients.aclose()
        if failure is None:
            self._latencies.sort()
            self._report[os.environ["PYTEST_CURRENT_TEST"].rsplit("::", 1)[-1].split(" ")[0]] = {
                "messages": len(self._latencies), "p50_ms": round(1e3 * self._latencies[len(self._latencies) // 2], 1),
                "p99_ms": round(1e3 * self._latencies[int(len(self._latencies) * 0.99)], 1), "growth_mb": round(self.growth() / 1e6, 1)}

    def growth(self) -> int:
        """Memory that the process has more than before; 0 where a sanitizer keeps what was freed, so that it tells nothing."""
        return 0 if is_sanitized(self.gateway.pid) else max(0, resident_bytes(self.gateway.pid) - self._before)

    async def _say(self) -> None:
        identifier = uuid.uuid4().hex
        began = time.monotonic()
        await self._alice.say(self._bob.user, "still here", id=identifier)
        await self._bob.expect("normal", lambda frame: frame["id"] == identifier)
        self._latencies.append(time.monotonic() - began)

    async def _talk_on(self) -> None:
        while not self._over.is_set():
            await self._say()
            await asyncio.sleep(self.EVERY_S)


async def one_more_joins(gateway) -> None:
    """A user who comes only now is served."""
    async with Client.registered(gateway.ws_url, unique("carol")) as carol:
        await carol.say(carol.user, "made it")
        await carol.expect("normal")


async def limit_met(gateway, limit: str, at_least: int) -> None:
    async def met():
        return await asyncio.to_thread(limited, gateway, limit)
    await eventually(met, lambda count: count >= at_least, f"limit {limit}")
