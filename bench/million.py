"""A million registered connections on one machine, in a cluster of real processes (--connections for fewer).

Gateways (one reactor, one producer each), one sv-discover, one sv-persist, Redis, RabbitMQ and PostgreSQL, and processes of chat-hold with
the users. A process may have 20 000 descriptors where limits are low, and the gateways that are left when a third has died must hold
everybody, so there are three gateways for every 38 400 users: 79 for the million. Source addresses are spread over 127.0.0.0/8. Everything runs in
a network namespace of its own, and kernel settings are raised and put back (kernel.py). The directory, the queue and the store, which would have
machines of their own, go before the 130 processes of gateways and users: else each registration and each message waits for several turns among all
of them. The phases, all bounded in time:

1. connect   all users open their connection and register, RATE a second. Then the memory per connection, by part: `user` is the part's
             own anonymous pages, `kernel` is what the machine has less than before beside all that, so both ends of each connection.
2. hold      heartbeats and lease renewals for 30 times --seconds (five minutes), CPU by part. A renewal's cost is all that sv-discover
             and Redis spend in that time, divided by the renewals.
3. messages  between random pairs at random moments: 500 a second for 3 times --seconds, in which the gateways open their connections to one
             another, then --rate (10 000) for --seconds. Latencies count from the moment a message was due (chat-hold). Where the machine is not
             fast enough for the rate, they grow with the time it lasts.
4. kill      a third of the gateways die (SIGKILL). Their users reconnect with the web client's backoff to a random gateway of the list, the
             dead included. The time until all are registered again, and until the directory's look-up of each names a living gateway.
             `away_us` is how long each user was not registered.
5. close     all connections end; what is left of sessions, records and memory.

Records of released users live for ten minutes more in the directory, as tombstones against late changes; `records_left` counts their
keys, and `records_left_for_ms` is the longest time to live in a sample of them. `others` in CPU figures is what the machine did beside the
parts: kernel threads and interrupts, this script, and whatever else ran.

The run ends early when less than 1.5 GB of the machine's memory is available.
"""

import contextlib
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from cluster import Cluster, Gateway, database_url
from harness import TICKS_PER_S, UNLIMITED, Bench, cpu_seconds_by_name, metric, state_directory, user_memory_bytes
from holders import Holders
from kernel import MANY_CONNECTIONS, ONE_SHARE_PER_THREAD, adjusted, own_network
from servers import Servers

CONNECTIONS = 1_000_000
USERS_PER_GATEWAY_MAX = 19_200  # after the kill
RATE = 8000  # connections a second, over all
MESSAGES_PER_S = 10_000
EASY_MESSAGES_PER_S = 500  # for which two cores are fast enough beside a million heartbeats
ANSWER_S = 240.0  # for what a command to the users takes beside its own time, on a machine that is not fast enough for the load
LOCATE_BATCH = 10_000
RESETTLE_S = 300.0  # within which all must be found again
AVAILABLE_BYTES_MIN = 1_500_000_000
PENDING_PER_PROCESS = 16  # registrations under way at a time: what the gateways are late by must not pile up to deadlines
NICE_OF_SHARED = -10  # of what all gateways share


class World:
    """The cluster, the servers under it, and the users."""

    def __init__(self, servers: Servers, cluster: Cluster):
        self.servers, self.cluster = servers, cluster
        self.holders: Holders | None = None
        self.killed: list[Gateway] = []

    @property
    def living(self) -> list[Gateway]:
        return [gateway for gateway in self.cluster.gateways if gateway not in self.killed]

    def pids(self) -> dict[str, dict[str, int]]:
        """By part, then by name."""
        return {"gateways": {gateway.name: gateway.pid for gateway in self.living},
                "sv-discover": {"sv-discover": self.cluster.discover.pid}, "redis": {"redis": self.servers.redis.process.pid},
                "sv-persist": {service.name: service.pid for service in self.cluster.persisters},
                "rabbitmq": {"rabbitmq": self.servers.rabbitmq.process.pid}, "postgresql": {"postgresql": self.servers.postgres.process.pid},
                "users": self.holders.pids if self.holders else {}}

    def cpu_s(self) -> dict[str, float]:
        by_part = self.pids()
        by_name = cpu_seconds_by_name({name: pid for part in by_part.values() for name, pid in part.items()})
        used = {part: sum(by_name[name] for name in names) for part, names in by_part.items()}
        return {**used, "others": busy_seconds() - sum(used.values())}

    def user_bytes(self) -> dict[str, int]:
        return {part: sum(map(user_memory_bytes, pids.values())) for part, pids in self.pids().items() if part not in ("rabbitmq", "postgresql")}

    def redis(self, *words: str) -> str:
        return subprocess.run(["redis-cli", "-p", str(self.servers.redis.port), *words], check=True, capture_output=True, text=True).stdout.strip()

    def directory(self) -> dict[str, int]:
        return {"keys": int(self.redis("DBSIZE")), "bytes": int(re.search(r"used_memory:(\d+)", self.redis("INFO", "memory"))[1])}

    def located(self, users: list[int]) -> list[list[str]] | None:
        """The gateways of each; None if the directory says that it has too much to do."""
        request = urllib.request.Request(self.cluster.discover.url + "/v1/locate", json.dumps({"users": [str(user) for user in users]}).encode(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                return json.loads(answer.read())["gateways"]
        except urllib.error.HTTPError as refused:
            if refused.code == 503:
                return None
            raise


def favour(pid: int) -> None:
    """All threads of the process and of those that it has started."""
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(thread.name), NICE_OF_SHARED)
        for child in (thread / "children").read_text().split():
            favour(int(child))


def available_bytes() -> int:
    return int(re.search(r"MemAvailable:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) * 1024


def busy_seconds() -> float:
    """Of all cores together."""
    user, nice, system, _idle, _iowait, irq, softirq = map(int, pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS_PER_S


@contextlib.contextmanager
def memory_watched():
    """Ends this process, as SIGTERM does, when the machine's memory runs out."""
    ended = threading.Event()

    def watch():
        while not ended.wait(0.5):
            if available_bytes() < AVAILABLE_BYTES_MIN:
                print("the machine's memory runs out", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGTERM)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def cpu_per(before: dict[str, float], after: dict[str, float], count: float) -> dict[str, float]:
    """Microseconds of each part."""
    return {part: round(1e6 * (after[part] - before[part]) / max(1, count), 2) for part in after}


def connect(world: World, users: int) -> dict:
    user_before, available_before, cpu_before = world.user_bytes(), available_bytes(), world.cpu_s()
    connected = world.holders.ask("connect", 120 + users / 1000, total_rate=RATE)
    cpu_after = world.cpu_s()
    time.sleep(5)  # a session keeps notes for its first two seconds
    user_after, available_after = world.user_bytes(), available_bytes()
    grown = {part: user_after[part] - user_before.get(part, 0) for part in user_after}
    return {"registered": connected["registered"], "seconds": connected["seconds"], "refused": connected["refused"], "errors": connected["errors"],
            "register_us": connected["register_us"], "cpu_us_per_registration": cpu_per(cpu_before, cpu_after, users),
            "user_bytes_per_connection": {part: round(size / users) for part, size in grown.items()},
            "kernel_bytes_per_connection": round((available_before - available_after - sum(grown.values())) / users),
            "available_gb": round(available_after / 1e9, 2), "directory": world.directory()}


def hold(world: World, seconds: float) -> dict:
    renewals_before, cpu_before, began = metric(world.cluster.discover.url, "lease_renewals_total"), world.cpu_s(), time.monotonic()
    world.holders.ask("stats", ANSWER_S)
    time.sleep(seconds)
    stats, cpu_after, took = world.holders.ask("stats", ANSWER_S), world.cpu_s(), time.monotonic() - began
    renewals = metric(world.cluster.discover.url, "lease_renewals_total") - renewals_before
    spent = {part: cpu_after[part] - cpu_before[part] for part in cpu_after}
    return {"seconds": round(took, 1), "registered": stats["registered"], "lost": stats["lost"], "resyncs": stats["resyncs"], "pings": stats["pings"],
            "renewals": renewals, "cpu_us_per_renewal": round(1e6 * (spent["sv-discover"] + spent["redis"]) / max(1, renewals), 1),
            "cpu_us_per_heartbeat": {part: round(1e6 * spent[part] / max(1, stats["pings"]), 2) for part in ("gateways", "users")},
            "cpu_percent": {part: round(100 * used / took, 1) for part, used in spent.items()}, "user_bytes": world.user_bytes()}


def send_messages(world: World, rate: float, seconds: float) -> dict:
    settle(world)
    cpu_before = world.cpu_s()
    sent = world.holders.ask(f"send {seconds}", ANSWER_S + seconds, total_rate=rate)
    kept = ("sent", "skipped", "acked", "delivered", "resyncs", "lost", "errors", "pings", "delivery_us", "ack_us")
    return {"offered_per_s": rate, "send_seconds": seconds, **{name: sent[name] for name in kept},
            "cpu_us_per_message": cpu_per(cpu_before, world.cpu_s(), sent["acked"])}


def settle(world: World) -> None:
    """Waits until nothing of what was sent is on its way any more, for some minutes at most."""
    for _ in range(120):
        stats = world.holders.ask("stats", ANSWER_S)
        if stats["acked"] + stats["delivered"] + stats["resyncs"] == 0:
            return
        time.sleep(1)


def kill_a_third(world: World, users: int) -> dict:
    gateways = world.cluster.gateways
    settle(world)
    world.killed = gateways[:len(gateways) // 3]
    dead = {gateway.url for gateway in world.killed}
    missing = [user for user in range(users) if user % len(gateways) < len(dead)]
    lost = len(missing)
    result: dict = {"gateways_killed": len(dead), "users": lost}
    cpu_before, began = world.cpu_s(), time.monotonic()
    for gateway in world.killed:
        os.kill(gateway.pid, signal.SIGKILL)  # nobody waits for their ends: the kernel takes its time for so many sockets
    while not {"all_registered_after_s", "all_found_after_s"} <= result.keys() and time.monotonic() < began + RESETTLE_S:
        stats = world.holders.ask("peek", ANSWER_S)
        if "all_registered_after_s" not in result and stats["lost"] >= lost and stats["registered"] == users:
            result["all_registered_after_s"] = round(time.monotonic() - began, 1)
        missing = still_missing(world, missing, dead)
        if "all_found_after_s" not in result and not missing:
            result["all_found_after_s"] = round(time.monotonic() - began, 1)
        time.sleep(0.5)
    stats, cpu_after, took = world.holders.ask("stats", ANSWER_S), world.cpu_s(), time.monotonic() - began
    kept = ("registered", "lost", "refused", "registrations", "resyncs", "errors", "away_us", "register_us")
    return {**result, "not_found": len(missing), **{name: stats[name] for name in kept}, "sessions_max": max(sessions(world)),
            "cpu_percent": {part: round(100 * (cpu_after[part] - cpu_before[part]) / took, 1) for part in cpu_before if part != "gateways"},
            "directory": world.directory()}


def still_missing(world: World, users: list[int], dead: set[str]) -> list[int]:
    missing: list[int] = []
    for first in range(0, len(users), LOCATE_BATCH):
        batch = users[first:first + LOCATE_BATCH]
        found = world.located(batch)
        missing += [user for user, urls in zip(batch, found) if dead.issuperset(urls)] if found else batch
        if len(missing) > 2 * LOCATE_BATCH:  # far from done: the rest is looked at another time
            return missing + users[first + LOCATE_BATCH:]
    return missing


def sessions(world: World) -> list[int]:
    return [int(metric(gateway.url, "sessions")) for gateway in world.living]


def close(world: World, users: int, base: dict) -> dict:
    began = time.monotonic()
    closed = world.holders.ask("close", ANSWER_S)
    world.holders.stop()
    world.holders = None
    while sum(sessions(world)) > 0 and time.monotonic() < began + 240:
        time.sleep(0.5)
    seconds = time.monotonic() - began
    time.sleep(5)  # what waits for the directory
    found = 0
    for first in range(0, users, LOCATE_BATCH):
        found += sum(1 for urls in world.located(list(range(first, min(users, first + LOCATE_BATCH)))) or [] if urls)
    sample = [int(world.redis("PTTL", world.redis("RANDOMKEY") or "-")) for _ in range(300)]
    return {"seconds": round(seconds, 1), "open": closed["open"], "sessions": sum(sessions(world)),
            "connections": sum(int(metric(gateway.url, "websocket_connections")) for gateway in world.living), "found": found,
            "records_left": world.directory()["keys"], "records_left_for_ms": max(sample),
            "user_mb_per_gateway": {"base": round(base["user_bytes"]["gateways"] / base["gateways"] / 1e6, 2),
                                    "after": round(world.user_bytes()["gateways"] / len(world.living) / 1e6, 2)},
            "available_gb": {"base": round(base["available"] / 1e9, 2), "after": round(available_bytes() / 1e9, 2)}}


def run_phases(bench: Bench, world: World, state: pathlib.Path, users: int, result: dict) -> None:
    base = {"user_bytes": world.user_bytes(), "gateways": len(world.living), "available": available_bytes()}
    ports = [gateway.ws_port for gateway in world.cluster.gateways]
    for part, pids in world.pids().items():
        if part != "gateways":
            for pid in pids.values():
                favour(pid)
    with Holders(bench.program("chat-hold"), users, ports, state / "log", ["--pending", PENDING_PER_PROCESS]) as holders:
        time.sleep(1)
        world.holders = holders
        rate = bench.rate or MESSAGES_PER_S
        phases = {"connect": lambda: connect(world, users), "hold": lambda: hold(world, 30 * bench.seconds),
                  "messages_easy": lambda: send_messages(world, EASY_MESSAGES_PER_S, 3 * bench.seconds),
                  "messages": lambda: send_messages(world, rate, bench.seconds), "kill": lambda: kill_a_third(world, users)}
        for name, phase in phases.items():
            result["reached"] = name
            result[name] = phase()
            print(json.dumps({name: result[name]}), flush=True)
        result["reached"] = "close"
        result["close"] = close(world, users, base)
        result["reached"] = "end"


def run_million(bench: Bench) -> None:
    users = bench.connections or CONNECTIONS
    gateways = max(3, math.ceil(users * 3 / 2 / USERS_PER_GATEWAY_MAX))
    result: dict = {"connections": users, "gateways": gateways}
    try:
        with contextlib.ExitStack() as prepared:
            prepared.enter_context(adjusted(MANY_CONNECTIONS, ONE_SHARE_PER_THREAD))
            prepared.enter_context(own_network())
            prepared.enter_context(adjusted(MANY_CONNECTIONS, {}))  # which of them are the namespace's
            prepared.enter_context(memory_watched())
            state = prepared.enter_context(state_directory())
            servers = prepared.enter_context(Servers(state / "servers"))
            with Cluster(bench.bin, state, servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "bench"), gateways,
                         gateway_flags=["--threads", 1, "--producers", 1, *UNLIMITED], persist_flags=["--consumers", 1]) as cluster:
                run_phases(bench, World(servers, cluster), state, users, result)
    finally:  # what was measured before something failed is a result too
        bench.report("million", result)


SCENARIOS = {"million": run_million}
