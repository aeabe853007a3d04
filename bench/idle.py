"""User memory of a registered connection that is idle, in one process with 19 000 of them (--connections).

The process's own resident memory (its anonymous pages) with all users registered and idle for some seconds, less that with one user in a
hundred of them come and gone before, divided by their number: session, user id, roster and allocator included, the kernel's sockets not. A
process that may have 20 000 descriptors has room for 19 000 connections and its own files; nothing in the servers assumes that.

`user_mb_after` is the memory with all gone, and with all gone once more: the allocator keeps what was freed, so the two are to be compared.
"""

import time

from cluster import Cluster, database_url, embedded
from harness import UNLIMITED, Bench, cpu_seconds_by_name, state_directory, user_memory_bytes
from holders import Holders
from servers import Servers

CONNECTIONS = 19_000
RATE = 4000  # connections a second
SETTLE_S = 5  # a session keeps notes of what it was shown for its first two seconds


def hold(bench: Bench, state, pid: int, ws_port: int, users: int) -> tuple[dict, int, float]:
    """Connects `users`, closes them again; what connecting told, the memory while all were idle, and the CPU time until then."""
    with Holders(bench.program("chat-hold"), users, [ws_port], state / "log") as holders:
        before = cpu_seconds_by_name({"server": pid})["server"]
        connected = holders.ask("connect", 60 + users / 500, total_rate=RATE)
        seconds = cpu_seconds_by_name({"server": pid})["server"] - before
        time.sleep(SETTLE_S)
        memory = user_memory_bytes(pid)
        holders.ask("close", 60)
        return connected, memory, seconds


def measure(bench: Bench, state, pid: int, ws_port: int) -> dict:
    users = bench.connections or CONNECTIONS
    hold(bench, state, pid, ws_port, max(2, users // 100))
    time.sleep(SETTLE_S)
    base = user_memory_bytes(pid)
    connected, memory, cpu_s = hold(bench, state, pid, ws_port, users)
    after = []
    for again in (False, True):
        if again:
            hold(bench, state, pid, ws_port, users)
        time.sleep(SETTLE_S)
        after.append(round(user_memory_bytes(pid) / 1e6, 1))
    return {"connections": users, "user_bytes_per_connection": round((memory - base) / users), "user_mb_base": round(base / 1e6, 1),
            "user_mb_with_all": round(memory / 1e6, 1), "user_mb_after": after, "cpu_us_per_registration": round(1e6 * cpu_s / users, 1),
            "register_us": connected["register_us"]}


def run_idle(bench: Bench) -> None:
    with state_directory() as state:
        server = embedded(bench.bin, state, flags=UNLIMITED).start_ready()
        try:
            in_one_process = measure(bench, state, server.pid, server.ws_port)
        finally:
            server.stop()
    with state_directory() as state, Servers(state / "servers") as servers:
        with Cluster(bench.bin, state, servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "bench"), 1,
                     gateway_flags=UNLIMITED) as running:
            gateway = running.gateways[0]
            bench.report("idle", {"simplechat": in_one_process, "sv-websocket": measure(bench, state, gateway.pid, gateway.ws_port)})


SCENARIOS = {"idle": run_idle}
