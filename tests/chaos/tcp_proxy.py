"""A process that stands between services and breaks the network between them on command. links.py starts and commands it.

Commands are JSON lines on stdin, each answered with one on stdout; it ends when stdin does.
  {"op": "add", "name", "listen", "target"}         ports on 127.0.0.1
  {"op": "set", "name", "mode", "delay", "reset"}   mode: pass, refuse (nobody listens, connections are reset), silent (connections
      stay or come about, nothing passes either way) or slow (everything `delay` seconds later). `reset`: connections that were there
      before are reset as well; otherwise what had been held back passes now.
"""

import asyncio
import collections
import json
import socket
import struct
import sys

# In a Side's backlog:
END = object()  # the other connection will send no more
LOST = object()  # the other connection is no more


class Side(asyncio.Protocol):
    """One of the two connections of a pair. What arrives here leaves at `other`."""

    def __init__(self, link: "Link"):
        self.link = link
        self.other: Side | None = None
        self.transport: asyncio.Transport | None = None
        self._backlog = collections.deque()  # (due, data) from the other side, not written yet
        self._timer: asyncio.TimerHandle | None = None
        self._congested = False
        self._heard_end = False
        self._sent_end = False

    def connection_made(self, transport) -> None:
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.link.sides.add(self)
        # Not at once: the transport begins to read right after this, whatever was said here (Python 3.11).
        asyncio.get_running_loop().call_soon(self.throttle)

    def connection_lost(self, _error) -> None:
        self.link.sides.discard(self)
        if self._timer:
            self._timer.cancel()
        if self.other:
            self.other.push(LOST)

    def eof_received(self) -> bool:
        self._heard_end = True
        self.other.push(END)
        self._close_if_done()
        return True  # the other direction goes on

    def data_received(self, data: bytes) -> None:
        self.other.push(data)

    def pause_writing(self) -> None:
        self._congested = True
        self.other.throttle()

    def resume_writing(self) -> None:
        self._congested = False
        self.other.throttle()

    def throttle(self) -> None:
        """Reads exactly when what is read could go on."""
        go = self.other is not None and self.other.transport is not None and not self.other._congested and self.link.mode != "silent"
        if self.transport.is_closing() or go == self.transport.is_reading():
            return
        if go:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def push(self, data) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if self._backlog or self.link.mode != "pass":
            delay = self.link.delay if self.link.mode == "slow" else 0
            self._backlog.append((asyncio.get_running_loop().time() + delay, data))
            self.drain()
        else:
            self._write(data)

    def drain(self) -> None:
        """Writes what is due, in order."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        now = asyncio.get_running_loop().time()
        while self._backlog and self.link.mode != "silent":
            due, data = self._backlog[0]
            if due > now and self.link.mode == "slow":
                self._timer = asyncio.get_running_loop().call_at(due, self.drain)
                return
            self._backlog.popleft()
            self._write(data)

    def reset(self) -> None:
        """The peer sees RST."""
        self._backlog.clear()
        if self.transport and not self.transport.is_closing():
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()

    def _write(self, data) -> None:
        if self.transport.is_closing():
            return
        if data is LOST:
            self.transport.close()
        elif data is END:
            try:
                self.transport.write_eof()
            except OSError:  # reset by its peer, which nobody has read yet
                self.transport.abort()
                return
            self._sent_end = True
            self._close_if_done()
        else:
            self.transport.write(data)

    def _close_if_done(self) -> None:
        if self._heard_end and self._sent_end:
            self.transport.close()


class Link:
    def __init__(self, listen: int, target: int):
        self.mode = "pass"
        self.delay = 0.0
        self.sides: set[Side] = set()
        self._listen, self._target = listen, target
        self._server: asyncio.Server | None = None
        self._open = asyncio.Event()  # something may be connected to the target
        self._open.set()
        self._connecting: set[asyncio.Task] = set()

    async def listen(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(self._accept, "127.0.0.1", self._listen)

    async def set(self, mode: str, delay: float, reset: bool) -> None:
        if reset or mode == "refuse":
            for side in list(self.sides):
                side.reset()
        self.mode, self.delay = mode, delay
        if mode == "silent":
            self._open.clear()
        else:
            self._open.set()
        for side in list(self.sides):
            side.throttle()
            side.drain()
        if mode == "refuse" and self._server:
            self._server.close()
            self._server = None
        elif mode != "refuse" and not self._server:
            await self.listen()

    def _accept(self) -> Side:
        near = Side(self)
        task = asyncio.create_task(self._connect(near))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return near

    async def _connect(self, near: Side) -> None:
        await self._open.wait()
        far = Side(self)
        far.other = near
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", self._target)
        except OSError:
            near.reset()
            return
        near.other = far
        if near.transport.is_closing():
            far.reset()
            return
        near.throttle()
        far.throttle()


async def serve() -> None:
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    links: dict[str, Link] = {}
    while line := await commands.readline():
        command = json.loads(line)
        try:
            if command["op"] == "add":
                links[command["name"]] = Link(command["listen"], command["target"])
                await links[command["name"]].listen()
            else:
                await links[command["name"]].set(command["mode"], command["delay"], command["reset"])
            answer = {"ok": True}
        except (OSError, KeyError) as error:
            answer = {"ok": False, "error": repr(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
