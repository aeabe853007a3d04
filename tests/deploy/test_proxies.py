"""haproxy and nginx as configured in deploy/, in front of two real gateways: users talk through them while gateways come and go."""

import asyncio
import http.client
import os
import pathlib
import shutil
import ssl
import subprocess

import pytest

from chat import Client, conversation, crowd, eventually, lost_and_doubled, more_acks, unique
from cluster import Cluster, database_url
from process import Process, answers, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cluster(bin_dir, state_dir, servers):
    with Cluster(bin_dir, state_dir / "cluster", servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "proxied"),
                 gateways=2, gateway_flags=["--drain-ms", "2000"]) as running:
        yield running


@pytest.fixture(scope="module")
def certificate(state_dir) -> dict[str, pathlib.Path]:
    """One for localhost that signs itself: certificate, key, and both in one file."""
    directory = state_dir / "certificate"
    directory.mkdir()
    paths = {name: directory / f"simplechat.{name}" for name in ("crt", "key", "pem")}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", paths["key"], "-out", paths["crt"]], check=True, capture_output=True)
    paths["pem"].write_text(paths["crt"].read_text() + paths["key"].read_text())
    return paths


def adapted(text: str, changes: dict[str, str]) -> str:
    """The example with this machine's values in it; each must be there to be replaced."""
    for old, new in changes.items():
        assert old in text, f"the example has no {old!r} any more"
        text = text.replace(old, new)
    return text


class Proxy:
    def __init__(self, kind: str, cluster: Cluster, certificate, state_dir):
        self.port, self.plain_port = free_port(), free_port()
        directory = state_dir / kind
        directory.mkdir()
        gateways = {f"127.0.0.1:{default}": f"127.0.0.1:{gateway.port}" for default, gateway in zip((3002, 3003), cluster.gateways)}
        if kind == "haproxy":
            config = adapted((ROOT / "deploy/haproxy/haproxy.cfg").read_text(), {
                "bind :443": f"bind 127.0.0.1:{self.port}", "bind :80": f"bind 127.0.0.1:{self.plain_port}",
                "/etc/haproxy/simplechat.pem": str(certificate["pem"]), "maxconn 100000": "maxconn 2000", **gateways})
            (directory / "haproxy.cfg").write_text(config)
            check = ["haproxy", "-c", "-f", directory / "haproxy.cfg"]
            argv = ["haproxy", "-db", "-f", directory / "haproxy.cfg"]
        else:
            config = adapted((ROOT / "deploy/nginx/simplechat.conf").read_text(), {
                "listen 443": f"listen 127.0.0.1:{self.port}", "listen 80": f"listen 127.0.0.1:{self.plain_port}",
                "/etc/nginx/simplechat.crt": str(certificate["crt"]), "/etc/nginx/simplechat.key": str(certificate["key"]), **gateways})
            (directory / "nginx.conf").write_text(
                f"daemon off;\npid {directory}/pid;\nerror_log stderr warn;\nevents {{ worker_connections 1000; }}\nhttp {{\naccess_log off;\n"
                + "".join(f"{part}_temp_path {directory}/{part};\n" for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                + f"{config}\n}}\n")
            check = ["nginx", "-t", "-c", directory / "nginx.conf"]
            argv = ["nginx", "-c", directory / "nginx.conf"]
        checked = subprocess.run(check, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        self.process = Process(kind, argv, state_dir / "log")
        self.url = f"wss://localhost:{self.port}/ws"

    def get(self, target: str, plain: bool = False) -> http.client.HTTPResponse:
        """No redirect is followed."""
        if plain:
            connection = http.client.HTTPConnection("127.0.0.1", self.plain_port, timeout=20)
        else:
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=20, context=ssl.create_default_context())
        connection.request("GET", target)
        response = connection.getresponse()
        response.content = response.read()
        connection.close()
        return response


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def proxy(request, cluster, certificate, state_dir):
    if not shutil.which(request.param, path=os.environ["PATH"] + ":/usr/sbin"):
        pytest.skip(f"needs {request.param}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate["crt"]))  # whom TLS clients of this process trust
        patch.setenv("PATH", os.environ["PATH"] + ":/usr/sbin")
        running = Proxy(request.param, cluster, certificate, state_dir)
        running.process.start()
        running.process.wait_ready(lambda: answers(running.port))
        yield running
        running.process.stop()


def test_the_page_and_nothing_internal(proxy):
    page = proxy.get("/client")
    assert page.status == 200 and b"<html" in page.content
    assert "max-age" in page.headers["Strict-Transport-Security"]
    assert proxy.get("/v1/history?user=alice&with=bob").status == 200
    assert proxy.get("/v1/blocks?user=alice").status == 200
    assert proxy.get("/v1/blocks/bob").status == 405, "it has come to the gateway, which takes PUT and DELETE there"
    for target in ("/send", "/v1/deliver", "/metrics", "/readyz", "/test", "/", "/client/../metrics", "/v1/history/../deliver", "/v1/blocks/../deliver", "/v1/users/alice/blocks", "//metrics"):
        assert proxy.get(target).status in (400, 404), target
    redirect = proxy.get("/client", plain=True)
    assert redirect.status == 308 and redirect.headers["Location"].startswith("https://")


def test_two_users_talk_over_tls(proxy):
    async def talk() -> None:
        alice, bob = unique("alice"), unique("bob")
        async with Client.registered(proxy.url, alice) as one, Client.registered(proxy.url, bob) as other:
            await one.say(bob, "x" * 60_000)
            assert (await other.expect("normal"))["payload"] == "x" * 60_000
            await other.say(alice, "back")
            assert (await one.expect("normal"))["payload"] == "back"

    asyncio.run(talk())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(proxy):
    context = ssl.create_default_context()
    context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    connection = http.client.HTTPSConnection("localhost", proxy.port, timeout=20, context=context)
    with pytest.raises(ssl.SSLError, match="alert|version"):
        connection.request("GET", "/client")


def test_users_are_spread_and_nothing_is_lost_while_a_gateway_drains_and_another_is_killed(proxy, cluster):
    async def scenario() -> None:
        async with crowd(8, [proxy.url]) as people:
            async with conversation(people):
                for restart in (lambda gateway: gateway.stop(), lambda gateway: gateway.kill()):
                    for gateway in cluster.gateways:
                        await more_acks(people, 5)
                        await asyncio.to_thread(restart, gateway)
                        await more_acks(people, 5)  # on the one that is left
                        await asyncio.to_thread(gateway.start_ready)
            assert any(person.drains for person in people)
            assert all(person.close_codes for person in people), "each was on a gateway that went"
            stored = {}
            for person in people:
                async with Client.registered(proxy.url, person.user) as reader:
                    stored[person.user] = await settled(reader, person.user, people)
            lost, wrong = lost_and_doubled(people, stored)
            assert (lost, wrong) == ([], [])

    asyncio.run(scenario())


async def settled(reader: Client, user: str, people: list) -> list[dict]:
    """What sync shows, once it shows all that is acked from and to this user: the store is a moment behind the acks."""
    wanted = {identifier for person in people for identifier in person.acked if user in (person.user, person.sent[identifier][0])}
    return (await eventually(reader.sync_all, lambda page: wanted <= {message["id"] for message in page[0]}, "the store"))[0]
