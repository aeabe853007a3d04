"""Runs chat-load and takes the servers' CPU time over the measured time; servers to run it against."""

import contextlib
import json
import pathlib
import statistics
import subprocess
import time

from cluster import embedded, free_port
from harness import UNLIMITED, Bench


def thread_cpu_seconds(pid: int) -> dict[str, float]:
    """Time on a core of each thread, by the name of the thread. What the kernel does for a thread's system calls counts as its."""
    seconds: dict[str, float] = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        seconds[name] = seconds.get(name, 0) + int((task / "schedstat").read_text().split()[0]) / 1e9
    return seconds


def timed_load(bench: Bench, ports: list[int], read, *args: str) -> tuple[dict, dict[str, float]]:
    """One run of chat-load: its result, and how much each figure of `read()` rose over the measured time (`load`: the CPU time of chat-load)."""
    command = [bench.program("chat-load"), "--port", ",".join(map(str, ports)), "--seconds", str(bench.seconds), *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
        readings = []
        for line in ("began\n", "ended\n"):
            if load.stdout.readline() != line:
                raise SystemExit("chat-load failed")
            readings.append(read() | {"load": sum(thread_cpu_seconds(load.pid).values())})
        result = json.loads(load.stdout.readline())
    return result, {name: readings[1][name] - readings[0][name] for name in readings[0]}


def run_load(bench: Bench, pid: int, port: int, *args: str) -> dict:
    """One run of chat-load against one server: its result, with `cpu_s` by thread of the server, and of chat-load."""
    result, cpu_s = timed_load(bench, [port], lambda: thread_cpu_seconds(pid), *args)
    return {**result, "cpu_s": cpu_s}


def cpu_us(result: dict, *threads: str) -> float:
    """CPU time per delivered message, of the threads named or of the whole server."""
    return 1e6 * sum(seconds for name, seconds in result["cpu_s"].items() if name in threads or (not threads and name != "load")) / result["delivered"]


def ratio(ours: float, theirs: float) -> float:
    return round(ours / theirs, 2)


def median_of(results: list[dict], figure) -> float:
    return statistics.median(figure(result) for result in results)


def in_turn(bench: Bench, *sides) -> list[list[dict]]:
    """Measures the sides A B A B ..., `bench.repeat` times each, so that what else the machine does meets all alike."""
    results: list[list[dict]] = [[] for _ in sides]
    for _ in range(bench.repeat):
        for measured, side in zip(results, sides):
            measured.append(side())
    return results


@contextlib.contextmanager
def program(bench: Bench, name: str, *args: str):
    """A server of bench/ on a free port; yields its process id and the port."""
    port = free_port()
    with subprocess.Popen([bench.program(name), *args, str(port)]) as server:
        try:
            time.sleep(0.5)
            yield server.pid, port
        finally:
            server.terminate()


@contextlib.contextmanager
def simplechat(bench: Bench, state: pathlib.Path):
    """`simplechat serve` with one reactor; yields its process id and its WebSocket port."""
    server = embedded(bench.bin, state, flags=["--threads", "1", *UNLIMITED]).start_ready()
    try:
        yield server.pid, server.ws_port
    finally:
        server.stop()


def bare_relay(bench: Bench, *args: str):
    return program(bench, "bare-relay", *args)


def gateway_without_store(bench: Bench):
    return program(bench, "gateway-without-store", "--port")
