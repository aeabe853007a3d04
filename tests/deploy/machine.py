"""A Debian machine with systemd, booted by systemd-nspawn from a tree that mmdebstrap made: what packages are installed on.

Needs root, Debian's packages systemd-container and mmdebstrap, and Debian's mirror when the tree is made for the first time.
"""

import ctypes
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "local"))

from process import Process, wait_until  # noqa: E402

CACHE = ROOT / "build" / "deploy"
NEW_NETWORK = 0x40000000  # CLONE_NEWNET


def why_not() -> str | None:
    """What this machine lacks, if it cannot boot another one in it."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("systemd-nspawn", "mmdebstrap", "nsenter"):
        if not shutil.which(program):
            return f"needs {program}"
    probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--net", "true"], capture_output=True, check=False)
    return None if probe.returncode == 0 else f"needs namespaces: {probe.stderr.decode().strip()}"


def debian_tree(packages: list[str]) -> pathlib.Path:
    """The unpacked root of a minimal Debian with these packages. Made once, and never written to."""
    packages = sorted({"systemd", "systemd-sysv", "dbus", "usr-is-merged", "ca-certificates", *packages})
    tree = CACHE / f"tree-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:12]}"
    if not tree.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        being_made = tree.with_suffix(f".{os.getpid()}")
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--format=directory",
                        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--include=" + ",".join(packages), "bookworm",
                        being_made], check=True)
        (being_made / "etc/machine-id").write_text("")
        being_made.rename(tree)
    return tree


def dependencies(*packages: pathlib.Path) -> list[str]:
    """Names of the packages that these .deb files depend on; of alternatives the first."""
    found = set()
    for package in packages:
        depends = subprocess.run(["dpkg-deb", "--field", package, "Depends"], check=True, capture_output=True, text=True).stdout
        found |= {re.split(r"[\s|]", alternative.strip())[0] for alternative in depends.split(",") if alternative.strip()}
    return sorted(found)


class Machine:
    """Use as `with Machine(...)`. What it writes is in memory and gone at its end. Its network is its own, or the host's."""

    def __init__(self, name: str, tree: pathlib.Path, log_dir: pathlib.Path, packages_dir: pathlib.Path, own_network: bool = False):
        self._process = Process(name, [
            "systemd-nspawn", "--quiet", "--directory", tree, "--volatile=overlay", f"--machine={name}-{os.getpid()}", "--register=no", "--keep-unit",
            "--boot", "--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off", f"--bind-ro={packages_dir}:/packages",
            *(["--private-network"] if own_network else [])], log_dir)
        self.leader = 0

    def __enter__(self) -> "Machine":
        self._process.start()
        try:
            self._process.wait_ready(self._booted, 120)
        except BaseException:
            self._process.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._process.stop(30)

    def _booted(self) -> bool:
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        self.leader = int(children[0]) if children else 0
        if not self.leader:
            return False
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def run(self, *words, check: bool = True, text: str | None = None) -> subprocess.CompletedProcess:
        """Runs a command in it, as root."""
        ran = subprocess.run(["nsenter", "--target", str(self.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--wd=/", *map(str, words)],
                             capture_output=True, text=True, check=False, input=text, timeout=120,
                             env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})
        assert not check or ran.returncode == 0, f"{words}: exit status {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran

    def write(self, path: str, content: str) -> None:
        self.run("tee", path, text=content)

    def main_pid(self, unit: str) -> int:
        """In the machine's own count; 0 if it does not run."""
        return int(self.run("systemctl", "show", "--property=MainPID", "--value", unit).stdout)

    def status_of(self, unit: str) -> dict[str, str]:
        """/proc/PID/status of a unit's main process."""
        lines = self.run("cat", f"/proc/{self.main_pid(unit)}/status").stdout.splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout

    def wait_active(self, *units: str) -> None:
        for unit in units:
            try:
                wait_until(lambda: self.run("systemctl", "is-active", unit, check=False).stdout.strip() == "active", unit, 30)
            except TimeoutError as error:
                raise TimeoutError(f"{error}\n{self.journal(unit)[-3000:]}") from None

    def inside(self, function):
        """Calls `function()` on a thread that has the machine's network, and returns what it returns."""
        result, failure = [], []

        def call() -> None:
            try:
                with open(f"/proc/{self.leader}/ns/net", encoding="utf-8") as namespace:
                    libc = ctypes.CDLL(None, use_errno=True)
                    if libc.setns(namespace.fileno(), NEW_NETWORK) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result.append(function())
            except BaseException as error:  # pylint: disable=broad-except  # handed to the caller
                failure.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        if failure:
            raise failure[0]
        return result[0]
