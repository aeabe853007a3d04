"""The gateway's listeners over TLS: versions, certificates and their exchange, and the WebSocket on it under load and abuse."""

import asyncio
import contextlib
import json
import signal
import socket
import ssl
import struct
import subprocess
import time

import pytest

import rest
from certificates import Authority
from chat import DEADLINE_S, PAYLOAD_BYTES_MAX, Client, eventually, unique
from cluster import embedded
from process import wait_until
from raw_socket import CLOSE, PING, PONG, TEXT, RawSocket, frame, handshake_request

DEPRECATED_VERSIONS = "ignore:.*TLSv1.*deprecated:DeprecationWarning"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls(authority):
    """What a client trusts the gateway by."""
    return authority.context()


def start(bin_dir, directory, authority, *flags):
    issued = authority.issue("gateway")
    return embedded(bin_dir, directory, [*issued.flags, *flags], tls=authority.context()).start_ready()


@pytest.fixture(scope="module")
def gateway(bin_dir, state_dir, authority):
    """Shared: tests change nothing of it."""
    process = start(bin_dir, state_dir / "tls", authority)
    yield process
    assert process.stop() == 0, process.log()[-2000:]


@pytest.fixture
def own_gateway(bin_dir, state_dir, authority, request):
    process = start(bin_dir, state_dir / request.node.name, authority)
    yield process
    process.stop()


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1].strip("/"))


def listeners(gateway) -> list[int]:
    return [gateway.port, gateway.ws_port]


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), DEADLINE_S)


def name_shown(port: int, context: ssl.SSLContext) -> str:
    """The common name of the certificate that a new connection gets."""
    with context.wrap_socket(connected(port), server_hostname="localhost") as client:
        return next(value for ((key, value),) in client.getpeercert()["subject"] if key == "commonName")


def until_closed(peer: socket.socket) -> bytes:
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while more := peer.recv(1 << 16):
            got += more
    return got


def test_both_listeners_serve_users(gateway, tls):
    async def run():
        alice, bob = unique("alice"), unique("bob")
        over_api = gateway.url.replace("https", "wss") + "/ws"
        async with Client.registered(gateway.ws_url, alice, tls) as sender, Client.registered(over_api, bob, tls) as receiver:
            await sender.say(bob, "over TLS")
            assert (await receiver.expect("normal"))["payload"] == "over TLS"
            assert (await receiver.request("history", with_=alice))["messages"][-1]["payload"] == "over TLS"
        stored = rest.call("GET", f"{gateway.url}/v1/history?user={alice}&with={bob}", tls=tls)
        assert [message["payload"] for message in stored.json["messages"]] == ["over TLS"]
    asyncio.run(run())


def test_the_page_is_served_with_strict_transport_security(gateway, single, tls):
    page = rest.call("GET", gateway.url + "/client", tls=tls)
    assert page.status == 200 and b"<html" in page.body
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "wss:" in page.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in rest.get(single.url + "/client").headers


def test_a_host_with_other_services_on_it_may_leave_strict_transport_security_out(bin_dir, state_dir, authority, tls):
    process = start(bin_dir, state_dir / "tls-without-hsts", authority, "--hsts-max-age-s", "0")
    try:
        page = rest.call("GET", process.url + "/client", tls=tls)
        assert page.status == 200 and "Strict-Transport-Security" not in page.headers
    finally:
        assert process.stop() == 0


def test_failed_handshakes_are_counted_by_listener(own_gateway, tls):
    def failed(listener: str) -> int:
        return rest.metric(own_gateway.url, f'simplechat_tls_handshakes_failed_total{{listener="{listener}"}}', tls)
    assert (failed("api"), failed("websocket")) == (0, 0)
    rest.get(f"http://127.0.0.1:{own_gateway.ws_port}/")
    with pytest.raises(ssl.SSLError), ssl.create_default_context().wrap_socket(connected(own_gateway.port), server_hostname="localhost"):
        pass  # it does not trust the certificate
    wait_until(lambda: (failed("api"), failed("websocket")) == (1, 1), "both are counted")


def test_plain_http_and_websocket_are_told_to_speak_tls(gateway):
    for port in listeners(gateway):
        answer = rest.get(f"http://127.0.0.1:{port}/healthz")
        assert answer.is_error(400, "bad_frame") and "TLS" in answer.json["message"]
        with connected(port) as peer:
            peer.sendall(handshake_request(f"ws://127.0.0.1:{port}/ws"))
            assert until_closed(peer).startswith(b"HTTP/1.1 400 ")


@pytest.mark.filterwarnings(DEPRECATED_VERSIONS)
@pytest.mark.parametrize("version, spoken", [("TLSv1", False), ("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_versions(gateway, authority, version, spoken):
    context = authority.context()
    context.set_ciphers("ALL:@SECLEVEL=0")  # the client would; it is the server that must not
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    for port in listeners(gateway):
        if spoken:
            with context.wrap_socket(connected(port), server_hostname="localhost") as client:
                assert client.version() == version.replace("_", ".")
                assert client.compression() is None and "GCM" in client.cipher()[0]
        else:
            with pytest.raises(ssl.SSLError, match="(?i)protocol"), connected(port) as bare:
                context.wrap_socket(bare, server_hostname="localhost")


def test_weak_ciphers_are_refused(gateway, authority):
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for ciphers in ("AES128-SHA:AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "aNULL:@SECLEVEL=0"):
        context.set_ciphers(ciphers)
        with pytest.raises(ssl.SSLError), connected(gateway.port) as bare:
            context.wrap_socket(bare, server_hostname="localhost")


def test_a_client_cannot_renegotiate(gateway, authority):
    outcome = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-tls1_2", "-CAfile", authority.file],
                             input=b"R\n", capture_output=True, timeout=DEADLINE_S, check=False)
    assert b"Verify return code: 0 (ok)" in outcome.stdout
    assert b"no renegotiation" in outcome.stderr


def test_the_terminal_client_verifies_the_gateway(gateway, authority, bin_dir):
    def chat(url: str, *flags) -> subprocess.CompletedProcess:
        return subprocess.run([bin_dir / "simplechat", "chat", "--url", url, "--me", unique("alice"), "--to", unique("bob"), "--send", "hello",
                               *flags], capture_output=True, timeout=60, check=False)
    url = f"wss://localhost:{gateway.ws_port}/"
    assert chat(url, "--ca-file", authority.file).returncode == 0
    untrusting = chat(url)
    assert untrusting.returncode != 0 and b"certificate" in untrusting.stderr


def test_sighup_exchanges_the_certificate_under_open_connections(own_gateway, authority, tls):
    files = authority.issue("gateway")  # the same paths as the gateway's

    async def run():
        alice, bob = unique("alice"), unique("bob")
        async with Client.registered(own_gateway.ws_url, alice, tls) as sender, Client.registered(own_gateway.ws_url, bob, tls) as receiver:
            async def hear(payload: str) -> None:
                await sender.say(bob, payload)
                assert (await receiver.expect("normal"))["payload"] == payload

            assert [name_shown(port, tls) for port in listeners(own_gateway)] == ["gateway"] * 2
            renewed = authority.issue("renewed")
            files.certificate.write_bytes(renewed.certificate.read_bytes())
            files.key.write_bytes(renewed.key.read_bytes())
            own_gateway.signal(signal.SIGHUP)
            for port in listeners(own_gateway):
                wait_until(lambda port=port: name_shown(port, tls) == "renewed", "the new certificate is shown")
            await hear("after the exchange")

            files.key.write_text("no key")
            own_gateway.signal(signal.SIGHUP)
            wait_until(lambda: "tls_reload_failed" in own_gateway.log(), "the bad file is logged")
            failure = next(line for line in own_gateway.log().splitlines() if "tls_reload_failed" in line)
            assert " error " in failure and str(files.key) in failure
            assert [name_shown(port, tls) for port in listeners(own_gateway)] == ["renewed"] * 2
            await hear("after the failure")
    asyncio.run(run())
    assert own_gateway.stop() == 0


@pytest.mark.parametrize("bad, named", [("key of another", "mismatch"), ("no such key", "cannot.pem"), ("empty certificate", "tls-cert")])
def test_files_that_are_no_good_end_start_up(bin_dir, tmp_path, authority, bad, named):
    good, other = authority.issue("good"), authority.issue("other")
    empty = tmp_path / "empty.pem"
    empty.touch()
    certificate, key = {"key of another": (good.certificate, other.key), "no such key": (good.certificate, tmp_path / "cannot.pem"),
                        "empty certificate": (empty, good.key)}[bad]
    for program in (["simplechat", "serve", "--data-dir", tmp_path / "data"], ["sv-websocket"], ["sv-discover"], ["sv-persist"]):
        ran = subprocess.run([bin_dir / program[0], *program[1:], "--tls-cert", certificate, "--tls-key", key], capture_output=True, text=True,
                             timeout=30, cwd=tmp_path, check=False)
        errors = [line for line in ran.stderr.splitlines() if line.startswith(program[0])]
        assert ran.returncode == 1 and len(errors) == 1 and named in errors[0], ran


def test_a_certificate_without_its_key_is_a_wrong_configuration(bin_dir, tmp_path):
    ran = subprocess.run([bin_dir / "sv-discover", "--tls-cert", "some.pem"], capture_output=True, text=True, timeout=30, cwd=tmp_path, check=False)
    assert ran.returncode == 2 and "tls-key" in ran.stderr


def test_garbage_and_half_handshakes_are_closed_and_disturb_nobody(gateway, tls):
    garbage = [b"\xff" * 300, b"\x16\x03\x01\xff\xff" + b"\x00" * 70_000, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x00"]
    for port in listeners(gateway):
        for data in garbage:
            with connected(port) as peer:
                with contextlib.suppress(OSError):
                    peer.sendall(data)
                    peer.shutdown(socket.SHUT_WR)
                assert b"HTTP" not in until_closed(peer)
    assert gateway.ready()


def test_a_handshake_that_is_not_finished_ends(gateway):
    """After 10 s: both ports, and one that trickles a byte now and then."""
    silent = [connected(port) for port in listeners(gateway)]
    trickling = connected(gateway.ws_port)
    began = time.monotonic()
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500
    with contextlib.suppress(OSError):
        for byte in hello:
            trickling.sendall(bytes([byte]))
            time.sleep(0.1)
            if time.monotonic() - began > DEADLINE_S:
                pytest.fail("it waits for ever")
    for peer in silent:
        assert until_closed(peer) == b""
        peer.close()
    trickling.close()


def test_messages_of_the_greatest_size_many_at_once_both_ways(gateway, tls):
    """More than the kernel's buffers hold, so that records are written in parts and read in pieces."""
    async def run():
        users = [unique("user") for _ in range(4)]
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Client.registered(gateway.ws_url, user, tls)) for user in users]
            sent = 40
            unheard = [asyncio.Semaphore(12) for _ in users]  # by sender; more might make a slow consumer of who is not

            async def speak(index: int) -> None:
                for number in range(sent):
                    payload = f"{number} ".ljust(PAYLOAD_BYTES_MAX, chr(ord("a") + index))
                    await unheard[index].acquire()
                    await clients[index].send("normal", to=users[(index + 1) % 4], payload=payload, id=f"{index}-{number}")

            async def hear(index: int) -> None:
                sender = (index - 1) % 4
                heard = []
                for _ in range(sent):
                    heard.append(await clients[index].expect("normal"))
                    unheard[sender].release()
                assert [message["id"] for message in heard] == [f"{sender}-{number}" for number in range(sent)]
                for number, message in enumerate(heard):
                    assert message["payload"] == f"{number} ".ljust(PAYLOAD_BYTES_MAX, chr(ord("a") + sender))
                for _ in range(sent):
                    await clients[index].expect("ack")

            await asyncio.gather(*(speak(index) for index in range(4)), *(hear(index) for index in range(4)))
    asyncio.run(run())


def test_frames_in_the_request_s_record_and_cut_anyhow(gateway, tls):
    """Several frames in a record, a record in many segments, and frames right behind the opening handshake."""
    user = unique("user")
    register = frame(TEXT, json.dumps({"type": "register", "from": user}).encode())
    pings = b"".join(frame(PING, str(number).encode()) for number in range(100))

    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with connected(gateway.ws_port) as peer:
        def attempt(action):
            while True:
                try:
                    return action()
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        peer.sendall(outgoing.read())
                    incoming.write(peer.recv(1 << 16))

        attempt(client.do_handshake)
        client.write(handshake_request(gateway.ws_url) + register + pings)
        client.write(frame(TEXT, json.dumps({"type": "normal", "to": user, "payload": "x" * 30_000, "id": "long"}).encode()))
        data = outgoing.read()
        for start_at in range(0, len(data), 997):
            peer.sendall(data[start_at:start_at + 997])
            if start_at < 20 * 997:
                time.sleep(0.001)  # segments of their own

        received = b""
        while b'"ack"' not in received or b"x" * 30_000 not in received or received.count(struct.pack("!BB", 0x80 | PONG, 2)) < 90:
            received += attempt(lambda: client.read(1 << 16))
        assert received.startswith(b"HTTP/1.1 101 ") and b'"registered"' in received


def test_a_slow_consumer_is_closed_with_4008_and_syncs(gateway, tls):
    async def run():
        user = unique("slow")
        with RawSocket(gateway.ws_url, receive_buffer=4096, tls=tls) as slow:
            slow.send(frame(TEXT, json.dumps({"type": "register", "from": user}).encode()))
            assert json.loads(slow.receive()[2])["type"] == "registered"
            async with Client.registered(gateway.ws_url, unique("fast"), tls) as fast:
                sent = 120  # 7.5 MiB: beyond what the outbox and the kernel's buffers hold
                for number in range(sent):
                    await fast.send("normal", to=user, payload="x" * PAYLOAD_BYTES_MAX, id=str(number))
                for _ in range(sent):
                    await fast.expect("ack")
            assert await asyncio.to_thread(slow.close_code) == 4008
        async with Client.registered(gateway.ws_url, user, tls) as again:
            async def stored():
                return (await again.sync_all(limit=5))[0]
            messages = await eventually(stored, lambda messages: len(messages) >= sent, "all messages in sync")
            assert sorted(int(message["id"]) for message in messages) == list(range(sent))
    asyncio.run(run())


def test_the_close_handshake_ends_with_close_notify(gateway, tls):
    with RawSocket(gateway.ws_url, tls=tls) as peer:
        peer.socket.suppress_ragged_eofs = False
        peer.send(frame(CLOSE, struct.pack("!H", 1000)))
        opcode, _, payload = peer.receive()
        assert opcode == CLOSE and payload[:2] == struct.pack("!H", 1000)
        assert peer.socket.recv(100) == b""  # without close_notify it would raise


def test_who_ends_only_its_own_direction_is_let_go(gateway, tls):
    def connections() -> int:
        metrics = rest.call("GET", gateway.url + "/metrics", tls=tls).body.decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.startswith("simplechat_websocket_connections "))

    before = connections()
    peers = [RawSocket(gateway.ws_url, tls=tls) for _ in range(3)]
    wait_until(lambda: connections() == before + 3, "three connections are counted")
    peers[0].socket.shutdown(socket.SHUT_WR)  # TCP's end without close_notify
    with contextlib.suppress(ssl.SSLError, OSError):
        peers[1].socket.setblocking(False)
        peers[1].socket.unwrap()  # close_notify without TCP's end
    peers[2].socket.close()
    wait_until(lambda: connections() == before, "they are gone")
    for peer in peers[:2]:
        peer.socket.close()
