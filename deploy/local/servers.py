"""The real Redis, RabbitMQ and PostgreSQL from Debian's packages, started and ended by hand on loopback.

    python3 servers.py exec COMMAND [ARG ...]   runs COMMAND with private servers on free ports, named by SIMPLECHAT_TEST_*_URL
"""

import concurrent.futures
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile

from certificates import Authority
from process import Process, answers, free_port, wait_until
from remove_tree import remove_tree

POSTGRES_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
RABBITMQ_BIN = pathlib.Path("/usr/lib/rabbitmq/bin")
# PostgreSQL's settings for data that need not survive the machine. What ends by itself or is killed still recovers: its files are the kernel's.
UNSYNCED = {"fsync": "off"}


class Redis:
    """With an authority it speaks TLS, and nothing else."""

    def __init__(self, root: pathlib.Path, port: int, authority: Authority | None = None):
        self.port = port
        self.url = f"redis{'s' if authority else ''}://127.0.0.1:{port}"
        self.dir = root / "redis"
        listening = ["--port", port]
        if authority:
            issued = authority.issue("redis")
            listening = ["--port", 0, "--tls-port", port, "--tls-cert-file", issued.certificate, "--tls-key-file", issued.key,
                         "--tls-ca-cert-file", authority.file, "--tls-auth-clients", "no"]
        self.process = Process("redis", ["redis-server", *listening, "--bind", "127.0.0.1", "--dir", self.dir,
                                         "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"], root / "log")

    def start(self) -> None:
        self.dir.mkdir(parents=True, exist_ok=True)
        self.process.start()
        self.process.wait_ready(lambda: answers(self.port))

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()


class RabbitMq:
    """With an authority it speaks TLS on `port`, and without it on another one, as it must listen somewhere."""

    def __init__(self, root: pathlib.Path, port: int, authority: Authority | None = None):
        self.port = port
        self.url = f"amqp{'s' if authority else ''}://guest:guest@127.0.0.1:{port}"
        self.dir = root / "rabbitmq"
        # A broker that stops taking messages because the machine's disk is nearly full would be tested only by chance.
        self.settings = ["disk_free_limit.absolute = 500MB", "vm_memory_high_watermark.relative = 0.4"]
        if authority:
            issued = authority.issue("rabbitmq")
            self.settings += [f"listeners.ssl.default = 127.0.0.1:{port}", f"ssl_options.cacertfile = {authority.file}",
                              f"ssl_options.certfile = {issued.certificate}", f"ssl_options.keyfile = {issued.key}",
                              "ssl_options.verify = verify_none"]
        self.epmd_port = free_port()
        self.pid_file = self.dir / "pid"
        self.env = {
            "HOME": str(self.dir),  # where the Erlang cookie lies
            "RABBITMQ_NODENAME": f"simplechat{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(free_port() if authority else port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.dir / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.dir / "log"),
            "RABBITMQ_PID_FILE": str(self.pid_file),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.dir / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.dir / "rabbitmq"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.epmd_port),
            # One scheduler for each core is enough here; busy waiting would take the cores from what is measured.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
        }
        # epmd is started as a child of ours, so that it can be ended by its PID like everything else.
        self.epmd = Process("epmd", ["epmd", "-port", self.epmd_port, "-address", "127.0.0.1"], root / "log")
        self.process = Process("rabbitmq", [RABBITMQ_BIN / "rabbitmq-server"], root / "log", self.env)

    def start(self) -> None:
        (self.dir / "log").mkdir(parents=True, exist_ok=True)
        (self.dir / "enabled_plugins").write_text("[].\n")
        (self.dir / "rabbitmq.conf").write_text("\n".join([*self.settings, ""]))
        if not self.epmd.running():
            self.epmd.start()
            self.epmd.wait_ready(lambda: answers(self.epmd_port))
        self.pid_file.unlink(missing_ok=True)
        self.process.start()
        self.process.wait_ready(lambda: self.pid_file.exists() and answers(self.port), 120)

    def ctl(self, *words: str) -> str:
        return subprocess.run([RABBITMQ_BIN / "rabbitmqctl", "-q", *words], env={**os.environ, **self.env}, check=True,
                              capture_output=True, text=True, timeout=60).stdout

    def stop(self) -> None:
        self.process.stop(60)
        self.epmd.stop()

    def kill(self) -> None:
        # The start script execs the Erlang machine's parent; the machine itself writes the pid file.
        machine = int(self.pid_file.read_text())
        os.kill(machine, 9)
        self.process.kill()


class Postgres:
    """Runs as the system user `postgres` when we are root, which PostgreSQL refuses to run as. With an authority it takes connections over
    TLS only, and its URL verifies it if the caller adds `sslrootcert`."""

    SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "2GB"}

    def __init__(self, root: pathlib.Path, port: int, settings: dict[str, str] | None = None, authority: Authority | None = None):
        self.port = port
        self.password = "simplechat"
        self.url = f"postgres://postgres:{self.password}@127.0.0.1:{port}/postgres" + ("?sslmode=verify-full" if authority else "")
        self.dir = root / "postgres"
        self.issued = authority.issue("postgres") if authority else None
        self.initdb_flags = ["--no-sync"] if settings and settings.get("fsync") == "off" else []
        if self.issued:
            settings = {"ssl": "on", "ssl_cert_file": "server.pem", "ssl_key_file": "server-key.pem", **(settings or {})}
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": self.dir, **self.SETTINGS, **(settings or {})}
        self.process = Process("postgres", [*self.as_user, POSTGRES_BIN / "postgres", "-D", self.dir, "-p", port,
                                            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))],
                               root / "log", cwd="/")

    def start(self) -> None:
        if not (self.dir / "PG_VERSION").exists():
            self._init()
        (self.dir / "postmaster.pid").unlink(missing_ok=True)
        self.process.start()
        self.process.wait_ready(self.ready, 60)

    def _init(self) -> None:
        self.dir.mkdir(parents=True, exist_ok=True)
        password_file = self.dir.parent / "postgres-password"
        password_file.write_text(self.password)
        if self.as_user:
            user = pwd.getpwnam("postgres")
            for path in (self.dir, password_file):
                os.chown(path, user.pw_uid, user.pw_gid)
        subprocess.run([*self.as_user, POSTGRES_BIN / "initdb", "-D", self.dir, "-U", "postgres", "-A", "scram-sha-256",
                        f"--pwfile={password_file}", "-E", "UTF8", "--locale=C.UTF-8", *self.initdb_flags],
                       check=True, stdout=subprocess.DEVNULL, cwd="/")
        password_file.unlink()
        if self.issued:
            (self.dir / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
            for source, name in ((self.issued.certificate, "server.pem"), (self.issued.key, "server-key.pem")):
                shutil.copy(source, self.dir / name)
                if self.as_user:
                    os.chown(self.dir / name, user.pw_uid, user.pw_gid)

    def ready(self) -> bool:
        return subprocess.run([POSTGRES_BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode == 0

    def _postmaster(self) -> int:
        return int((self.dir / "postmaster.pid").read_text().split()[0])

    def stop(self) -> None:
        if self.process.running():
            os.kill(self._postmaster(), 2)  # SIGINT: fast shutdown
            self.process.child.wait(60)

    def kill(self) -> None:
        """As a crash: no shutdown checkpoint, recovery at the next start."""
        if self.process.running():
            os.kill(self._postmaster(), 3)  # SIGQUIT: immediate shutdown
            self.process.child.wait(60)


class Servers:
    """All three, with their data under `root`. `ports` names those that are not to be chosen freely. With an authority all speak TLS."""

    def __init__(self, root: pathlib.Path, ports: dict[str, int] | None = None, postgres_settings: dict[str, str] | None = None,
                 authority: Authority | None = None):
        ports = ports or {}
        self.root = pathlib.Path(root)
        self.redis = Redis(self.root, ports.get("redis") or free_port(), authority)
        self.rabbitmq = RabbitMq(self.root, ports.get("rabbitmq") or free_port(), authority)
        self.postgres = Postgres(self.root, ports.get("postgres") or free_port(), postgres_settings, authority)
        self.all = [self.redis, self.rabbitmq, self.postgres]

    def start(self) -> "Servers":
        self.root.mkdir(parents=True, exist_ok=True)
        os.chmod(self.root, 0o755)  # the user `postgres` must get through
        try:
            with concurrent.futures.ThreadPoolExecutor() as pool:
                for started in [pool.submit(server.start) for server in self.all]:
                    started.result()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        for server in self.all:
            server.stop()

    def __enter__(self) -> "Servers":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()

    def test_env(self) -> dict[str, str]:
        return {"SIMPLECHAT_TEST_REDIS_URL": self.redis.url, "SIMPLECHAT_TEST_MQ_URL": self.rabbitmq.url,
                "SIMPLECHAT_TEST_DB_URL": self.postgres.url}


def main() -> int:
    if len(sys.argv) < 3 or sys.argv[1] != "exec":
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(tempfile.mkdtemp(prefix="simplechat-servers-"))
    try:
        with Servers(root, postgres_settings=UNSYNCED) as servers:
            return subprocess.run(sys.argv[2:], env={**os.environ, **servers.test_env()}, check=False).returncode
    finally:
        remove_tree(root)


if __name__ == "__main__":
    sys.exit(main())
