"""The cluster under test: two gateways, sv-discover, two sv-persist, Redis, RabbitMQ and PostgreSQL, with a proxied link between any
two that talk, and PostgreSQL's data on a small disk of its own where one can be mounted."""

import contextlib
import os
import pathlib
import subprocess
import time

import psycopg2

from cluster import Cluster, database_url
from history import StoredRow
from links import Links
from servers import Servers

LEASE_S = 10.0
# So that the disk need not be larger than the messages want it.
POSTGRES_SETTINGS = {"shared_buffers": "64MB", "max_wal_size": "64MB", "min_wal_size": "32MB", "track_commit_timestamp": "on"}
EMPTY_STORE_BYTES = 220 << 20
MESSAGE_BYTES = 1200  # with its indexes, and what repeats leave dead


class SmallDisk:
    """A tmpfs that can be filled up. Only root may mount one."""

    def __init__(self, mount_point: pathlib.Path, size_bytes: int):
        self._mount_point = mount_point
        self._size_bytes = size_bytes
        self._ballast = mount_point / "ballast"
        self.mounted = False

    def mount(self) -> None:
        self._mount_point.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._size_bytes},mode=0700", "tmpfs", self._mount_point]
        self.mounted = os.geteuid() == 0 and subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0

    def fill(self) -> None:
        """To the last byte, whatever the database writes meanwhile."""
        step = bytes(1 << 20)
        with open(self._ballast, "wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while ballast.write(step):
                pass

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        if self.mounted:
            subprocess.run(["umount", self._mount_point], check=True)
            self.mounted = False


class World:
    """start() and stop() wait; call them from outside the event loop."""

    def __init__(self, bin_dir, state: pathlib.Path, messages_expected: int):
        self.state = state
        servers_root = state / "servers"
        self.log = servers_root / "log"
        self.log.mkdir(parents=True)
        servers_root.chmod(0o755)  # the user `postgres` must get through
        self.servers = Servers(servers_root, postgres_settings=POSTGRES_SETTINGS)
        self.disk = SmallDisk(self.servers.postgres.dir, EMPTY_STORE_BYTES + messages_expected * MESSAGE_BYTES)
        self.links = Links(self.log / "tcp_proxy.log")
        self.db_url = database_url(self.servers.postgres.url, "chaos")
        self.cluster = Cluster(bin_dir, state / "cluster", self.servers.redis.url, self.servers.rabbitmq.url, self.db_url, gateways=2,
                               persisters=2, gateway_flags=["--lease-ms", int(LEASE_S * 1000)], link=self.links)

    def start(self) -> None:
        self.disk.mount()
        self.servers.start()
        self.cluster.start()

    def stop(self) -> None:
        for stop in (self.cluster.stop, self.servers.stop, self.disk.unmount, self.links.close):
            try:
                stop()
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                print(f"while stopping: {error!r}")

    # --- what faults need ---

    def start_service(self, service) -> None:
        """As a supervisor would. Returns when it serves, whatever it still misses."""
        service.start()
        service.wait_ready(service.alive)

    def start_postgres(self) -> None:
        """A server may refuse to start while children of the one that crashed are still ending."""
        for attempts_left in (4, 3, 2, 1, 0):
            try:
                return self.servers.postgres.start()
            except RuntimeError:
                if not attempts_left:
                    raise

    def ended_by_themselves(self) -> list[tuple]:
        """Those of our services that nobody killed; they are started again."""
        ended = []
        for service in self.cluster.services:
            if not service.running():
                ended.append((service.name, service.child.returncode, service.log()[-1500:]))
                self.start_service(service)
        return ended

    # --- what is in the store ---

    def stored_count(self) -> int:
        return self._query("SELECT count(*) FROM message")[0][0]

    def stored(self) -> list[StoredRow]:
        rows = []
        to_monotonic = time.monotonic() - time.time()
        for conversation, sender, identifier, at, payload, committed in self._query(
                "SELECT key, sender, message.id, at, payload, extract(epoch FROM pg_xact_commit_timestamp(commit_xid::xid))::float8"
                " FROM message JOIN conversation ON conversation.id = conversation"):
            both = conversation.split(",")
            recipient = both[1] if both[0] == sender else both[0]
            rows.append(StoredRow(sender, recipient, identifier, at, bytes(payload).decode(), committed + to_monotonic))
        return rows

    def _query(self, text: str) -> list[tuple]:
        connection = psycopg2.connect(self.db_url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall()
        finally:
            connection.close()
