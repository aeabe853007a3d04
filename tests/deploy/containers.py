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
    """runc, because crun refuses machines whose cgroups are partly of version 1 and partly of 2.

    Images stay in `storage`, so that what has not changed is not built again; the state of running containers is in `directory`.
    """

    def __init__(self, storage: pathlib.Path, directory: pathlib.Path):
        self.environment = {**os.environ, "CONTAINERS_CONF": str(directory / "containers.conf"),
                            "CONTAINERS_STORAGE_CONF": str(directory / "storage.conf")}
        files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1 << 20)
        directory.mkdir(parents=True, exist_ok=True)
        # podman would otherwise ask for more than it may have, and have nothing.
        (directory / "containers.conf").write_text(
            f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc=32768:32768"]\n'
            '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n[network]\nnetwork_backend = "netavark"\n')
        (directory / "storage.conf").write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{storage}"\nrunroot = "{directory}/run"\n')

    def __call__(self, *words, check: bool = True, stdin: bytes | None = None) -> str:
        ran = subprocess.run(["podman", *map(str, words)], capture_output=True, check=False, env=self.environment, input=stdin, timeout=280)
        output, errors = ran.stdout.decode(), ran.stderr.decode()
        assert not check or ran.returncode == 0, f"podman {words}: exit status {ran.returncode}\n{output[-3000:]}\n{errors[-3000:]}"
        return output.strip() if check else output + errors

    def image_from_tree(self, tree: pathlib.Path, name: str) -> None:
        """Makes the image, unless there is one of this name."""
        if name in self("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines():
            return
        packed = subprocess.Popen(["tar", "--directory", tree, "--create", "--exclude=./proc/*", "--exclude=./sys/*", "."], stdout=subprocess.PIPE)
        subprocess.run(["podman", "import", "--quiet", "-", name], stdin=packed.stdout, check=True, capture_output=True, env=self.environment)
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
