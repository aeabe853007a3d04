"""A pseudo-terminal with a program on it, for tests that are a person."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

from chat import DEADLINE_S


class Terminal:
    """Starts the program; close() ends it."""

    def __init__(self, argv: list, columns: int = 80):
        self.seen = b""  # everything that was written to it
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], [str(word) for word in argv], {**os.environ, "TERM": "xterm", "TZ": "UTC"})
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.status: int | None = None
        self._taken = 0  # of `seen`, by expect()

    def type(self, keys: str) -> None:
        os.write(self.descriptor, keys.encode())

    def expect(self, text: str, seconds: float = DEADLINE_S) -> None:
        """Waits until `text` has been written since the last call that found something."""
        deadline = time.monotonic() + seconds
        while (at := self.seen.find(text.encode(), self._taken)) < 0:
            left = deadline - time.monotonic()
            assert left > 0 and self._read(left), f"no {text!r} within {seconds:.0f} s: {self.seen[self._taken:]!r}"
        self._taken = at + len(text.encode())

    def _read(self, seconds: float) -> bool:
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self.descriptor, 65536)
        except OSError:  # the other end is gone
            return False
        self.seen += piece
        return bool(piece)

    def wait(self, seconds: float = DEADLINE_S) -> int:
        deadline = time.monotonic() + seconds
        while self.status is None:
            self._read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, f"it does not end: {self.seen[-500:]!r}"
        while self._read(0.05):
            pass
        return self.status

    def close(self) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.descriptor)
