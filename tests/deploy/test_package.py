"""The Debian packages: what is in them, and what they do on a Debian that boots with systemd."""

import asyncio
import datetime
import io
import json
import re
import subprocess
import tarfile

import pytest

import machine as machines
import rest
from chat import Client, unique
from cluster import database_url
from process import free_port, wait_until
from users import talk

UNITS = {"simplechat": ["simplechat.service"], "simplechat-cluster": ["sv-discover.service", "sv-persist.service", "sv-websocket@1.service"]}
# systemd-analyze's measure of what a service could do: 0 is nothing, 10 everything. What is left is mostly the network, which they serve.
EXPOSURE_MAX = 1.5


def listing(package) -> dict[str, str]:
    """Path -> permissions and owner."""
    lines = subprocess.run(["dpkg-deb", "--contents", package], check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.split(maxsplit=5)[5].split(" -> ")[0].removeprefix("."): " ".join(line.split()[:2]) for line in lines}


def test_lintian_finds_nothing(packages):
    changes = next(packages["simplechat"].parent.glob("*.changes"))
    ran = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", changes], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr


def test_config_files_are_conffiles_and_roots_alone(packages):
    for package, files in {"simplechat": ["simplechat"], "simplechat-cluster": ["sv-discover", "sv-persist", "sv-websocket"]}.items():
        paths = [f"/etc/simplechat/{name}.toml" for name in files]
        conffiles = subprocess.run(["dpkg-deb", "--ctrl-tarfile", packages[package]], check=True, capture_output=True).stdout
        listed = subprocess.run(["tar", "--extract", "--to-stdout", "./conffiles"], input=conffiles, check=True, capture_output=True).stdout
        assert sorted(listed.decode().split()) == paths
        assert {listing(packages[package])[path] for path in paths} == {"-rw------- root/root"}


def test_every_program_has_its_man_page_and_the_documents_are_there(packages):
    for package, pages in {"simplechat": ["man8/simplechat.8", "man1/simplechat-chat.1"],
                           "simplechat-cluster": ["man8/sv-websocket.8", "man8/sv-discover.8", "man8/sv-persist.8"]}.items():
        paths = listing(packages[package])
        for path in [f"man/{page}.gz" for page in pages] + [f"doc/{package}/{name}" for name in ("SECURITY.md", "docs/operations.md", "simplechat.spdx.json")]:
            assert f"/usr/share/{path}" in paths


def test_nothing_in_them_tells_when_they_were_made(packages):
    stamp = subprocess.run(["dpkg-parsechangelog", "-l", machines.ROOT / "deploy/debian/changelog", "-S", "Timestamp"],
                           check=True, capture_output=True, text=True).stdout.strip()
    made = datetime.datetime.fromtimestamp(int(stamp), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name in UNITS:
        files = subprocess.run(["dpkg-deb", "--fsys-tarfile", packages[name]], check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(files)) as tar:
            assert max(member.mtime for member in tar) <= int(stamp)
            parts = json.load(tar.extractfile(f"./usr/share/doc/{name}/simplechat.spdx.json"))
        assert parts["creationInfo"]["created"] == made


def test_the_shared_libraries_are_depended_on(packages):
    assert {"libssl3", "libsqlite3-0", "libc6"} <= set(machines.dependencies(packages["simplechat"]))
    assert {"libpq5", "libhiredis0.14", "librabbitmq4"} <= set(machines.dependencies(packages["simplechat-cluster"]))


@pytest.fixture(scope="module")
def single(packages, boot):
    """A machine with the package simplechat and a network of its own."""
    with boot("single", own_network=True) as machine:
        machine.run("dpkg", "--install", f"/packages/{packages['simplechat'].name}")
        machine.wait_active("simplechat")
        yield machine


def test_the_units_are_valid_and_expose_little(packages, boot):
    with boot("units", own_network=True) as machine:
        machine.run("dpkg", "--install", *(f"/packages/{packages[name].name}" for name in UNITS))
        for unit in sum(UNITS.values(), []):
            verified = machine.run("systemd-analyze", "verify", "--man=no", "/lib/systemd/system/" + unit.replace("@1", "@"))
            assert verified.stdout + verified.stderr == ""
            report = machine.run("systemd-analyze", "security", "--no-pager", unit).stdout
            exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", report).group(1))
            print(f"{unit}: exposure {exposure}")
            assert exposure <= EXPOSURE_MAX, report
        # A cluster's services are the operator's to start.
        for unit in UNITS["simplechat-cluster"]:
            assert machine.run("systemctl", "is-enabled", unit, check=False).stdout.strip() == "disabled"
            assert machine.run("systemctl", "is-active", unit, check=False).stdout.strip() == "inactive"


def test_installed_it_serves_the_page_and_chats(single):
    def visit() -> None:
        page = rest.get("http://127.0.0.1:3002/client")
        assert page.status == 200 and b"<html" in page.body
        assert rest.get("http://127.0.0.1:3002/readyz").status == 200
        asyncio.run(talk("ws://127.0.0.1:8082/", "ws://127.0.0.1:3002/ws"))

    wait_until(lambda: single.inside(lambda: reachable("http://127.0.0.1:3002/readyz")), "readiness")
    single.inside(visit)


def test_it_runs_as_its_user_without_rights(single):
    status = single.status_of("simplechat")
    user = single.run("id", "--user", "simplechat").stdout.strip()
    assert set(status["Uid"].split()) == {user} != {"0"}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert single.run("runuser", "-u", "simplechat", "--", "cat", "/etc/simplechat/simplechat.toml", check=False).returncode != 0
    assert single.run("stat", "--format=%U %a", "/var/lib/simplechat").stdout.split() == ["simplechat", "700"]


def test_killed_it_comes_back_with_what_it_had(single):
    alice, bob = unique("alice"), unique("bob")

    async def say() -> None:
        async with Client.registered("ws://127.0.0.1:8082/", alice) as client:
            await client.say(bob, "before the kill")

    async def read() -> list:
        async with Client.registered("ws://127.0.0.1:8082/", bob) as client:
            return [message["payload"] for message in (await client.request("history", with_=alice))["messages"]]

    single.inside(lambda: asyncio.run(say()))
    killed = single.main_pid("simplechat")
    single.run("systemctl", "kill", "--signal=KILL", "simplechat")
    wait_until(lambda: single.main_pid("simplechat") not in (0, killed), "restart")
    wait_until(lambda: single.inside(lambda: reachable("http://127.0.0.1:3002/readyz")), "readiness")
    assert single.inside(lambda: asyncio.run(read())) == ["before the kill"]


def reachable(url: str) -> bool:
    try:
        return rest.get(url).status == 200
    except OSError:
        return False


def test_a_wrong_configuration_is_said_once_and_not_tried_again(single):
    config = single.run("cat", "/etc/simplechat/simplechat.toml").stdout
    single.write("/etc/simplechat/simplechat.toml", 'no-such-key = "x"\n')
    single.run("systemctl", "restart", "simplechat", check=False)
    try:
        wait_until(lambda: single.run("systemctl", "is-failed", "simplechat", check=False).stdout.strip() == "failed", "the failure")
        assert single.run("systemctl", "show", "--property=ExecMainStatus", "--value", "simplechat").stdout.strip() == "2"
        assert '"no-such-key"' in single.journal("simplechat")
    finally:
        single.write("/etc/simplechat/simplechat.toml", config)
        single.run("systemctl", "restart", "simplechat")
    single.wait_active("simplechat")


def test_an_upgrade_keeps_the_configuration_and_a_removal_the_data(single, packages):
    package = f"/packages/{packages['simplechat'].name}"
    single.write("/etc/simplechat/simplechat.toml", 'data-dir = "/var/lib/simplechat"\nlog-format = "json"\n')
    before = single.main_pid("simplechat")
    single.run("dpkg", "--install", package)
    single.wait_active("simplechat")
    assert single.main_pid("simplechat") != before, "an upgrade restarts the one process"
    assert 'log-format = "json"' in single.run("cat", "/etc/simplechat/simplechat.toml").stdout
    assert single.run("stat", "--format=%a", "/etc/simplechat/simplechat.toml").stdout.strip() == "600"
    single.run("dpkg", "--purge", "simplechat")
    assert single.run("systemctl", "is-active", "simplechat", check=False).stdout.strip() == "inactive"
    assert single.run("ls", "/etc/simplechat", check=False).returncode != 0
    assert "chat.db" in single.run("ls", "/var/lib/simplechat").stdout, "nobody's messages are deleted by a package"


def test_the_clusters_units_serve_over_real_servers(packages, boot, servers):
    discover, persist = free_port(), free_port()
    ports = {name: (free_port(), free_port()) for name in ("1", "2")}
    package = packages["simplechat-cluster"]
    with boot("cluster", own_network=False) as machine:
        machine.run("dpkg", "--install", f"/packages/{package.name}")
        secret = 'cluster-secret = "a secret of the tests"\n'
        machine.write("/etc/simplechat/sv-discover.toml", f'{secret}port = {discover}\nredis-url = "{servers.redis.url}"\n')
        machine.write("/etc/simplechat/sv-persist.toml", f'{secret}port = {persist}\nmq-url = "{servers.rabbitmq.url}"\n'
                      f'db-url = "{database_url(servers.postgres.url, "packaged")}"\n')
        machine.write("/etc/simplechat/sv-websocket.toml", f'{secret}mq-url = "{servers.rabbitmq.url}"\n'
                      f'discover-url = "http://127.0.0.1:{discover}"\npersist-url = "http://127.0.0.1:{persist}"\n')
        for name, (api, ws) in ports.items():
            machine.write(f"/etc/simplechat/sv-websocket@{name}.env", f"SIMPLECHAT_API_PORT={api}\nSIMPLECHAT_WS_PORT={ws}\n")
        units = ["sv-discover", "sv-persist", "sv-websocket@1", "sv-websocket@2"]
        machine.run("systemctl", "start", *units)
        machine.wait_active(*units)
        for api, _ in ports.values():
            wait_until(lambda url=f"http://127.0.0.1:{api}/readyz": reachable(url), "readiness")
        asyncio.run(talk(*(f"ws://127.0.0.1:{ws}/" for _, ws in ports.values())))
        for unit in units:
            status = machine.status_of(unit)
            assert "0" not in status["Uid"].split() and int(status["CapEff"], 16) == 0 and status["Seccomp"] == "2"
        machine.run("systemctl", "stop", *reversed(units))
        for unit in units:
            assert machine.run("systemctl", "show", "--property=Result", "--value", unit).stdout.strip() == "success", machine.journal(unit)
