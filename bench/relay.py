"""What the gateway costs and how fast it is, beside a bare relay that receives, finds the recipient and sends, and does nothing else.

relay          CPU time per message, one message under way for each of 10 000 connections, in pairs that send to each other. The server validates,
               routes, delivers, hands to the queue and acks: without a store, and as `simplechat serve`, whose store takes its part of the same
               cores. A second bare relay acks each message as well, as much later as a commit takes: what the second write to a socket costs anybody.
relay_latency  The latency of delivery of the same servers at a steady rate: half of what `simplechat serve` reached in a closed loop just before.
pipelined      Messages per second through one reactor without a store, each sender having 16 under way: what batching writes is worth.
"""

import shutil
import subprocess
import time

from harness import Bench, state_directory
from load import bare_relay, cpu_us, gateway_without_store, in_turn, median_of, ratio, run_load, simplechat

CONNECTIONS = 10_000
ACK_AFTER_MS = "5"
PIPELINED_CONNECTIONS = 64
PIPELINED_WINDOW = 16


def summary(results: list[dict], reactor: str) -> dict:
    """Medians. `reactor`: the thread that has the connections."""
    return {"cpu_us_per_message": round(median_of(results, cpu_us), 2),
            "reactor_cpu_us_per_message": round(median_of(results, lambda each: cpu_us(each, reactor)), 2),
            "delivered_per_s": round(median_of(results, lambda each: each["delivered_per_s"])),
            "delivery_us": {q: median_of(results, lambda each, q=q: each["delivery_us"][q]) for q in ("p50", "p99")},
            "missing": sum(each["missing"] for each in results), "errors": sum(each["errors"] for each in results)}


def relay(bench: Bench) -> None:
    load = ["--pattern", "mutual", "-n", str(bench.connections or CONNECTIONS), "--window", str(bench.window or 1), "--payload", "100"]
    with state_directory() as state, bare_relay(bench) as bare, bare_relay(bench, "--ack-after-ms", ACK_AFTER_MS) as acking, \
            gateway_without_store(bench) as gateway, simplechat(bench, state) as server:
        by_side = in_turn(bench, lambda: run_load(bench, *bare, *load, "--next", "delivery"), lambda: run_load(bench, *acking, *load),
                          lambda: run_load(bench, *gateway, *load), lambda: run_load(bench, *server, *load))
    bare_summary, acking_summary, gateway_summary, server_summary = (
        summary(results, reactor) for results, reactor in zip(by_side, ("bare-relay", "bare-relay", "reactor-0", "reactor-0")))
    bench.report("relay", {
        "connections": bench.connections or CONNECTIONS, "bare_relay": bare_summary, "bare_relay_that_acks": acking_summary,
        "gateway_without_store": gateway_summary, "simplechat": server_summary,
        "ratio": ratio(gateway_summary["cpu_us_per_message"], bare_summary["cpu_us_per_message"]),
        "ratio_to_acking": ratio(gateway_summary["cpu_us_per_message"], acking_summary["cpu_us_per_message"]),
        "ratio_with_store": ratio(server_summary["cpu_us_per_message"], bare_summary["cpu_us_per_message"])})


def relay_latency(bench: Bench) -> None:
    load = ["--pattern", "mutual", "-n", str(bench.connections or CONNECTIONS), "--payload", "100"]
    with state_directory() as state, bare_relay(bench) as bare, gateway_without_store(bench) as gateway, simplechat(bench, state) as server:
        rate = round(run_load(bench, *server, *load)["acked_per_s"] / 2)
        by_side = in_turn(bench, *(lambda side=side: run_load(bench, *side, *load, "--rate", str(rate)) for side in (bare, gateway, server)))
    bare_summary, gateway_summary, server_summary = (
        summary(results, reactor) for results, reactor in zip(by_side, ("bare-relay", "reactor-0", "reactor-0")))
    bench.report("relay_latency", {
        "connections": bench.connections or CONNECTIONS, "rate": rate, "bare_relay": bare_summary, "gateway_without_store": gateway_summary,
        "simplechat": server_summary,
        **{f"ratio_{q}": ratio(gateway_summary["delivery_us"][q], bare_summary["delivery_us"][q]) for q in ("p50", "p99")},
        **{f"ratio_{q}_with_store": ratio(server_summary["delivery_us"][q], bare_summary["delivery_us"][q]) for q in ("p50", "p99")}})


def pipelined(bench: Bench) -> None:
    load = ["--pattern", "mutual", "-n", str(bench.connections or PIPELINED_CONNECTIONS), "--window", str(bench.window or PIPELINED_WINDOW),
            "--payload", "100"]
    with bare_relay(bench) as bare, gateway_without_store(bench) as gateway:
        by_bare, by_gateway = in_turn(bench, lambda: run_load(bench, *bare, *load, "--next", "delivery"), lambda: run_load(bench, *gateway, *load))
        bare_calls = system_calls(bench, *bare, *load, "--next", "delivery")
        gateway_calls = system_calls(bench, *gateway, *load)
    bench.report("pipelined", {
        "connections": bench.connections or PIPELINED_CONNECTIONS, "window": bench.window or PIPELINED_WINDOW,
        "bare_relay": summary(by_bare, "bare-relay") | {"system_calls_per_message": bare_calls},
        "gateway_without_store": summary(by_gateway, "reactor-0") | {"system_calls_per_message": gateway_calls}})


def system_calls(bench: Bench, pid: int, port: int, *load: str) -> float | None:
    """System calls of the server per message, by perf's counter of them, in a run of its own; None where there is no perf."""
    if shutil.which("perf") is None:
        return None
    with subprocess.Popen(["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", str(pid)], stderr=subprocess.PIPE, text=True) as perf:
        time.sleep(0.5)
        result = run_load(bench, pid, port, *load)
        perf.send_signal(2)
        count = next((line.split(",")[0] for line in perf.stderr if "raw_syscalls" in line), "")
    return round(int(count) / result["messages_in_all"], 3) if count.isdigit() else None


SCENARIOS = {"relay": relay, "relay_latency": relay_latency, "pipelined": pipelined}
