"""Runs the browser tests against real gateways: two of a private cluster, then `simplechat serve` by itself.

    SIMPLECHAT_BIN=build/release/bin python3 tests/browser/run.py [cluster|embedded ...] [-- FLAGS_OF_NODE_TEST ...]

Needs `npm ci` in this directory, Debian's chromium, and the packages of ./dev setup test. The tests kill and restart the gateways through
deploy/local/control.py. A third server, which asks for tokens, runs beside them. SCREENSHOT_DIR, if set, receives pictures of the page.
"""

import os
import pathlib
import secrets
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "deploy" / "local"))

from cluster import Cluster, Gateway, database_url, embedded  # noqa: E402
from control import control  # noqa: E402
from remove_tree import remove_tree  # noqa: E402
from servers import UNSYNCED, Servers  # noqa: E402


def npm_test(title: str, bin_dir: str, state: pathlib.Path, gateways: list[Gateway], flags: list[str]) -> bool:
    """`gateways`: two, or one that stands for both."""
    first, last = gateways[0], gateways[-1]
    print(f"--- {title}: {first.url} and {last.url}", flush=True)
    secret = secrets.token_hex(32)
    guarded = embedded(bin_dir, state / "guarded", ["--auth", "jwt", "--jwt-secret", secret])
    with control(gateways) as control_url:
        env = {**os.environ, "CHAT_URL_A": first.url + "/client", "CHAT_URL_B": last.url + "/client", "CONTROL_URL": control_url,
               "GUARDED_URL": guarded.url + "/client", "GUARDED_SECRET": secret}
        try:
            guarded.start_ready()
            return subprocess.run(["npm", "test", "--", *flags], cwd=HERE, env=env, check=False).returncode == 0
        finally:
            guarded.stop()


def on_cluster(bin_dir: str, state: pathlib.Path, flags: list[str]) -> bool:
    with Servers(state / "servers", postgres_settings=UNSYNCED) as servers:
        with Cluster(bin_dir, state / "cluster", servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "browser")) as cluster:
            return npm_test("two gateways of a cluster", bin_dir, state, cluster.gateways, flags)


def on_one_process(bin_dir: str, state: pathlib.Path, flags: list[str]) -> bool:
    server = embedded(bin_dir, state / "single")
    try:
        server.start_ready()
        return npm_test("simplechat serve", bin_dir, state, [server], flags)
    finally:
        server.stop()


RUNS = {"cluster": on_cluster, "embedded": on_one_process}


def main() -> int:
    arguments = sys.argv[1:]
    split = arguments.index("--") if "--" in arguments else len(arguments)
    chosen, flags = arguments[:split] or list(RUNS), arguments[split + 1:]
    bin_dir = os.environ.get("SIMPLECHAT_BIN")
    if not bin_dir or not set(chosen) <= set(RUNS):
        print("usage: SIMPLECHAT_BIN=DIRECTORY_OF_THE_PROGRAMS run.py [cluster|embedded ...] [-- FLAGS_OF_NODE_TEST ...]", file=sys.stderr)
        return 2
    # The programs read SIMPLECHAT_* as their configuration: none of the caller's may reach them.
    for name in [name for name in os.environ if name.startswith("SIMPLECHAT_")]:
        del os.environ[name]
    state = pathlib.Path(tempfile.mkdtemp(prefix="simplechat-browser-"))
    state.chmod(0o755)  # the user `postgres` must get through
    passed = [RUNS[name](bin_dir, state / name, flags) for name in chosen]
    if all(passed):
        remove_tree(state)
        return 0
    print(f"logs: {state}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
