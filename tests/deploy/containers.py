"""podman for the tests: a storage of its own, and limits that a machine without the right to raise them takes."""

import json
import os
import pathlib
import resource
import shutil
import subprocess
import time


def why_not() -> str | None:
    """What this machine lacks, if it can run no containers."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("podman", "runc"):
        if not shutil.which(program):
            return f"needs {program}"
    return None


class Podman:
    """runc, because crun refuses machines whose cgroups are partly of version 1 and partly of 2."""

    def __init__(self, directory: pathlib.Path):
        self.environment = {**os.environ, "CONTAINERS_CONF": str(directory / "containers.conf")}
        files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1 << 20)
        directory.mkdir(parents=True, exist_ok=True)
        # podman would otherwise ask for more than it may have, and have nothing.
        (directory / "containers.conf").write_text(
            f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc=32768:32768"]\n[engine]\nruntime = "runc"\n'
            'cgroup_manager = "cgroupfs"\nevents_logger = "none"\n')
        self._words = ["podman", "--root", str(directory / "storage"), "--runroot", str(directory / "run"), "--storage-driver", "overlay"]

    def __call__(self, *words, check: bool = True) -> str:
        ran = subprocess.run([*self._words, *map(str, words)], capture_output=True, text=True, check=False, env=self.environment, timeout=280)
        assert not check or ran.returncode == 0, f"podman {words}: exit status {ran.returncode}\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
        return ran.stdout.strip() if check else ran.stdout + ran.stderr

    def image_from_tree(self, tree: pathlib.Path, name: str) -> None:
        packed = subprocess.Popen(["tar", "--directory", tree, "--create", "--exclude=./proc/*", "--exclude=./sys/*", "."], stdout=subprocess.PIPE)
        subprocess.run([*self._words, "import", "--quiet", "-", name], stdin=packed.stdout, check=True, capture_output=True, env=self.environment)
        assert packed.wait() == 0

    def megabytes(self, image: str) -> float:
        return json.loads(self("image", "inspect", image))[0]["Size"] / 1e6

    def ended(self, container: str, seconds: float = 40) -> int:
        """Exit status after SIGTERM."""
        self("stop", "--time", int(seconds), container)
        deadline = time.monotonic() + seconds
        while self("inspect", "--format", "{{.State.Running}}", container) == "true":
            assert time.monotonic() < deadline, f"{container} does not end"
            time.sleep(0.1)
        return int(self("inspect", "--format", "{{.State.ExitCode}}", container))
