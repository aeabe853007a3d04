"""SimpleChat's own processes as one cluster on this machine, over servers that run already.

    python3 cluster.py up [--bin DIR] [--state DIR] [--gateways N]   the whole cluster on the default ports, until Ctrl-C

`up` uses Redis, RabbitMQ and PostgreSQL where they answer on their default ports (or where SIMPLECHAT_REDIS_URL, SIMPLECHAT_MQ_URL and
SIMPLECHAT_DB_URL point), and starts those that don't.
"""

import argparse
import json
import os
import pathlib
import signal
import ssl
import sys
import tempfile
import threading
import urllib.error
import urllib.request

from process import Process, answers, free_port
from servers import Postgres, RabbitMq, Redis


def http_json(url: str, timeout: float = 2.0, tls: ssl.SSLContext | None = None) -> tuple[int, dict]:
    """Status and body of a GET; (0, {}) if nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout, context=tls) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")
    except (OSError, ValueError):
        return 0, {}


class Service(Process):
    """One of our binaries, with its API port. `tls`: speaks TLS, with a certificate that this context believes."""

    def __init__(self, name: str, argv: list, port: int, log_dir, env=None, cwd=None, tls: ssl.SSLContext | None = None):
        super().__init__(name, argv, log_dir, env, cwd)
        self.port = port
        self.tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"

    def alive(self) -> bool:
        """It serves, whatever it misses."""
        return http_json(self.url + "/healthz", tls=self.tls)[0] == 200

    def ready(self) -> bool:
        return http_json(self.url + "/readyz", tls=self.tls)[0] == 200

    def start_ready(self, seconds: float = 30.0) -> "Service":
        self.start()
        self.wait_ready(self.ready, seconds)
        return self


class Gateway(Service):
    def __init__(self, name: str, argv: list, api_port: int, ws_port: int, log_dir, env=None, cwd=None, tls: ssl.SSLContext | None = None):
        super().__init__(name, argv, api_port, log_dir, env, cwd, tls)
        self.ws_port = ws_port
        self.ws_url = f"{'wss' if tls else 'ws'}://127.0.0.1:{ws_port}/"


def embedded(bin_dir, state_dir, flags: list | None = None, tls: ssl.SSLContext | None = None) -> Gateway:
    """`simplechat serve` with its data under `state_dir`, on free ports; not started yet."""
    state = pathlib.Path(state_dir)
    work = state / "work"
    work.mkdir(parents=True, exist_ok=True)
    api_port, ws_port = free_port(), free_port()
    return Gateway("simplechat", [pathlib.Path(bin_dir).resolve() / "simplechat", "serve", "--api-port", api_port, "--ws-port", ws_port,
                                  "--data-dir", state / "data", *(flags or [])], api_port, ws_port, state / "log", cwd=work, tls=tls)


def direct(_source: str, _target: str, url: str) -> str:
    return url


class Cluster:
    """sv-discover, sv-persist instances and gateways. Ports are free ones unless `default_ports`.

    `link(source, target, url)` gives the url under which `source` is to reach `target`, for tests that put something between the two.
    """

    def __init__(self, bin_dir, state_dir, redis_url: str, mq_url: str, db_url: str, gateways: int = 2, persisters: int = 1,
                 default_ports: bool = False, gateway_flags: list | None = None, persist_flags: list | None = None, link=direct):
        self.bin = pathlib.Path(bin_dir).resolve()
        self.state = pathlib.Path(state_dir)
        self.mq_url = mq_url
        self.db_url = db_url
        self._link = link
        self._gateway_flags = gateway_flags or []
        self._work = self.state / "work"  # a working directory without a .env of somebody else
        self._work.mkdir(parents=True, exist_ok=True)
        self._log = self.state / "log"
        port = (lambda default: default) if default_ports else (lambda default: free_port())
        discover_port, persist_port = port(3001), port(3000)
        self.discover = Service(
            "sv-discover", [self.bin / "sv-discover", "--port", discover_port, "--redis-url", link("sv-discover", "redis", redis_url)],
            discover_port, self._log, cwd=self._work)
        self.persisters = []
        for index in range(persisters):
            this_port = persist_port if index == 0 else free_port()
            name = f"sv-persist-{index + 1}"
            self.persisters.append(Service(
                name, [self.bin / "sv-persist", "--port", this_port, "--mq-url", link(name, "rabbitmq", mq_url),
                       "--db-url", link(name, "postgres", db_url), *(persist_flags or [])],
                this_port, self._log, cwd=self._work))
        self.gateways = []
        for index in range(gateways):
            self.gateways.append(self.another_gateway(f"sv-websocket-{index + 1}", port(3002 + index), port(8082 + index)))

    def another_gateway(self, name: str, api_port: int = 0, ws_port: int = 0, flags: list | None = None) -> Gateway:
        """One that is not started yet, and that is the caller's to stop. Ports are free ones unless given."""
        api_port, ws_port = api_port or free_port(), ws_port or free_port()
        persister = self.persisters[len(self.gateways) % len(self.persisters)]
        return Gateway(
            name,
            [self.bin / "sv-websocket", "--api-port", api_port, "--ws-port", ws_port,
             "--public-url", self._link("gateways", name, f"http://127.0.0.1:{api_port}"),
             "--discover-url", self._link(name, "sv-discover", self.discover.url),
             "--persist-url", self._link(name, persister.name, persister.url),
             "--mq-url", self._link(name, "rabbitmq", self.mq_url), *self._gateway_flags, *(flags or [])],
            api_port, ws_port, self._log, cwd=self._work)

    @property
    def services(self) -> list[Service]:
        return [self.discover, *self.persisters, *self.gateways]

    def migrate(self) -> None:
        migration = Process("sv-persist-migrate", [self.bin / "sv-persist", "migrate", "--db-url", self.db_url],
                            self._log, cwd=self._work)
        migration.start()
        if migration.child.wait(60) != 0:
            raise RuntimeError(f"sv-persist migrate failed:\n{migration.log()}")

    def start(self) -> "Cluster":
        try:
            self.migrate()
            for service in self.services:
                service.start()
            for service in self.services:
                service.wait_ready(service.ready)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> dict[str, int | None]:
        """Gateways first. Returns the exit statuses by name."""
        return {service.name: service.stop() for service in reversed(self.services)}

    def __enter__(self) -> "Cluster":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()


def database_url(server_url: str, name: str) -> str:
    return server_url.rsplit("/", 1)[0] + "/" + name


def up(arguments) -> int:
    state = pathlib.Path(arguments.state)
    state.mkdir(parents=True, exist_ok=True)
    os.chmod(state, 0o755)
    started = []

    def ensure(env_name: str, label: str, default_url: str, default_port: int, server_type) -> str:
        url = os.environ.get(env_name)
        if url:
            print(f"{label}: {env_name} is set")
            return url
        if answers(default_port):
            print(f"{label}: using the one on 127.0.0.1:{default_port}")
            return default_url
        print(f"{label}: starting it on 127.0.0.1:{default_port} ...", flush=True)
        server = server_type(state, default_port)
        server.start()
        started.append(server)
        return server.url

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    cluster = None
    try:
        redis_url = ensure("SIMPLECHAT_REDIS_URL", "Redis", "redis://127.0.0.1:6379", 6379, Redis)
        mq_url = ensure("SIMPLECHAT_MQ_URL", "RabbitMQ", "amqp://guest:guest@127.0.0.1:5672", 5672, RabbitMq)
        server_url = ensure("SIMPLECHAT_DB_URL", "PostgreSQL", "postgres://postgres:postgres@127.0.0.1:5432/postgres", 5432, Postgres)
        db_url = server_url if "SIMPLECHAT_DB_URL" in os.environ else database_url(server_url, "chat-db")
        # The children get their settings as flags; what the caller's environment holds must not be taken for their configuration.
        for name in ("SIMPLECHAT_REDIS_URL", "SIMPLECHAT_MQ_URL", "SIMPLECHAT_DB_URL"):
            os.environ.pop(name, None)
        print("migrating the database and starting the services ...", flush=True)
        cluster = Cluster(arguments.bin, state, redis_url, mq_url, db_url, arguments.gateways, default_ports=True).start()
        print("\nSimpleChat runs as a cluster:")
        for gateway in cluster.gateways:
            print(f"  client      http://localhost:{gateway.port}/client     WebSocket {gateway.ws_url}")
        print(f"  directory   {cluster.discover.url}    history {cluster.persisters[0].url}")
        print(f"  logs        {state}/log\nCtrl-C ends everything that was started here.", flush=True)
        while not stop.wait(0.5):
            for service in cluster.services:
                if not service.running():
                    print(f"{service.name} ended by itself with status {service.child.returncode}; see {service.log_path}")
                    return 1
        print("\nstopping ...", flush=True)
        return 0
    except (RuntimeError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        if cluster:
            cluster.stop()
        for server in reversed(started):
            server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    up_command = commands.add_parser("up")
    up_command.add_argument("--bin", default="build/release/bin")
    up_command.add_argument("--state", default=os.path.join(tempfile.gettempdir(), f"simplechat-{os.getuid()}"))
    up_command.add_argument("--gateways", type=int, default=2)
    up_command.set_defaults(run=up)
    arguments = parser.parse_args()
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
