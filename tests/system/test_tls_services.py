"""A whole cluster over TLS: between its services, with certificates on both sides, and to Redis, RabbitMQ and PostgreSQL."""

import asyncio
import contextlib
import ssl
import subprocess

import pytest

import rest
from certificates import Authority
from chat import Client, eventually, unique
from cluster import Cluster, Gateway, database_url
from process import Process, free_port, wait_until
from servers import UNSYNCED, Servers


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    directory = tmp_path_factory.mktemp("authority")
    directory.chmod(0o755)
    return Authority(directory)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """An authority that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def tls_servers(state_dir, authority):
    with Servers(state_dir / "tls-servers", postgres_settings=UNSYNCED, authority=authority) as running:
        yield running


@pytest.fixture(scope="module")
def tls_cluster(bin_dir, state_dir, tls_servers, authority):
    """Everything is called over TLS, and the services ask each other for certificates."""
    made = Cluster(bin_dir, state_dir / "tls-cluster", tls_servers.redis.url, tls_servers.rabbitmq.url,
                   database_url(tls_servers.postgres.url, "tls"), gateways=0, persist_flags=["--tls-client-ca", authority.file],
                   authority=authority)
    made.discover.argv += ["--tls-client-ca", str(authority.file)]
    # The services' probes show a certificate, too; the gateways' users do not.
    probing = authority.context()
    probe = authority.issue("probe")
    probing.load_cert_chain(probe.certificate, probe.key)
    made.discover.tls = made.persisters[0].tls = probing
    for index in range(2):
        made.gateways.append(internal_gateway(made, f"sv-websocket-{index + 1}", authority))
    with made:
        yield made


def internal_gateway(cluster: Cluster, name: str, authority: Authority) -> Gateway:
    """With the services' endpoints on a listener of its own, that asks for certificates."""
    port = free_port()
    gateway = cluster.another_gateway(name, flags=["--internal-port", str(port), "--tls-client-ca", authority.file])
    at = gateway.argv.index("--public-url")
    gateway.argv[at + 1] = f"https://127.0.0.1:{port}"
    gateway.internal_url = gateway.argv[at + 1]
    return gateway


def refused(method: str, url: str, context: ssl.SSLContext) -> bool:
    """Whether the server does not talk to us; in TLS 1.3 that shows after the client's part of the handshake."""
    with contextlib.suppress(OSError, ssl.SSLError, EOFError):
        rest.call(method, url, json={}, tls=context)
        return False
    return True


def test_messages_pass_between_gateways_and_are_stored(tls_cluster, authority):
    async def run():
        alice, bob = unique("alice"), unique("bob")
        tls = authority.context()
        near, far = (gateway.ws_url for gateway in tls_cluster.gateways)
        async with Client.registered(near, alice, tls) as sender, Client.registered(far, bob, tls) as receiver:
            for number in range(20):
                await sender.say(bob, f"{number} ".ljust(20_000, "x"))
                assert (await receiver.expect("normal"))["payload"].startswith(f"{number} ")

            async def stored():
                return (await receiver.request("history", with_=alice, limit=50))["messages"]
            await eventually(stored, lambda messages: len(messages) == 20, "all messages in the history")
    asyncio.run(run())


def test_services_talk_only_to_those_who_show_a_certificate(tls_cluster, authority, stranger):
    impostor = authority.context()
    shown = stranger.issue("impostor")
    impostor.load_cert_chain(shown.certificate, shown.key)
    entitled = authority.context()
    issued = authority.issue("entitled")
    entitled.load_cert_chain(issued.certificate, issued.key)
    urls = [tls_cluster.discover.url + "/get/x", tls_cluster.persisters[0].url + "/healthz",
            tls_cluster.gateways[0].internal_url + "/healthz"]
    for url in urls:
        assert refused("GET", url, authority.context()), url
        assert refused("GET", url, impostor), url
        assert rest.call("GET", url, tls=entitled).status == 200
    for _ in range(3):  # tickets are of no use to others, and of use to those who have them
        assert rest.call("GET", urls[0], tls=entitled).status == 200


def test_the_services_endpoints_are_on_the_internal_port_only(tls_cluster, authority):
    gateway = tls_cluster.gateways[0]
    message = {"type": "normal", "from": unique("alice"), "to": unique("bob"), "payload": "x"}
    for path in ("/send", "/v1/deliver"):
        assert rest.call("POST", gateway.url + path, json=message, tls=authority.context()).is_error(404, "not_found")
    entitled = authority.context()
    issued = authority.issue("sender")
    entitled.load_cert_chain(issued.certificate, issued.key)
    assert rest.call("POST", gateway.internal_url + "/send", json=message, tls=entitled).status == 200
    assert rest.call("GET", gateway.internal_url + "/client", tls=entitled).status == 404


def test_the_internal_port_works_without_tls_too(another_single):
    port = free_port()
    process = another_single("--internal-port", str(port)).start_ready()
    message = {"type": "normal", "from": unique("alice"), "to": unique("bob"), "payload": "x"}
    assert rest.post(process.url + "/send", message).is_error(404, "not_found")
    assert rest.post(f"http://127.0.0.1:{port}/send", message).status == 200
    assert rest.get(f"http://127.0.0.1:{port}/readyz").status == 200


def test_a_server_that_is_not_believed_is_named_by_readyz(bin_dir, tmp_path, tls_servers, tls_cluster, authority, stranger):
    """Another authority than the servers': no connection to any of them, and the reason is said."""
    def service(name: str, port: int, *flags) -> Process:
        made = Process(name, [bin_dir / name, *flags, "--tls-ca", stranger.file], tmp_path, cwd=tmp_path)
        made.start()
        wait_until(lambda: rest_alive(f"http://127.0.0.1:{port}"), f"{name} serves")
        return made

    def rest_alive(url: str) -> bool:
        with contextlib.suppress(OSError):
            return rest.get(url + "/healthz").status == 200
        return False

    ports = [free_port() for _ in range(4)]
    started = [
        service("sv-discover", ports[0], "--port", str(ports[0]), "--redis-url", tls_servers.redis.url),
        service("sv-persist", ports[1], "--port", str(ports[1]), "--mq-url", tls_servers.rabbitmq.url, "--db-url",
                database_url(tls_servers.postgres.url, "tls")),
        service("sv-websocket", ports[2], "--api-port", str(ports[2]), "--ws-port", str(ports[3]), "--mq-url", tls_servers.rabbitmq.url,
                "--discover-url", tls_cluster.discover.url, "--persist-url", tls_cluster.persisters[0].url)]
    try:
        expected = [{"redis"}, {"postgresql", "rabbitmq consumer 1"}, {"rabbitmq", "sv-discover", "sv-persist"}]
        for port, names in zip(ports, expected):
            def missing(port=port) -> dict[str, str]:
                answer = rest.get(f"http://127.0.0.1:{port}/readyz").json
                return {part["name"]: part["reason"] for part in answer.get("missing", [])}
            wait_until(lambda names=names, missing=missing: names <= missing().keys()
                       and all("cert" in missing()[name] for name in names), f"{names} are missed for their certificates; {missing()}")
    finally:
        for process in started:
            process.stop()


@pytest.mark.parametrize("program", ["sv-discover", "sv-persist", "sv-websocket"])
def test_authorities_that_cannot_be_read_end_start_up(bin_dir, tmp_path, program):
    ran = subprocess.run([bin_dir / program, "--tls-ca", tmp_path / "none.pem"], capture_output=True, text=True, timeout=30, cwd=tmp_path,
                         check=False)
    errors = [line for line in ran.stderr.splitlines() if line.startswith(program)]
    assert ran.returncode == 1 and len(errors) == 1 and "tls-ca" in errors[0] and "none.pem" in errors[0], ran


def test_rules_between_the_options(bin_dir, tmp_path, authority):
    def refusal(program: str, *flags) -> str:
        ran = subprocess.run([bin_dir / program, *flags], capture_output=True, text=True, timeout=30, cwd=tmp_path, check=False)
        assert ran.returncode == 2, ran
        return ran.stderr

    issued = authority.issue("rules")
    assert "tls-cert" in refusal("sv-discover", "--tls-client-ca", authority.file)
    assert "internal-port" in refusal("sv-websocket", *issued.flags, "--tls-client-ca", authority.file)
    assert "tls-client-ca" in refusal("sv-persist", "--host", "0.0.0.0")
