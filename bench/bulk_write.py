"""How fast sv-persist empties a full queue into PostgreSQL, as a ratio to a bare loop of the same INSERT on the same indexes (bare-insert).

The queue is filled through a gateway while no sv-persist runs. Then one starts, and its rate counts from its first stored batch to its last.
"""

import json
import statistics
import subprocess
import time

from cluster import Cluster, Process, database_url
from harness import UNLIMITED, Bench, cpu_seconds_by_name, metric, state_directory
from servers import Servers

BATCH = 1000  # limits::kBatchRecordsMax
CONNECTIONS = 1000


def bare_loop(bench: Bench, servers: Servers, state, name: str, rows: int) -> dict:
    url = database_url(servers.postgres.url, name)
    migration = Process("migrate", [bench.program("sv-persist"), "migrate", "--db-url", url], state / "log")
    migration.start()
    migration.child.wait(60)
    pids = {"postgresql": servers.postgres.process.pid}
    before = cpu_seconds_by_name(pids)["postgresql"]
    told = subprocess.run([bench.program("bare-insert"), "--db-url", url, "--rows", str(rows), "--batch", str(BATCH),
                           "--conversations", str((bench.connections or CONNECTIONS) // 2)], check=True, capture_output=True, text=True)
    result = json.loads(told.stdout)
    return {**result, "cpu_us_per_row": {"postgresql": round(1e6 * (cpu_seconds_by_name(pids)["postgresql"] - before) / result["rows"], 1)}}


def fill_queue(bench: Bench, running: Cluster) -> int:
    """While nothing is stored; returns the number of messages."""
    load = [bench.program("chat-load"), "--port", str(running.gateways[0].ws_port), "-n", str(bench.connections or CONNECTIONS),
            "--window", str(bench.window or 1), "--payload", "100", "--warm-up", "0", "--seconds", str(bench.seconds)]
    told = subprocess.run(load, check=True, capture_output=True, text=True).stdout.splitlines()
    return json.loads(told[-1])["messages_in_all"]


def empty_queue(running: Cluster, servers: Servers, messages: int) -> dict:
    persister = running.persisters[0]
    persister.start()
    persister.wait_ready(persister.ready)
    pids = {"sv-persist": persister.pid, "postgresql": servers.postgres.process.pid, "rabbitmq": servers.rabbitmq.process.pid}
    first = last = (time.monotonic(), 0.0, cpu_seconds_by_name(pids))
    give_up = time.monotonic() + 120
    while last[1] < messages and time.monotonic() < give_up:
        time.sleep(0.02)
        stored = metric(persister.url, "records_stored_total")
        last = (time.monotonic(), stored, cpu_seconds_by_name(pids))
        if first[1] == 0:
            first = last
    rows = last[1] - first[1]
    batches = metric(persister.url, "batches_stored_total")
    return {"rows": int(rows), "seconds": round(last[0] - first[0], 2), "rows_per_s": round(rows / (last[0] - first[0])),
            "rows_a_batch": round(last[1] / max(1.0, batches)),
            "cpu_us_per_row": {name: round(1e6 * (last[2][name] - first[2][name]) / rows, 1) for name in pids}}


def run_bulk_write(bench: Bench) -> None:
    with state_directory() as state, Servers(state / "servers") as servers:
        with Cluster(bench.bin, state, servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "bench"), 1,
                     gateway_flags=UNLIMITED) as running:
            persisted, bare = [], []
            for turn in range(bench.repeat):
                running.persisters[0].stop()
                messages = fill_queue(bench, running)
                persisted.append(empty_queue(running, servers, messages))
                bare.append(bare_loop(bench, servers, state, f"bare{turn}", persisted[-1]["rows"]))
        middle = {name: statistics.median(each["rows_per_s"] for each in runs) for name, runs in (("sv-persist", persisted), ("bare", bare))}
        bench.report("bulk_write", {"ratio": round(middle["sv-persist"] / middle["bare"], 2), "rows_per_s": middle, "sv-persist": persisted, "bare": bare})


SCENARIOS = {"bulk_write": run_bulk_write}
