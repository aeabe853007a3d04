"""What TLS costs a gateway, against the same without it: memory of an idle connection and CPU of a message, in one process with one reactor.

The load is this script's own, one thread with Python's ssl over asyncio: it saturates long before the gateway does, so the figures are the
gateway's CPU time for each message (a pair of users in lockstep, --window messages under way on each of the senders) and nothing of throughput.
"""

import asyncio
import json
import sys
import time

from harness import ROOT, Bench, cpu_seconds_by_name, state_directory, user_memory_bytes

sys.path.insert(0, str(ROOT / "tests" / "system"))

from certificates import Authority  # noqa: E402
from cluster import embedded  # noqa: E402
from websockets import connect  # noqa: E402

IDLE = 1000
PAIRS = 100
PAYLOAD = "x" * 200


async def open_user(gateway, name: str):
    socket = await connect(gateway.ws_url, ssl=gateway.tls, compression=None, max_queue=None, ping_interval=None)
    await socket.send(json.dumps({"type": "register", "from": name}))
    await socket.recv()
    return socket


async def memory_of_idle(gateway, users: int) -> dict:
    first = [await open_user(gateway, f"first-{index}") for index in range(50)]  # so that what is made once is there
    await asyncio.sleep(4)
    base, before = user_memory_bytes(gateway.pid), cpu_seconds_by_name({"server": gateway.pid})["server"]
    sockets = [await open_user(gateway, f"user-{index}") for index in range(users)]
    cpu = cpu_seconds_by_name({"server": gateway.pid})["server"] - before
    await asyncio.sleep(4)
    memory = user_memory_bytes(gateway.pid) - base
    for socket in [*first, *sockets]:
        await socket.close()
    return {"user_bytes_per_connection": round(memory / users), "cpu_us_per_registration": round(1e6 * cpu / users)}


async def cpu_of_messages(gateway, window: int, seconds: float) -> dict:
    senders = [await open_user(gateway, f"sender-{index}") for index in range(PAIRS)]
    receivers = [await open_user(gateway, f"receiver-{index}") for index in range(PAIRS)]
    until, sent = time.monotonic() + seconds, 0

    async def speak(index: int) -> None:
        nonlocal sent
        while time.monotonic() < until:
            for _ in range(window):
                await senders[index].send(json.dumps({"type": "normal", "to": f"receiver-{index}", "payload": PAYLOAD}))
            for _ in range(window):
                await senders[index].recv()  # its ack
                await receivers[index].recv()
            sent += window

    before = cpu_seconds_by_name({"server": gateway.pid})["server"]
    await asyncio.gather(*(speak(index) for index in range(PAIRS)))
    cpu = cpu_seconds_by_name({"server": gateway.pid})["server"] - before
    for socket in [*senders, *receivers]:
        await socket.close()
    return {"messages": sent, "cpu_us_per_message": round(1e6 * cpu / sent, 1)}


async def measure(gateway, bench: Bench) -> dict:
    return {**await memory_of_idle(gateway, bench.connections or IDLE), **await cpu_of_messages(gateway, bench.window or 1, bench.seconds)}


def run_tls(bench: Bench) -> None:
    result = {}
    for name in ("plain", "tls"):
        with state_directory() as state:
            authority = Authority(state / "authority")
            flags = authority.issue("gateway").flags if name == "tls" else []
            gateway = embedded(bench.bin, state, ["--threads", "1", *flags], tls=authority.context() if name == "tls" else None).start_ready()
            try:
                result[name] = asyncio.run(measure(gateway, bench))
            finally:
                gateway.stop()
    bench.report("tls", result)


SCENARIOS = {"tls": run_tls}
