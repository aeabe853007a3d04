#!/usr/bin/env python3
"""Benchmarks of the whole: messages per second, latency, and CPU per message over all processes.

    ./dev bench [embedded|cluster|cluster1] [--connections N] [--window W] [--seconds S] [--bin DIR]

Prints one line of JSON per scenario, with the commit and the machine's cores. The CPU time is that of the servers' processes, the load generator's
own not included; both share the machine's cores, so compare only figures of one run on one machine.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "deploy" / "local"))

from cluster import Cluster, Service, database_url  # noqa: E402
from process import free_port  # noqa: E402
from servers import Servers  # noqa: E402

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds_by_name(root_pids: dict[str, int]) -> dict[str, float]:
    """User and system time of each named process and all its descendants, those that have ended included."""
    parents, seconds = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        seconds[int(entry.name)] = sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_S
    totals = dict.fromkeys(root_pids, 0.0)
    names = {pid: name for name, pid in root_pids.items()}
    for pid in parents:
        ancestor = pid
        while ancestor and ancestor not in names:
            ancestor = parents.get(ancestor, 0)
        if ancestor:
            totals[names[ancestor]] += seconds[pid]
    return totals


def measure(scenario: str, pids: dict[str, int], ports: list[int], arguments) -> None:
    load = [str(pathlib.Path(arguments.bin) / "chat-load"), "--port", ",".join(map(str, ports)), "-n", str(arguments.connections),
            "--window", str(arguments.window), "--payload", "100"]
    subprocess.run([*load, "--seconds", "2"], check=True, stdout=subprocess.DEVNULL)  # warm-up
    before = cpu_seconds_by_name(pids)
    result = json.loads(subprocess.run([*load, "--seconds", str(arguments.seconds)], check=True, capture_output=True, text=True).stdout)
    after = cpu_seconds_by_name(pids)
    by_name = {name: 1e6 * (after[name] - before[name]) / max(1, result["acked"]) for name in pids}
    result = {"scenario": scenario, "cores": os.cpu_count(), "commit": commit(), **result,
              "cpu_us_per_message": {"all": round(sum(by_name.values()), 1), **{name: round(us, 1) for name, us in by_name.items()}}}
    print(json.dumps(result), flush=True)


def commit() -> str:
    described = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return described.stdout.strip() or "unknown"


def embedded(state: pathlib.Path, arguments) -> None:
    api_port, ws_port = free_port(), free_port()
    server = Service("simplechat", [pathlib.Path(arguments.bin).resolve() / "simplechat", "serve", "--api-port", api_port, "--ws-port", ws_port,
                                    "--data-dir", state / "data"], api_port, state / "log", cwd=state)
    server.start_ready()
    try:
        measure("embedded", {"simplechat": server.pid}, [ws_port], arguments)
    finally:
        server.stop()


def cluster(state: pathlib.Path, arguments, gateways: int) -> None:
    with Servers(state / "servers") as servers:
        with Cluster(arguments.bin, state, servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "bench"), gateways) as running:
            pids = {service.name: service.pid for service in running.services}
            pids |= {"redis": servers.redis.process.pid, "rabbitmq": servers.rabbitmq.process.pid, "postgresql": servers.postgres.process.pid}
            measure(f"cluster, {gateways} gateways", pids, [gateway.ws_port for gateway in running.gateways], arguments)


SCENARIOS = {"embedded": embedded, "cluster1": lambda state, arguments: cluster(state, arguments, 1),
             "cluster": lambda state, arguments: cluster(state, arguments, 2)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], help="default: all")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--window", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--bin", default=str(ROOT / "build" / "release" / "bin"))
    arguments = parser.parse_args()
    for name in arguments.scenario or SCENARIOS:
        state = pathlib.Path(tempfile.mkdtemp(prefix="simplechat-bench-"))
        os.chmod(state, 0o755)
        try:
            SCENARIOS[name](state, arguments)
        finally:
            shutil.rmtree(state, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
