"""The whole way of a message: accepted, delivered, stored, acked. Messages per second, latency, CPU per message over all processes."""

import json
import subprocess

from cluster import Cluster, database_url, embedded
from harness import Bench, cpu_seconds_by_name, state_directory
from servers import Servers


def measure(bench: Bench, pids: dict[str, int], ports: list[int]) -> dict:
    load = [bench.program("chat-load"), "--port", ",".join(map(str, ports)), "-n", str(bench.connections or 1000),
            "--window", str(bench.window or 1), "--payload", "100"]
    subprocess.run([*load, "--seconds", "2"], check=True, stdout=subprocess.DEVNULL)  # warm-up
    before = cpu_seconds_by_name(pids)
    result = json.loads(subprocess.run([*load, "--seconds", str(bench.seconds)], check=True, capture_output=True, text=True).stdout)
    after = cpu_seconds_by_name(pids)
    by_name = {name: 1e6 * (after[name] - before[name]) / max(1, result["acked"]) for name in pids}
    return {**result, "cpu_us_per_message": {"all": round(sum(by_name.values()), 1), **{name: round(us, 1) for name, us in by_name.items()}}}


def run_embedded(bench: Bench) -> None:
    with state_directory() as state:
        server = embedded(bench.bin, state).start_ready()
        try:
            bench.report("embedded", measure(bench, {"simplechat": server.pid}, [server.ws_port]))
        finally:
            server.stop()


def run_cluster(bench: Bench, scenario: str, gateways: int) -> None:
    with state_directory() as state, Servers(state / "servers") as servers:
        with Cluster(bench.bin, state, servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "bench"), gateways) as running:
            pids = {service.name: service.pid for service in running.services}
            pids |= {"redis": servers.redis.process.pid, "rabbitmq": servers.rabbitmq.process.pid, "postgresql": servers.postgres.process.pid}
            bench.report(scenario, measure(bench, pids, [gateway.ws_port for gateway in running.gateways]))


SCENARIOS = {
    "embedded": run_embedded,
    "cluster1": lambda bench: run_cluster(bench, "cluster1", 1),
    "cluster": lambda bench: run_cluster(bench, "cluster", 2),
}
