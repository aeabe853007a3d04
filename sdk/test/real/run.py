"""Runs the library against the real programs, side by side: `simplechat serve` with tokens, the same without, and a private cluster with two
gateways, which the tests kill and restart.

    SIMPLECHAT_BIN=build/release/bin npm run test:real [-- tokens|embedded|cluster]

Needs `npm ci` in sdk/ and the packages of ./dev setup test. The tests kill and restart the gateways through deploy/local/control.py.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SDK = HERE.parents[1]
sys.path.insert(0, str(SDK.parent / "deploy" / "local"))

from cluster import Cluster, Gateway, database_url, embedded  # noqa: E402
from control import control  # noqa: E402
from remove_tree import remove_tree  # noqa: E402
from servers import UNSYNCED, Servers  # noqa: E402


JWT_SECRET = "a secret that only the tests and their gateway know"


def vitest(title: str, gateways: list[Gateway], file: str = "chat.test.ts") -> bool:
    """What it prints is shown when it is through: others run beside it."""
    with control(gateways) as control_url:
        env = {**os.environ, "CHAT_URLS": ",".join(gateway.ws_url for gateway in gateways), "CONTROL_URL": control_url, "JWT_SECRET": JWT_SECRET}
        ran = subprocess.run(["npx", "vitest", "run", "--no-cache", "--project", "real", file], cwd=SDK, env=env, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(f"--- {title}: {' '.join(gateway.ws_url for gateway in gateways)}\n{ran.stdout}", flush=True)
    return ran.returncode == 0


def on_cluster(bin_dir: str, state: pathlib.Path) -> bool:
    with Servers(state / "servers", postgres_settings=UNSYNCED) as servers:
        with Cluster(bin_dir, state / "cluster", servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "sdk")) as cluster:
            return vitest("two gateways of a cluster", cluster.gateways)


def on_one_process(bin_dir: str, state: pathlib.Path) -> bool:
    server = embedded(bin_dir, state / "single")
    try:
        server.start_ready()
        return vitest("simplechat serve", [server])
    finally:
        server.stop()


def with_tokens(bin_dir: str, state: pathlib.Path) -> bool:
    state.mkdir(exist_ok=True)
    secret = state / "jwt-secret"
    secret.write_text(JWT_SECRET)
    server = embedded(bin_dir, state / "tokens", ["--auth", "jwt", "--jwt-secret-file", secret])
    try:
        server.start_ready()
        return vitest("simplechat serve --auth jwt", [server], "tokens.test.ts")
    finally:
        server.stop()


def main() -> int:
    bin_dir = os.environ.get("SIMPLECHAT_BIN")
    runs = {"tokens": with_tokens, "embedded": on_one_process, "cluster": on_cluster}
    chosen = sys.argv[1:] or list(runs)
    if not bin_dir or not set(chosen) <= set(runs):
        print("usage: SIMPLECHAT_BIN=DIRECTORY_OF_THE_PROGRAMS run.py [tokens|embedded|cluster]", file=sys.stderr)
        return 2
    # The programs read SIMPLECHAT_* as their configuration: none of the caller's may reach them.
    for name in [name for name in os.environ if name.startswith("SIMPLECHAT_")]:
        del os.environ[name]
    state = pathlib.Path(tempfile.mkdtemp(prefix="simplechat-sdk-"))
    state.chmod(0o755)  # the user `postgres` must get through
    with concurrent.futures.ThreadPoolExecutor() as pool:  # they mostly wait, for restarts and for tokens to expire
        passed = list(pool.map(lambda name: runs[name](bin_dir, state), chosen))
    if all(passed):
        remove_tree(state)
        return 0
    print(f"logs: {state}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
