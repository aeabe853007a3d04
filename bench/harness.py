"""What the scenarios share: where the binaries are, CPU time and memory of processes, and results with their provenance."""

import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "deploy" / "local"))

# Gateways serve whatever is asked of them: a scenario measures what they can do, not what they let one client do.
UNLIMITED = ["--session-frames-per-second", 0, "--session-bytes-per-second", 0, "--handshakes-per-second", 0, "--user-messages-per-second", 0, "--user-sessions-max", 0, "--buffers-bytes-max", 0]

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Bench:
    """One run of ./dev bench: its settings, and where results go."""

    bin: pathlib.Path
    command: str  # as typed, for the results
    save: bool = False
    seconds: float = 10.0  # of each measurement
    connections: int | None = None  # None: the scenario's own number
    window: int | None = None
    rate: float | None = None  # messages a second, where they are paced
    repeat: int = 3  # measurements of each side of a ratio, in turn (A B A B ...); medians are reported

    def program(self, name: str) -> pathlib.Path:
        path = self.bin / name
        if not path.exists():
            raise SystemExit(f"{path} is not built: ./dev build release")
        return path

    def report(self, scenario: str, result: dict) -> None:
        """Prints the result as one line of JSON; with --save, also keeps it in bench/results/SCENARIO.json."""
        line = {"scenario": scenario, **provenance(self.command), **result}
        print(json.dumps(line), flush=True)
        if self.save:
            path = ROOT / "bench" / "results" / f"{scenario}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(line, indent=2) + "\n")


def provenance(command: str) -> dict:
    described = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    return {"command": command, "commit": described.stdout.strip() or "unknown", "date": datetime.date.today().isoformat(),
            "cores": len(os.sched_getaffinity(0)), "cpu": model, "kernel": platform.release()}


@contextlib.contextmanager
def state_directory():
    """A directory for one scenario's servers, which other users (PostgreSQL's) may enter."""
    state = pathlib.Path(tempfile.mkdtemp(prefix="simplechat-bench-"))
    os.chmod(state, 0o755)
    try:
        yield state
    finally:
        shutil.rmtree(state, ignore_errors=True)


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


def user_memory_bytes(pid: int) -> int:
    """Resident memory of a process that is its own: heap, stacks, and written pages of files (not shared libraries' text)."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no memory figures of process {pid}")


def metric(url: str, name: str) -> float:
    """A metric of the service at `url`: the sum of its lines."""
    with urllib.request.urlopen(url + "/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"simplechat_{name}[{{ ]", line))
