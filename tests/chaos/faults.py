"""The faults: what can be done to a World, and in which order a seed has it done."""

import asyncio
import dataclasses
import random
import signal
from collections.abc import Awaitable, Callable

from checker import TOLD_WITHIN_S
from history import FaultRecord
from world import LEASE_S, World

STALL_S = LEASE_S + 2
PEACE = 0.4  # how often a fault is followed by a time long enough to judge what it has left
PEACE_S = TOLD_WITHIN_S + 1.5


@dataclasses.dataclass
class Kind:
    """`targets(world)`: whom or how it can hit. `strike(world, target, rng, record)` returns when the fault is over."""

    targets: Callable[[World], list]
    strike: Callable[[World, object, random.Random, FaultRecord], Awaitable[None]]


async def kill_service(world, service, rng, record):
    down_s = rng.uniform(0.1, 3)
    record.what = f"kill -9 {service.name}, again after {down_s:.1f} s"
    await asyncio.to_thread(service.kill)
    await asyncio.sleep(down_s)
    await asyncio.to_thread(world.start_service, service)


async def restart_rabbitmq(world, how, rng, record):
    record.what = f"RabbitMQ: {how}"
    broker = world.servers.rabbitmq
    await asyncio.to_thread(broker.kill if how == "kill -9" else lambda: broker.process.stop(60))
    await asyncio.sleep(rng.uniform(0.1, 2))
    await asyncio.to_thread(broker.start)


async def restart_redis(world, how, rng, record):
    record.what = f"Redis: {how}, comes back empty"
    redis = world.servers.redis
    await asyncio.to_thread(redis.kill if how == "kill -9" else redis.stop)
    await asyncio.sleep(rng.uniform(0.1, 3))
    await asyncio.to_thread(redis.start)


async def crash_postgres(world, _how, rng, record):
    record.what = "PostgreSQL: immediate shutdown, recovery"
    await asyncio.to_thread(world.servers.postgres.kill)
    await asyncio.sleep(rng.uniform(0.1, 3))
    await asyncio.to_thread(world.start_postgres)


async def stall(_world, process, _rng, record):
    record.what = f"{process.name} stopped for {STALL_S:.0f} s"
    process.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(STALL_S)
    finally:
        process.signal(signal.SIGCONT)


async def cut(world, name, record, how: str, seconds: float, **settings):
    record.what = f"{name} {how} for {seconds:.1f} s"
    reset = settings.pop("reset_after", False)
    if reset:
        record.what += ", then reset"
    world.links.cut(name, **settings)
    try:
        await asyncio.sleep(seconds)
    finally:
        world.links.heal(name, reset)


async def cut_refuse(world, name, rng, record):
    await cut(world, name, record, "refuses", rng.choice([rng.uniform(0.2, 3), rng.uniform(3, 12)]), mode="refuse")


async def cut_silent(world, name, rng, record):
    """Longer than the lease, or shorter; what was under way comes late, or never."""
    await cut(world, name, record, "silent", rng.choice([rng.uniform(1, 5), rng.uniform(5, 14)]), mode="silent",
              reset_after=rng.random() < 0.5)


async def cut_slow(world, name, rng, record):
    """Around the deadline that services give each other's answers, 2 s."""
    delay = rng.choice([0.2, 1.0, 1.9, 3.0])
    await cut(world, name, record, f"{delay} s late", rng.uniform(3, 8), mode="slow", delay=delay, reset_after=rng.random() < 0.3)


async def fill_disk(world, _how, rng, record):
    seconds = rng.uniform(2, 6)
    record.what = f"the store's disk full for {seconds:.1f} s"
    postgres = world.servers.postgres
    world.disk.fill()
    try:
        await asyncio.sleep(seconds)
    finally:
        world.disk.empty()
    if not postgres.process.running():  # it panicked and could not recover
        record.what += "; PostgreSQL ended"
        await asyncio.to_thread(world.start_postgres)
    else:
        await asyncio.to_thread(postgres.process.wait_ready, postgres.ready, 60)


KINDS = {
    "kill-gateway": Kind(lambda world: list(world.cluster.gateways), kill_service),
    "kill-discover": Kind(lambda world: [world.cluster.discover], kill_service),
    "kill-persist": Kind(lambda world: list(world.cluster.persisters), kill_service),
    "rabbitmq": Kind(lambda _: ["kill -9", "restart"], restart_rabbitmq),
    "redis": Kind(lambda _: ["kill -9", "restart"], restart_redis),
    "postgres": Kind(lambda _: ["crash"], crash_postgres),
    "stall": Kind(lambda world: [*world.cluster.services, world.servers.redis.process], stall),
    "cut-refuse": Kind(lambda world: list(world.links.names), cut_refuse),
    "cut-silent": Kind(lambda world: list(world.links.names), cut_silent),
    "cut-slow": Kind(lambda world: list(world.links.names), cut_slow),
    "disk": Kind(lambda world: [None] if world.disk.mounted else [], fill_disk),
}


class Plan:
    """Rounds of all kinds in random order; a kind takes its targets in random order too, and all before any again."""

    def __init__(self, world: World, kinds: list[str], seed: int):
        self._rng = random.Random(f"faults {seed}")
        self._targets = {kind: KINDS[kind].targets(world) for kind in kinds}
        self.skipped = [kind for kind in kinds if not self._targets[kind]]
        self._decks: dict[str, list] = {}
        self._round: list[str] = []
        self.rounds = 0  # complete ones

    def next(self) -> tuple[str, object, random.Random]:
        if not self._round:
            self._round = [kind for kind in self._targets if self._targets[kind]]
            self._rng.shuffle(self._round)
        kind = self._round.pop()
        if not self._round:
            self.rounds += 1
        if not self._decks.get(kind):
            self._decks[kind] = list(self._targets[kind])
            self._rng.shuffle(self._decks[kind])
        return kind, self._decks[kind].pop(), random.Random(self._rng.random())

    def pause_s(self) -> float:
        return PEACE_S if self._rng.random() < PEACE else self._rng.uniform(0.3, 3)
