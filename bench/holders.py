"""Processes of chat-hold, each with thousands of registered users, as one crowd."""

import collections
import json
import math
import os
import pathlib
import select
import subprocess
import time

# One process may have 20 000 descriptors where limits are low; some are not sockets.
USERS_PER_PROCESS = 19_500
LATENCIES = ("register_us", "delivery_us", "ack_us", "away_us")


class Holder:
    """One process. A command is one line, and so is its answer."""

    def __init__(self, argv: list, log: pathlib.Path):
        with open(log, "ab") as errors:
            self.child = subprocess.Popen([str(word) for word in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.log = log
        self._read = b""

    def tell(self, command: str) -> None:
        os.write(self.child.stdin.fileno(), command.encode() + b"\n")

    def answer(self, deadline: float) -> dict:
        while b"\n" not in self._read:
            ready, _, _ = select.select([self.child.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("chat-hold did not answer in time")
            got = os.read(self.child.stdout.fileno(), 1 << 16)
            if not got:
                raise RuntimeError(f"chat-hold ended: {self.log.read_text()[-500:]}")
            self._read += got
        line, self._read = self._read.split(b"\n", 1)
        return json.loads(line)

    def stop(self) -> None:
        self.child.stdin.close()
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Holders:
    """Users 0 to `users` - 1, spread over processes; user u begins on the gateway of ports[u % len(ports)]."""

    def __init__(self, program: pathlib.Path, users: int, ports: list[int], log_dir: pathlib.Path, flags: list | None = None):
        log_dir.mkdir(parents=True, exist_ok=True)
        self.users = users
        processes = math.ceil(users / USERS_PER_PROCESS)
        bounds = [users * index // processes for index in range(processes + 1)]
        self.all = [Holder([program, "--port", ",".join(map(str, ports)), "--first-user", first, "-n", end - first, "--of", users,
                            *(flags or [])], log_dir / f"chat-hold-{index}.log")
                    for index, (first, end) in enumerate(zip(bounds, bounds[1:]))]

    @property
    def pids(self) -> dict[str, int]:
        return {f"chat-hold-{index}": holder.child.pid for index, holder in enumerate(self.all)}

    def ask(self, command: str, seconds: float, total_rate: float | None = None) -> dict:
        """The sum of all processes' answers. `total_rate` is shared out and becomes the command's second word."""
        verb, *words = command.split()
        if total_rate is not None:
            words.insert(0, f"{total_rate / len(self.all):.3f}")
        for holder in self.all:
            holder.tell(" ".join([verb, *words]))
        deadline = time.monotonic() + seconds
        return added_up([holder.answer(deadline) for holder in self.all])

    def stop(self) -> None:
        for holder in self.all:
            holder.child.stdin.close()
        for holder in self.all:
            holder.stop()

    def __enter__(self) -> "Holders":
        return self

    def __exit__(self, *_) -> None:
        self.stop()


def added_up(answers: list[dict]) -> dict:
    """Counts are summed, latencies become percentiles, and the time is that of the slowest process."""
    total: dict = {"seconds": max(answer["seconds"] for answer in answers)}
    for name, value in answers[0].items():
        if name in LATENCIES:
            total[name] = percentiles(sum((collections.Counter(dict(answer[name])) for answer in answers), collections.Counter()))
        elif isinstance(value, dict):
            total[name] = dict(sum((collections.Counter(answer[name]) for answer in answers), collections.Counter()))
        elif isinstance(value, int):
            total[name] = sum(answer[name] for answer in answers)
    return total


def percentiles(counts: collections.Counter) -> dict[str, int]:
    total, seen, found = sum(counts.values()), 0, {}
    wanted = [("p50", 0.50), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)]
    for upper_us, count in sorted(counts.items()):
        seen += count
        while wanted and seen >= wanted[0][1] * total:
            found[wanted.pop(0)[0]] = upper_us
    return found
