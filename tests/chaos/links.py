"""The network between the services: one proxied link for each pair that talks (tcp_proxy.py). Used as a Cluster's `link`."""

import json
import pathlib
import subprocess
import sys
import urllib.parse

from process import free_port

PROGRAM = pathlib.Path(__file__).with_name("tcp_proxy.py")


class Links:
    def __init__(self, log_path: pathlib.Path):
        self.names: list[str] = []
        self._ports: dict[str, int] = {}
        with open(log_path, "ab") as log:
            self._child = subprocess.Popen([sys.executable, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                           text=True, start_new_session=True)

    def __call__(self, source: str, target: str, url: str) -> str:
        parts = urllib.parse.urlsplit(url)
        name = f"{source}->{target}"
        if name not in self._ports:
            self._ports[name] = free_port()
            self._command(op="add", name=name, listen=self._ports[name], target=parts.port)
            self.names.append(name)
        return parts._replace(netloc=f"{parts.netloc.rsplit(':', 1)[0]}:{self._ports[name]}").geturl()

    def cut(self, name: str, mode: str, delay: float = 0.0, reset: bool = False) -> None:
        self._command(op="set", name=name, mode=mode, delay=delay, reset=reset)

    def heal(self, name: str, reset: bool = False) -> None:
        self._command(op="set", name=name, mode="pass", delay=0.0, reset=reset)

    def close(self) -> None:
        self._child.stdin.close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()

    def _command(self, **command) -> None:
        self._child.stdin.write(json.dumps(command) + "\n")
        self._child.stdin.flush()
        answer = json.loads(self._child.stdout.readline() or '{"ok": false, "error": "the proxy has ended"}')
        if not answer["ok"]:
            raise RuntimeError(f"{command}: {answer['error']}")
