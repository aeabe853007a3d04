"""A child process that is started, waited for and ended by hand: no service manager is assumed."""

import os
import pathlib
import signal
import socket
import subprocess
import threading
import time


PORTS = range(20_000, 32_000)  # below the ephemeral range, so that no client takes one meanwhile
BETWEEN_RUNS = 1777  # prime, so that it goes round all of them


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on now. The port of a server that is down for a moment looks free, too: so runs side by
    side look in places that are far apart, however near their process ids."""
    begin = os.getpid() * BETWEEN_RUNS
    for index in range(len(PORTS)):
        port = PORTS[(begin + index) % len(PORTS)]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        with _giving:
            if port not in _given:
                _given.add(port)
                return port
    raise RuntimeError(f"no free port in {PORTS}")


_given: set[int] = set()
_giving = threading.Lock()


def answers(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def wait_until(condition, what: str, seconds: float = 30.0) -> None:
    """Polls until `condition()` is true; TimeoutError naming `what` otherwise."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)


class Process:
    """One program with its log file. Ended by its PID only."""

    def __init__(self, name: str, argv: list[str], log_dir: pathlib.Path, env: dict[str, str] | None = None, cwd=None):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log_path = pathlib.Path(log_dir) / f"{name}.log"
        self.env = {**os.environ, **(env or {})}
        self.cwd = cwd
        self.child: subprocess.Popen | None = None

    def start(self) -> None:
        assert self.child is None or self.child.poll() is not None, f"{self.name} is running"
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                          cwd=self.cwd, start_new_session=True)

    @property
    def pid(self) -> int:
        assert self.child is not None
        return self.child.pid

    def running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def signal(self, number: int) -> None:
        if self.running():
            self.child.send_signal(number)

    def stop(self, seconds: float = 20.0) -> int | None:
        """SIGTERM, then SIGKILL after `seconds`. Returns the exit status."""
        if self.child is None:
            return None
        self.signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int | None:
        self.signal(signal.SIGKILL)
        return self.child.wait(10) if self.child else None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_ready(self, condition, seconds: float = 30.0) -> None:
        def ready() -> bool:
            if not self.running():
                raise RuntimeError(f"{self.name} ended with status {self.child.returncode}:\n{self.log()[-2000:]}")
            return condition()

        wait_until(ready, f"{self.name} is ready (log: {self.log_path})", seconds)
