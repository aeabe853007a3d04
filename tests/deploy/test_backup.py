"""The commands of docs/operations.md for backup and restore: while messages are written, and into another place."""

import asyncio
import os
import re
import shutil
import subprocess

import pytest

from chat import Client, eventually, unique
from cluster import Cluster, database_url, embedded
from machine import ROOT
from servers import POSTGRES_BIN

DOCUMENT = (ROOT / "docs/operations.md").read_text()


def command(first_words: str, **replacements: str) -> str:
    """The line of the document that begins so, with this test's paths and addresses in it."""
    line = re.search(rf"^{re.escape(first_words)}.*$", DOCUMENT, re.MULTILINE).group(0)
    for old, new in replacements.items():
        assert old in line, f"{line!r} has no {old!r}"
    for old, new in replacements.items():
        line = line.replace(old, new)
    return line


def run(line: str, **environment: str) -> None:
    ran = subprocess.run(["bash", "-e", "-c", line], capture_output=True, text=True, check=False,
                         env={**os.environ, "PATH": f"{POSTGRES_BIN}:{os.environ['PATH']}", **environment})
    assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"


async def write_while(action, url: str, alice: str, bob: str) -> set[str]:
    """alice writes to bob before, during and after `action()`; the ids that were acked before it began."""
    async with Client.registered(url, alice) as client:
        before = {(await client.say(bob, f"before {number}"))["id"] for number in range(50)}
        stop = asyncio.Event()

        async def go_on() -> None:
            while not stop.is_set():
                await client.say(bob, "meanwhile")

        writing = asyncio.create_task(go_on())
        await asyncio.to_thread(action)
        stop.set()
        await writing
        await client.say(bob, "after")
        return before


async def history(url: str, user: str, other: str) -> list[dict]:
    async with Client.registered(url, user) as client:
        return await client.history_all(other)


def test_sqlite_online_backup(bin_dir, state_dir, tmp_path):
    if not shutil.which("sqlite3"):
        pytest.skip("needs sqlite3")
    alice, bob = unique("alice"), unique("bob")
    server = embedded(bin_dir, state_dir / "backed-up").start_ready()
    data = state_dir / "backed-up" / "data"
    try:
        backup = command("sqlite3 /var", **{"/var/lib/simplechat": str(data), "/backup": str(tmp_path)})
        before = asyncio.run(write_while(lambda: run(backup), server.ws_url, alice, bob))
        assert server.stop() == 0
        restored = embedded(bin_dir, state_dir / "restored")
        target = state_dir / "restored" / "data"
        target.mkdir(mode=0o700)
        run(command("install -o simplechat", **{"-o simplechat -g simplechat ": "", "/var/lib/simplechat": str(target), "/backup": str(tmp_path)}))
        restored.start_ready()
        try:
            kept = asyncio.run(history(restored.ws_url, bob, alice))
        finally:
            assert restored.stop() == 0
        assert before <= {message["id"] for message in kept}
        assert "after" not in {message["payload"] for message in kept}
    finally:
        server.stop()


def test_postgresql_dump_into_a_new_database(bin_dir, state_dir, tmp_path, servers):
    alice, bob = unique("alice"), unique("bob")
    url, new_url = (database_url(servers.postgres.url, name) for name in ("to-back-up", "chat-db"))
    dump = f"{tmp_path}/chat.dump"
    with Cluster(bin_dir, state_dir / "dumped", servers.redis.url, servers.rabbitmq.url, url, gateways=1) as cluster:
        gateway = cluster.gateways[0].ws_url

        def back_up() -> None:
            asyncio.run(eventually(lambda: history(gateway, bob, alice), lambda messages: len(messages) >= 50, "the store"))
            run(command("pg_dump", **{"chat.dump": dump}), DB_URL=url)

        before = asyncio.run(write_while(back_up, gateway, alice, bob))
    environment = {"DB_URL": new_url, "SERVER_URL": servers.postgres.url}
    run(command("createdb"), **environment)
    run(command("pg_restore", **{"chat.dump": dump}), **environment)
    run(command("sv-persist migrate --db-url", **{"sv-persist": str(bin_dir / "sv-persist")}), **environment)
    with Cluster(bin_dir, state_dir / "undumped", servers.redis.url, servers.rabbitmq.url, new_url, gateways=1) as cluster:
        gateway = cluster.gateways[0].ws_url
        kept = asyncio.run(history(gateway, bob, alice))
        assert before <= {message["id"] for message in kept}
        assert "after" not in {message["payload"] for message in kept}
        asyncio.run(write_while(lambda: None, gateway, alice, bob))
