"""The whole way of a message: accepted, delivered, stored, acked. Messages per second, latency, CPU per message over all processes."""

from cluster import Cluster, database_url, embedded
from harness import UNLIMITED, Bench, cpu_seconds_by_name, state_directory
from load import timed_load
from servers import Servers

CONNECTIONS = 1000
# Everything shares the machine's cores: with more reactors a gateway only gets more and smaller batches.
ONE_REACTOR = ["--threads", 1]
PARTITIONS = ["--partitions", 4]


def measure(bench: Bench, pids: dict[str, int], ports: list[int], connections: int = CONNECTIONS, *load: str) -> dict:
    result, cpu_s = timed_load(bench, ports, lambda: cpu_seconds_by_name(pids), "-n", str(bench.connections or connections),
                               "--window", str(bench.window or 1), "--payload", "100", "--warm-up", "2", *load)
    by_name = {name: 1e6 * cpu_s[name] / max(1, result["acked"]) for name in pids}
    return {**result, "cpu_us_per_message": {"all": round(sum(by_name.values()), 1), **{name: round(us, 1) for name, us in by_name.items()}}}


def run_embedded(bench: Bench) -> None:
    with state_directory() as state:
        server = embedded(bench.bin, state, flags=UNLIMITED).start_ready()
        try:
            bench.report("embedded", measure(bench, {"simplechat": server.pid}, [server.ws_port]))
        finally:
            server.stop()


def measure_cluster(bench: Bench, gateways: int, writers: int = 1, connections: int = CONNECTIONS, flags: list | None = None,
                    load: tuple[str, ...] = ()) -> dict:
    with state_directory() as state, Servers(state / "servers") as servers:
        with Cluster(bench.bin, state, servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "bench"), gateways, writers,
                     gateway_flags=[*ONE_REACTOR, *UNLIMITED, *(flags or [])], persist_flags=flags) as running:
            pids = {service.name: service.pid for service in running.services}
            pids |= {"redis": servers.redis.process.pid, "rabbitmq": servers.rabbitmq.process.pid, "postgresql": servers.postgres.process.pid}
            return measure(bench, pids, [gateway.ws_port for gateway in running.gateways], connections, *load)


def by_service(cpu_us_per_message: dict[str, float]) -> dict[str, float]:
    """The sum over the instances of each service: sv-websocket-1 and sv-websocket-2 are sv-websocket."""
    sums: dict[str, float] = {}
    for name, us in cpu_us_per_message.items():
        service = name.rstrip("0123456789").rstrip("-")
        sums[service] = round(sums.get(service, 0.0) + us, 1)
    return sums


def run_scale_out(bench: Bench) -> None:
    """1, 2 and 4 gateways with 1000 users each, and 1, 2 and 4 writers. With one gateway all pairs are local, otherwise none is."""
    result = {}
    for gateways, writers in ((1, 1), (2, 1), (4, 1), (2, 2), (2, 4)):
        measured = measure_cluster(bench, gateways, writers, CONNECTIONS * gateways, PARTITIONS)
        result[f"gateways {gateways}, writers {writers}"] = {"acked_per_s": measured["acked_per_s"], "resyncs": measured["resyncs"],
                                                             "cpu_us_per_message": by_service(measured["cpu_us_per_message"])}
    bench.report("scale_out", result)


def run_latency(bench: Bench) -> None:
    """Across two gateways, at a steady --rate (500 a second)."""
    rate = bench.rate or 500
    bench.report("latency", {"rate": rate, **measure_cluster(bench, gateways=2, load=("--rate", str(rate)))})


SCENARIOS = {
    "embedded": run_embedded,
    "cluster1": lambda bench: bench.report("cluster1", measure_cluster(bench, gateways=1)),
    "cluster": lambda bench: bench.report("cluster", measure_cluster(bench, gateways=2)),
    "latency": run_latency,
    "scale_out": run_scale_out,
}
