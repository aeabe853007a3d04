#!/usr/bin/env python3
"""The fault test: a real cluster under load from reconnecting clients, while one fault after another is done to it.

    run.py --bin DIR [--seconds S] [--seed N] [--rate MESSAGES_PER_S] [--kinds a,b,...]

Everything follows from the seed but the timing. Ends with a table and build/chaos/report.json, and the logs beside it; exit status 1
if anything was lost, doubled, altered, missed, reordered, hidden or unanswered, or a process ended by itself.
"""

import argparse
import asyncio
import contextlib
import datetime
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy" / "local"), str(ROOT / "tests" / "system")]

import report  # noqa: E402
from checker import check  # noqa: E402
from client import ChaosClient  # noqa: E402
from faults import KINDS, PEACE_S, Plan  # noqa: E402
from history import ClientRecord, FaultRecord, History  # noqa: E402
from remove_tree import remove_tree  # noqa: E402
from world import World  # noqa: E402

PAIRS, RINGS, RING = 20, 5, 4
TWO_SESSIONS = 12  # users with two clients
IMPATIENT_S, PATIENT_S = 6.0, 30.0  # silence after which a client gives up; the patient ones stay through a stall
PROBE_RATE = 5.0
WARM_UP_S = 4.0
SETTLE_S = 90.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

now = time.monotonic


class Run:
    def __init__(self, arguments, world: World):
        self.arguments = arguments
        self.world = world
        self.history = History()
        self.acks: list[float] = []
        self.clients: list[ChaosClient] = []
        self.probes: list[ClientRecord] = []
        self.start = now()

    def say(self, text: str) -> None:
        print(f"{now() - self.start:7.1f} {text}", flush=True)

    async def run(self) -> None:
        plan = Plan(self.world, self.arguments.kinds, self.arguments.seed)
        for kind in plan.skipped:
            self.say(f"{kind}: left out, no small disk could be mounted here (that takes root)")
        self.say(f"the run's second 0 is {datetime.datetime.utcnow() - datetime.timedelta(seconds=now() - self.start)}Z in the logs")
        self.make_clients()
        lag = asyncio.create_task(self.watch_lag())
        try:
            await asyncio.sleep(WARM_UP_S)
            last_fault = self.start + self.arguments.seconds - PEACE_S - 2
            while now() < last_fault or plan.rounds == 0:
                await self.strike(plan)
            await asyncio.sleep(PEACE_S)
            await self.settle()
        finally:
            lag.cancel()
            await asyncio.gather(*(client.leave() for client in self.clients))

    def make_clients(self) -> None:
        rng = random.Random(f"clients {self.arguments.seed}")
        peers: dict[str, list[str]] = {}
        for pair in range(PAIRS):
            left, right = f"p{pair}a", f"p{pair}b"
            peers[left], peers[right] = [right], [left]
        for ring in range(RINGS):
            members = [f"r{ring}{letter}" for letter in "abcdefgh"[:RING]]
            for place, member in enumerate(members):
                peers[member] = [members[place - 1], members[(place + 1) % RING]]
        probes = ["p0a", "p0b"]
        doubles = rng.sample([user for user in peers if user not in probes], TWO_SESSIONS)
        users = [*peers, *doubles]
        weights = [rng.lognormvariate(0, 0.7) for _ in users]
        for index, user in enumerate(users):
            record = ClientRecord(index, user)
            self.history.clients.append(record)
            rate = PROBE_RATE if user in probes else self.arguments.rate * weights[index] / sum(weights)
            client = ChaosClient(record, self.world.cluster.gateways, peers[user], rate,
                                 PATIENT_S if user not in probes and rng.random() < 0.35 else IMPATIENT_S,
                                 random.Random(f"client {index} {self.arguments.seed}"), self.history, self.acks)
            self.clients.append(client)
            if user in probes:
                self.probes.append(record)
            if index >= len(peers):
                first = self.clients[users.index(user)]
                first.sibling, client.sibling = client, first

    async def watch_lag(self) -> None:
        while True:
            before = now()
            await asyncio.sleep(0.1)
            self.history.worst_lag = max(self.history.worst_lag, now() - before - 0.1)

    async def strike(self, plan: Plan) -> None:
        kind, target, rng = plan.next()
        record = FaultRecord(kind, kind, now())
        self.history.faults.append(record)
        try:
            await KINDS[kind].strike(self.world, target, rng, record)
        finally:
            record.end = now()
        self.say(f"{record.what} ({record.end - record.begin:.1f} s); {len(self.history.messages)} sent, {len(self.acks)} acked, "
                 f"{sum(client.registered for client in self.clients)}/{len(self.clients)} online")
        crashes = await asyncio.to_thread(self.world.ended_by_themselves)
        for crash in crashes:
            self.say(f"{crash[0]} has ended by itself with status {crash[1]}")
        self.history.crashes += crashes
        await asyncio.sleep(plan.pause_s())

    async def settle(self) -> None:
        """Everything answered, stored and synced, as far as it will be."""
        for client in self.clients:
            client.be_quiet()
        await self.until(lambda: not any(client.waiting_for_acks for client in self.clients), "every message is acked")
        self.history.closed = now()

        async def all_stored() -> bool:
            return await asyncio.to_thread(self.world.stored_count) >= len(self.acks)
        await self.until(all_stored, "every acked message is stored")
        self.history.stored = await asyncio.to_thread(self.world.stored)

        async def all_synced() -> bool:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.gather(*(client.sync_once_more() for client in self.clients)), 30)
            own = {client.user: 0 for client in self.clients}
            for row in self.history.stored:
                for user in {row.sender, row.recipient}:
                    own[user] += 1
            return all(len(client.record.synced) >= own[client.user] for client in self.clients)
        await self.until(all_synced, "every client has synced all")

    async def until(self, condition, what: str) -> None:
        """Gives up after a while: the checker says what is missing."""
        deadline = now() + SETTLE_S
        while now() < deadline:
            value = condition()
            if await value if asyncio.iscoroutine(value) else value:
                return self.say(what)
            await asyncio.sleep(0.2)
        self.say(f"not within {SETTLE_S:.0f} s: {what}")


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=ROOT / "build/release/bin", type=pathlib.Path)
    parser.add_argument("--out", default=ROOT / "build/chaos", type=pathlib.Path)
    parser.add_argument("--seconds", default=180.0, type=float, help="how long; but each kind of fault comes at least once")
    parser.add_argument("--seed", default=random.SystemRandom().randrange(1_000_000), type=int)
    parser.add_argument("--rate", default=250.0, type=float, help="messages per second of all clients together")
    parser.add_argument("--kinds", default=list(KINDS), type=lambda text: text.split(","), help=f"of {', '.join(KINDS)}")
    arguments = parser.parse_args(words)
    for kind in arguments.kinds:
        if kind not in KINDS:
            parser.error(f"--kinds: '{kind}' is none of {', '.join(KINDS)}")
    return arguments


async def until_stopped(work) -> None:
    """Ctrl-C and SIGTERM end it in order, so that all that was started is ended."""
    task = asyncio.ensure_future(work)
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task


def main() -> int:
    arguments = parse(sys.argv[1:])
    for name in [name for name in os.environ if name.startswith("SIMPLECHAT_")]:
        del os.environ[name]  # the programs would take it for their configuration
    print(f"seed {arguments.seed}, {arguments.seconds:.0f} s, {arguments.rate:.0f} messages/s, faults: {' '.join(arguments.kinds)}", flush=True)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    shutil.rmtree(arguments.out / "log", ignore_errors=True)  # of an earlier run
    (arguments.out / "log").mkdir(parents=True)
    state = pathlib.Path(tempfile.mkdtemp(prefix="simplechat-chaos-"))
    state.chmod(0o755)
    world = World(arguments.bin, state, int(arguments.seconds * arguments.rate))
    try:
        world.start()
        run = Run(arguments, world)
        asyncio.run(until_stopped(run.run()))
        findings = check(run.history)
        kinds = report.outages(run.history, run.acks, run.probes)
        print(report.render(run.history, findings, kinds, run.start), flush=True)
        report.write(arguments.out / "report.json", vars(arguments), run.history, findings, kinds, run.start)
        return 1 if findings.failed else 0
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("stopped", file=sys.stderr)
        return 130
    finally:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        world.stop()
        for log in state.rglob("*.log"):
            shutil.copy(log, arguments.out / "log")
        remove_tree(state)


if __name__ == "__main__":
    sys.exit(main())
