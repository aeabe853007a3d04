"""The embedding application: an HTTP server that answers the gateways' hooks as a test wants."""

import asyncio
import dataclasses
import inspect
import json
import threading
import time

from aiohttp import web

ALLOW = {"allow": True}


async def silence(_) -> None:
    """An answer that never comes."""
    await asyncio.sleep(3600)


@dataclasses.dataclass
class Question:
    headers: dict
    raw: bytes

    @property
    def body(self) -> dict:
        return json.loads(self.raw)


class Application:
    """`answer`: a body (dict, or bytes as they are), a status (int), or a function of the question's body that gives one of these, possibly
    async. Runs on a thread of its own."""

    def __init__(self):
        self.answer = ALLOW
        self.asked: list[Question] = []
        self._handlers: set[asyncio.Task] = set()
        self.most_under_way = 0
        self.loop = asyncio.new_event_loop()
        self.port = 0
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._runner = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        """Also again, on the same port."""
        asyncio.run_coroutine_threadsafe(self._start(), self.loop).result()

    def stop(self) -> None:
        """Nobody listens any more."""
        asyncio.run_coroutine_threadsafe(self._stop(), self.loop).result()

    def close(self) -> None:
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def reset(self) -> None:
        """As new; what is not answered yet never is."""
        asyncio.run_coroutine_threadsafe(self._end_handlers(), self.loop).result()
        self.answer = ALLOW
        self.asked.clear()
        self.most_under_way = 0

    @property
    def under_way(self) -> int:
        return len(self._handlers)

    def ids(self) -> list[str]:
        return [question.body["id"] for question in self.asked]

    async def until_asked(self, count: int, seconds: float = 20.0) -> None:
        """From the test's own loop."""
        deadline = time.monotonic() + seconds
        while len(self.asked) < count:
            assert time.monotonic() < deadline, f"asked {len(self.asked)} times, not {count}"
            await asyncio.sleep(0.01)

    async def _start(self) -> None:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_post("/hook", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True, shutdown_timeout=0.1).start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._end_handlers()
        await self._runner.cleanup()

    async def _end_handlers(self) -> None:
        for handler in list(self._handlers):
            handler.cancel()
        while self._handlers:
            await asyncio.sleep(0)

    async def _handle(self, request: web.Request) -> web.Response:
        question = Question(dict(request.headers), await request.read())
        self.asked.append(question)
        self._handlers.add(asyncio.current_task())
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            answer = self.answer(question.body) if callable(self.answer) else self.answer
            if inspect.isawaitable(answer):
                answer = await answer
        finally:
            self._handlers.discard(asyncio.current_task())
        if isinstance(answer, int):
            return web.Response(status=answer, text=json.dumps(ALLOW))
        return web.Response(body=answer if isinstance(answer, bytes) else json.dumps(answer).encode())
