"""What the system tests run on: the binaries of $SIMPLECHAT_BIN over real servers, started once and shared.

Tests that kill something start a process or servers of their own.
"""

import dataclasses
import itertools
import os
import pathlib
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "local"))

from application import Application  # noqa: E402
from cluster import Cluster, Gateway, database_url, embedded  # noqa: E402
from remove_tree import remove_tree  # noqa: E402
from servers import UNSYNCED, Servers  # noqa: E402

# The programs read SIMPLECHAT_* as their configuration: none of the caller's may reach them.
SETTINGS = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("SIMPLECHAT_")}
SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")


@dataclasses.dataclass
class Deployment:
    """Gateways that serve the same users; `near` and `far` are two of them, or the same one where there is only one."""

    name: str
    gateways: list[Gateway]

    @property
    def near(self) -> Gateway:
        return self.gateways[0]

    @property
    def far(self) -> Gateway:
        return self.gateways[-1]


@pytest.fixture(scope="session")
def bin_dir() -> pathlib.Path:
    if "SIMPLECHAT_BIN" not in SETTINGS:
        pytest.fail("set SIMPLECHAT_BIN to the directory of the built programs, such as build/release/bin")
    return pathlib.Path(SETTINGS["SIMPLECHAT_BIN"]).resolve()


@pytest.fixture(scope="session")
def state_dir(request):
    """Removed at the end unless a test failed: the logs are in there."""
    state = pathlib.Path(tempfile.mkdtemp(prefix="simplechat-system-"))
    state.chmod(0o755)
    yield state
    check_logs(state)
    if request.session.testsfailed:
        print(f"\nlogs: {state}", file=sys.stderr)
    else:
        remove_tree(state)


def check_logs(state: pathlib.Path) -> None:
    """No program may have been caught by a sanitizer, whatever the tests saw of it."""
    caught = []
    for path in state.rglob("*.log"):
        text = path.read_text(errors="replace")
        caught += [f"{path}: {text[text.index(report):][:2000]}" for report in SANITIZER_REPORTS if report in text]
    assert not caught, "\n".join(caught)


@pytest.fixture(scope="session")
def servers(state_dir):
    with Servers(state_dir / "servers", postgres_settings=UNSYNCED) as running:
        yield running


@pytest.fixture(scope="session")
def cluster(bin_dir, state_dir, servers):
    """Two gateways. Shared: tests use users of their own and end nothing of it."""
    shared = Cluster(bin_dir, state_dir / "cluster", servers.redis.url, servers.rabbitmq.url,
                     database_url(servers.postgres.url, "shared"), gateways=2).start()
    yield shared
    statuses = shared.stop()
    assert set(statuses.values()) == {0}, f"exit statuses after SIGTERM: {statuses}"


@pytest.fixture(scope="session")
def apart(servers):
    """Makes the servers' urls for a further cluster, by its name: its own records, queues and tables on the shared servers."""
    numbers = itertools.count(1)

    def make(name: str) -> dict[str, str]:
        servers.rabbitmq.ctl("add_vhost", name)
        servers.rabbitmq.ctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        return {"redis_url": f"{servers.redis.url}/{next(numbers)}", "mq_url": f"{servers.rabbitmq.url}/{name}",
                "db_url": database_url(servers.postgres.url, name)}

    return make


@pytest.fixture(scope="session")
def single(bin_dir, state_dir):
    """`simplechat serve`. Shared, like `cluster`."""
    process = embedded(bin_dir, state_dir / "single").start_ready()
    yield process
    assert process.stop() == 0, process.log()[-2000:]


@pytest.fixture(scope="session", params=["embedded", "cluster"])
def deployment(request) -> Deployment:
    if request.param == "embedded":
        return Deployment("embedded", [request.getfixturevalue("single")])
    return Deployment("cluster", request.getfixturevalue("cluster").gateways)


@pytest.fixture
def application():
    """The embedding application, for the hooks of further processes."""
    made = Application()
    yield made
    made.close()


@pytest.fixture
def another_gateway(cluster):
    """Starts further gateways of the shared cluster, for tests that kill them."""
    started = []

    def start(*flags) -> Gateway:
        gateway = cluster.another_gateway(f"sv-websocket-extra-{len(started) + 1}", flags=list(flags)).start_ready()
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        if not gateway.running():
            gateway.start_ready()  # so that the others hear of its death now, and not when its lease ends, within another test
        gateway.stop()


@pytest.fixture
def another_single(bin_dir, state_dir, request):
    """Makes further `simplechat serve` processes, not started yet, each with a data directory of its own."""
    made = []

    def make(*flags) -> Gateway:
        process = embedded(bin_dir, state_dir / request.node.name / str(len(made)), list(flags))
        made.append(process)
        return process

    yield make
    for process in made:
        process.stop()
