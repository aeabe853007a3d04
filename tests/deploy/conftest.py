"""What the deployment tests run on: packages made of the programs of $SIMPLECHAT_BIN, and real servers, started once and shared."""

import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
for folder in ("deploy/local", "tests/system", "tests/deploy"):
    sys.path.insert(0, str(ROOT / folder))

import machine as machines  # noqa: E402
from remove_tree import remove_tree  # noqa: E402
from servers import UNSYNCED, Servers  # noqa: E402

# The programs read SIMPLECHAT_* as their configuration: none of the caller's may reach them.
SETTINGS = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("SIMPLECHAT_")}


@pytest.fixture(scope="session")
def bin_dir() -> pathlib.Path:
    if "SIMPLECHAT_BIN" not in SETTINGS:
        pytest.fail("set SIMPLECHAT_BIN to the directory of the built programs, such as build/release/bin")
    return pathlib.Path(SETTINGS["SIMPLECHAT_BIN"]).resolve()


@pytest.fixture(scope="session")
def state_dir(request):
    """Removed at the end unless a test failed: the logs are in there."""
    state = pathlib.Path(tempfile.mkdtemp(prefix="simplechat-deploy-"))
    state.chmod(0o755)
    yield state
    if request.session.testsfailed:
        print(f"\nlogs: {state}", file=sys.stderr)
    else:
        remove_tree(state)


@pytest.fixture(scope="session")
def servers(state_dir):
    with Servers(state_dir / "servers", postgres_settings=UNSYNCED) as running:
        yield running


@pytest.fixture(scope="session")
def packages(bin_dir) -> dict[str, pathlib.Path]:
    """The .deb files by package name."""
    subprocess.run([ROOT / "deploy/debian/package.sh", bin_dir], check=True, stdout=subprocess.DEVNULL)
    return {path.name.split("_")[0]: path for path in (ROOT / "build/package").glob("*.deb")}


@pytest.fixture(scope="session")
def debian_tree(packages) -> pathlib.Path:
    """The root of a minimal Debian that has what the packages depend on."""
    if machines.why_not():
        pytest.skip(machines.why_not())
    return machines.debian_tree(machines.dependencies(packages["simplechat"], packages["simplechat-cluster"]))


@pytest.fixture(scope="session")
def boot(packages, debian_tree, state_dir):
    """boot(NAME, own_network=...): a Debian machine that finds the packages under /packages."""
    def boot_machine(name: str, own_network: bool) -> machines.Machine:
        return machines.Machine(name, debian_tree, state_dir / "log", packages["simplechat"].parent, own_network)
    return boot_machine
