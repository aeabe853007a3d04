"""Runs the browser tests against real gateways: two of a private cluster, then `simplechat serve` by itself.

    SIMPLECHAT_BIN=build/release/bin python3 tests/browser/run.py

Needs `npm ci` in this directory, Debian's chromium, and the packages of ./dev setup test. SCREENSHOT_DIR, if set, receives pictures of the page.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "deploy" / "local"))

from cluster import Cluster, database_url, embedded  # noqa: E402
from servers import Servers  # noqa: E402


def npm_test(title: str, url_a: str, url_b: str) -> bool:
    print(f"--- {title}: {url_a} and {url_b}", flush=True)
    env = {**os.environ, "CHAT_URL_A": url_a + "/client", "CHAT_URL_B": url_b + "/client"}
    return subprocess.run(["npm", "test"], cwd=HERE, env=env, check=False).returncode == 0


def on_cluster(bin_dir: str, state: pathlib.Path) -> bool:
    with Servers(state / "servers") as servers:
        with Cluster(bin_dir, state / "cluster", servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "browser")) as cluster:
            return npm_test("two gateways of a cluster", *(gateway.url for gateway in cluster.gateways))


def on_one_process(bin_dir: str, state: pathlib.Path) -> bool:
    server = embedded(bin_dir, state / "single")
    try:
        server.start_ready()
        return npm_test("simplechat serve", server.url, server.url)
    finally:
        server.stop()


def main() -> int:
    bin_dir = os.environ.get("SIMPLECHAT_BIN")
    if not bin_dir:
        print("set SIMPLECHAT_BIN to the directory of the built programs, such as build/release/bin", file=sys.stderr)
        return 2
    # The programs read SIMPLECHAT_* as their configuration: none of the caller's may reach them.
    for name in [name for name in os.environ if name.startswith("SIMPLECHAT_")]:
        del os.environ[name]
    state = pathlib.Path(tempfile.mkdtemp(prefix="simplechat-browser-"))
    state.chmod(0o755)  # the user `postgres` must get through
    passed = [on_cluster(bin_dir, state), on_one_process(bin_dir, state)]
    if all(passed):
        shutil.rmtree(state, ignore_errors=True)
        return 0
    print(f"logs: {state}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
