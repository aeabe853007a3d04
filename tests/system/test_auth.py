"""Who a client is, on the real programs: key sets, issuer and audience, tokens at the opening handshake, expiry, renewal and revocation."""

import asyncio
import base64
import contextlib
import http.server
import json
import signal
import subprocess
import threading
import time

import pytest
import rest
import websockets
from application import ALLOW, silence
from chat import Client, eventually, unique
from cluster import Cluster, database_url, embedded

SECRET = "a secret that only the login service and the gateways know"
CLUSTER_SECRET = "between services"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """A login service: makes keys and tokens, and publishes its key set at /keys."""

    def __init__(self, bin_dir, directory):
        self.bin_dir = bin_dir
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.keys: list[dict] = []
        self.asked = 0
        self.server = None
        self.port = 0

    def add_key(self, kid: str, keep_others: bool = True):
        """An Ed25519 key, which the set has from now on."""
        private = self.directory / f"{kid}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
        der = subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        key = {"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA", "x": b64(der[-32:])}
        self.keys = (self.keys if keep_others else []) + [key]

    def token(self, user: str, kid: str, *flags) -> str:
        return make_token(self.bin_dir, user, "--private-key", self.directory / f"{kid}.pem", "--kid", kid, *flags)

    def publish(self) -> str:
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                body = json.dumps({"keys": issuer.keys}).encode()
                self.send_response(200 if self.path == "/keys" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.port}/keys"

    def stop(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


def make_token(bin_dir, user: str, *flags) -> str:
    return subprocess.run([bin_dir / "simplechat", "token", "--user", user, *flags], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def issuer(bin_dir, tmp_path):
    made = Issuer(bin_dir, tmp_path / "issuer")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def secret_file(state_dir):
    file = state_dir / "jwt-secret-of-auth"
    file.write_text(SECRET + "\n")
    return file


@pytest.fixture(scope="module")
def guarded(bin_dir, state_dir, secret_file):
    process = embedded(bin_dir, state_dir / "auth", ["--auth", "jwt", "--jwt-secret-file", secret_file, "--cluster-secret", CLUSTER_SECRET])
    process.start_ready()
    yield process
    assert process.stop() == 0


@pytest.fixture
def token(bin_dir, secret_file):
    return lambda user, *flags: make_token(bin_dir, user, "--secret-file", secret_file, *flags)


async def is_let_in(url: str, user: str, bearer: str) -> str:
    """"yes", or the code of the error."""
    async with Client.connected(url) as client:
        await client.send("register", from_=user, token=bearer)
        answer = await client.expect(None)
        return "yes" if answer["type"] == "registered" else answer["code"]


# --- simplechat token ---


@pytest.mark.parametrize("algorithm", [["-algorithm", "ed25519"], ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                                       ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]], ids=["EdDSA", "RS256", "ES256"])
def test_the_token_command_makes_tokens_for_every_kind_of_key(another_single, bin_dir, tmp_path, algorithm):
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", *algorithm, "-out", private], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    server = another_single("--auth", "jwt", "--jwt-public-key", public).start_ready()
    user = unique("alice")
    assert asyncio.run(is_let_in(server.ws_url, user, make_token(bin_dir, user, "--private-key", private))) == "yes"


@pytest.mark.parametrize("flags", [[], ["--user", "alice"], ["--user", "#group", "--secret-file", "x"], ["--user", "alice", "--secret-file", "x", "--ttl", "soon"],
                                   ["--user", "alice", "--secret-file", "x", "--private-key", "y"]], ids=" ".join)
def test_the_token_command_refuses_a_wrong_use(bin_dir, flags):
    refused = subprocess.run([bin_dir / "simplechat", "token", *flags], capture_output=True, text=True)
    assert refused.returncode == 2 and refused.stdout == "" and refused.stderr.startswith("simplechat token: ")


def test_the_token_command_refuses_a_file_that_is_no_key(bin_dir, tmp_path):
    (tmp_path / "key").write_text("short\n")
    for flag in ("--secret-file", "--private-key"):
        refused = subprocess.run([bin_dir / "simplechat", "token", "--user", "alice", flag, tmp_path / "key"], capture_output=True, text=True)
        assert refused.returncode == 1 and refused.stdout == "" and refused.stderr.count("\n") == 1


# --- issuer, audience, key sets ---


def test_issuer_and_audience_must_be_the_expected_ones(another_single, secret_file, token):
    server = another_single("--auth", "jwt", "--jwt-secret-file", secret_file, "--jwt-issuer", "login", "--jwt-audience", "chat").start_ready()

    async def run():
        user = unique("alice")
        assert await is_let_in(server.ws_url, user, token(user, "--issuer", "login", "--audience", "chat")) == "yes"
        for flags in ([], ["--issuer", "login"], ["--audience", "chat"], ["--issuer", "logout", "--audience", "chat"], ["--issuer", "login", "--audience", "mail"]):
            assert await is_let_in(server.ws_url, user, token(user, *flags)) == "unauthorized", flags
    asyncio.run(run())


def test_keys_of_a_file(another_single, issuer, tmp_path):
    issuer.add_key("1")
    issuer.add_key("2")
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": issuer.keys}))
    server = another_single("--auth", "jwt", "--jwt-jwks", file).start_ready()

    async def run():
        user = unique("alice")
        for kid in ("1", "2"):
            assert await is_let_in(server.ws_url, user, issuer.token(user, kid)) == "yes"
        issuer.add_key("3")
        assert await is_let_in(server.ws_url, user, issuer.token(user, "3")) in ("unauthorized", "unavailable")
        file.write_text(json.dumps({"keys": issuer.keys}))
        await eventually(lambda: is_let_in(server.ws_url, user, issuer.token(user, "3")), lambda answer: answer == "yes", "the new key")
    asyncio.run(run())


def test_keys_are_rotated_by_their_id(another_single, issuer):
    issuer.add_key("1")
    server = another_single("--auth", "jwt", "--jwt-jwks", issuer.publish()).start_ready()

    async def run():
        user = unique("alice")
        let_in = lambda kid: is_let_in(server.ws_url, user, issuer.token(user, kid))  # noqa: E731
        assert await let_in("1") == "yes"
        issuer.add_key("2", keep_others=False)
        # Within seconds of its last look the gateway says unauthorized, later unavailable while it looks; then it has the new key.
        await eventually(lambda: let_in("2"), lambda answer: answer == "yes", "the new key")
        assert await let_in("1") in ("unauthorized", "unavailable")
        issuer.add_key("forged", keep_others=False)
        issuer.keys = issuer.keys[:0] + [{**issuer.keys[0], "kid": "2"}]  # the key is another one than the gateway has
        assert await let_in("forged") in ("unauthorized", "unavailable")
        before = issuer.asked
        for _ in range(20):
            await let_in("forged")
        assert issuer.asked - before <= 2  # an unknown key id is no way to make the gateway ask at will
    asyncio.run(run())


def test_without_its_keys_a_gateway_is_not_ready_but_lives(another_single, issuer):
    issuer.add_key("1")
    url = issuer.publish()
    issuer.stop()
    server = another_single("--auth", "jwt", "--jwt-jwks", url)
    server.start()
    server.wait_ready(server.alive, 30)

    async def run():
        user = unique("alice")
        not_ready = rest.get(server.url + "/readyz")
        assert not_ready.status == 503
        assert [each["name"] for each in not_ready.json["missing"]] == ["token keys"]
        assert await is_let_in(server.ws_url, user, issuer.token(user, "1")) == "unavailable"
        issuer.publish()
        await eventually(lambda: is_let_in(server.ws_url, user, issuer.token(user, "1")), lambda answer: answer == "yes", "the keys")
        assert rest.get(server.url + "/readyz").status == 200
        issuer.stop()  # what is known stays in force
        assert await is_let_in(server.ws_url, user, issuer.token(user, "1")) == "yes"
    asyncio.run(run())


@pytest.mark.parametrize("flags", [["--auth", "none", "--jwt-issuer", "x"], ["--auth", "jwt", "--jwt-jwks", "ftp://host/keys"],
                                   ["--auth", "jwt", "--jwt-jwks", "keys.json", "--jwt-secret", SECRET]], ids=" ".join)
def test_options_that_do_not_go_together_end_start_up(bin_dir, tmp_path, flags):
    refused = subprocess.run([bin_dir / "simplechat", "serve", *flags], capture_output=True, text=True, cwd=tmp_path, timeout=20)
    assert refused.returncode == 2 and "jwt-" in refused.stderr and refused.stderr.count("\n") == 1
    assert SECRET not in refused.stderr


def test_a_key_file_without_keys_ends_start_up(bin_dir, tmp_path):
    (tmp_path / "keys.json").write_text('{"keys":[]}')
    refused = subprocess.run([bin_dir / "simplechat", "serve", "--auth", "jwt", "--jwt-jwks", "keys.json"], capture_output=True, text=True, cwd=tmp_path, timeout=20)
    assert refused.returncode == 1 and "keys.json" in refused.stderr


# --- where the token comes from ---


@contextlib.asynccontextmanager
async def shown_at_the_handshake(url: str, **options):
    socket = await websockets.connect(url, compression=None, ping_interval=None, **options)
    client = Client(socket)
    try:
        yield client
    finally:
        await client.close()


def test_a_token_at_the_opening_handshake_is_registers(guarded, token):
    async def run():
        user = unique("alice")
        good, bad = token(user), token(user + "-other")
        header = lambda value: {"extra_headers": {"Authorization": f"Bearer {value}"}}  # noqa: E731
        protocols = lambda value: {"subprotocols": ["simplechat", f"token.{value}"]}  # noqa: E731
        for shown in (header, protocols):
            for url in (guarded.ws_url, guarded.url.replace("http", "ws") + "/ws"):
                async with shown_at_the_handshake(url, **shown(good)) as client:
                    assert client.socket.subprotocol == ("simplechat" if shown is protocols else None)
                    assert (await client.register(user))["user"] == user
                    await client.say(user, "to myself")
            async with shown_at_the_handshake(guarded.ws_url, **shown(bad)) as client:
                await client.send("register", from_=user)
                await client.expect_error("unauthorized")
                assert await client.closed() == 4501
            async with shown_at_the_handshake(guarded.ws_url, **shown(bad)) as client:
                await client.register(user, token=good)  # the frame's own counts
        async with shown_at_the_handshake(guarded.ws_url, **header(good), **protocols(bad)) as client:
            await client.register(user)  # of both, the header
        async with shown_at_the_handshake(guarded.ws_url, **protocols(good)) as client:
            await client.register(user)
            await client.send("unregister")
            await client.expect("unregistered")
            await client.send("register", from_=user)  # it was for one registration
            await client.expect_error("unauthorized")
    asyncio.run(run())


def test_without_authentication_a_token_is_not_looked_at(single):
    async def run():
        user = unique("alice")
        async with shown_at_the_handshake(single.ws_url, subprotocols=["simplechat", "token.x.y.z"]) as client:
            assert client.socket.subprotocol == "simplechat"
            await client.register(user, token="nonsense")
            await client.send("register", from_=user, token="nonsense")
            await client.expect_error("already_registered")
    asyncio.run(run())


# --- expiry and renewal ---


def test_a_session_ends_with_its_token_unless_it_is_renewed(guarded, token):
    async def run():
        alice, bob = unique("alice"), unique("bob")
        short = lambda user: token_that_expires_in(user, 4)  # noqa: E731
        async with Client.connected(guarded.ws_url) as left, Client.connected(guarded.ws_url) as renewed:
            await left.register(alice, token=short(alice))
            first = await renewed.register(bob, token=short(bob))
            await renewed.send("register", from_=bob, token="nonsense")
            await renewed.expect_error("unauthorized")  # and nothing else: the old one has time left
            await renewed.send("register", from_=alice, token=token(alice))
            await renewed.expect_error("already_registered")
            await renewed.send("register", from_=bob, token=token(bob, "--ttl", "2m"))
            again = await renewed.expect("registered")
            assert again["session"] == first["session"] and again["user"] == bob and again["at"] > first["at"]
            assert await left.closed(10) == 4501  # well before the next round of heartbeats might be
            await renewed.say(bob, "still here")
            await renewed.send("register", from_=bob)  # without a token it is what it always was
            await renewed.expect_error("already_registered")
        metrics = rest.get(guarded.url + "/metrics").body.decode()
        assert "simplechat_sessions_expired_total 1" in metrics and "simplechat_registrations_renewed_total 1" in metrics
    asyncio.run(run())


def token_that_expires_in(user: str, seconds: int) -> str:
    import hashlib
    import hmac
    signed = b64(json.dumps({"alg": "HS256"}).encode()) + "." + b64(json.dumps({"sub": user, "exp": int(time.time()) + seconds}).encode())
    return signed + "." + b64(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest())


# --- revocation ---


def revoke(gateway, secret: str = CLUSTER_SECRET, **what):
    return rest.call("POST", gateway.url + "/v1/revocations", json=what, headers={"Authorization": f"Bearer {secret}"})


def read_over_http(gateway, bearer: str):
    return rest.call("GET", gateway.url + "/v1/conversations", headers={"Authorization": f"Bearer {bearer}"})


async def until_the_next_second() -> None:
    now = int(time.time())
    while int(time.time()) == now:
        await asyncio.sleep(0.02)


async def a_user_is_revoked(near, far, token) -> None:
    """Revoked at `near`, shut out at `far`."""
    alice, bob = unique("alice"), unique("bob")
    old = token(alice)
    async with Client.registered(far.ws_url, alice, token=old) as first, Client.registered(near.ws_url, alice, token=old) as second:
        async with Client.registered(far.ws_url, bob, token=token(bob)) as other:
            assert revoke(near, user=alice).json == {"status": "success"}
            began = time.monotonic()
            assert await second.closed() == 4503
            assert await first.closed() == 4503
            print(f"a revocation took {time.monotonic() - began:.2f} s to another gateway")
            assert await is_let_in(far.ws_url, alice, old) == "unauthorized"
            assert await is_let_in(near.ws_url, alice, old) == "unauthorized"
            assert read_over_http(far, old).is_error(401, "unauthorized")
            await other.say(bob, "not touched")
            await until_the_next_second()
            assert await is_let_in(far.ws_url, alice, token(alice)) == "yes"


async def a_token_is_revoked(near, far, token) -> None:
    alice = unique("alice")
    one, other = token(alice, "--jti", unique("t")), token(alice, "--jti", unique("t"))
    jti = json.loads(base64.urlsafe_b64decode(one.split(".")[1] + "=="))["jti"]
    async with Client.registered(far.ws_url, alice, token=one) as first, Client.registered(far.ws_url, alice, token=other) as second:
        assert revoke(near, jti=jti).status == 200
        assert await first.closed() == 4503
        assert await is_let_in(far.ws_url, alice, one) == "unauthorized"
        assert read_over_http(far, one).is_error(401, "unauthorized")
        await second.say(alice, "another token of the same user")
        assert await is_let_in(near.ws_url, alice, other) == "yes"


def test_revocation_in_one_process_and_over_its_restart(another_single, secret_file, token):
    server = another_single("--auth", "jwt", "--jwt-secret-file", secret_file, "--cluster-secret", CLUSTER_SECRET).start_ready()

    async def run():
        await a_user_is_revoked(server, server, token)
        await a_token_is_revoked(server, server, token)
        alice = unique("alice")
        old = token(alice)
        assert revoke(server, user=alice).status == 200
        server.kill()
        server.start_ready()
        assert await is_let_in(server.ws_url, alice, old) == "unauthorized"
        assert await is_let_in(server.ws_url, unique("bob"), old) == "unauthorized"
    asyncio.run(run())


@pytest.fixture(scope="module")
def guarded_cluster(bin_dir, state_dir, servers, secret_file):
    made = Cluster(bin_dir, state_dir / "auth-cluster", servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "auth"),
                   gateways=2, gateway_flags=["--auth", "jwt", "--jwt-secret-file", secret_file]).start()
    yield made
    made.stop()


def test_a_revocation_holds_at_a_gateway_that_is_draining(bin_dir, state_dir, servers, secret_file, token):
    flags = ["--auth", "jwt", "--jwt-secret-file", secret_file, "--drain-seconds", "6"]
    with Cluster(bin_dir, state_dir / "auth-drain", servers.redis.url, servers.rabbitmq.url, database_url(servers.postgres.url, "auth"),
                 gateways=2, gateway_flags=flags) as cluster:
        near, far = cluster.gateways

        async def run():
            alice, bob = unique("alice"), unique("bob")
            async with Client.registered(far.ws_url, alice, token=token(alice)) as stays, Client.registered(far.ws_url, bob, token=token(bob)) as told:
                far.signal(signal.SIGTERM)
                await eventually(lambda: asyncio.to_thread(far.ready), lambda ready: not ready, "it is draining")
                assert revoke(near, user=alice).status == 200
                assert await stays.closed() == 4503
                assert await told.closed(20) in (1001, 4001)
        asyncio.run(run())


def test_revocation_reaches_every_gateway_and_outlives_them(guarded_cluster, token):
    near, far = guarded_cluster.gateways

    async def run():
        await a_user_is_revoked(near, far, token)
        await a_token_is_revoked(far, near, token)
        alice = unique("alice")
        old = token(alice)
        assert revoke(near, user=alice).status == 200
        for gateway in (near, far):
            gateway.kill()
        near.start_ready()
        assert await is_let_in(near.ws_url, alice, old) in ("unauthorized", "unavailable")
        await eventually(lambda: is_let_in(near.ws_url, alice, old), lambda answer: answer == "unauthorized", "the revocation")
        far.start_ready()
    asyncio.run(run())


def test_who_may_revoke_and_what(guarded, single):
    assert revoke(guarded, secret="wrong", user="alice").is_error(401, "unauthorized")
    assert rest.call("POST", guarded.url + "/v1/revocations", json={"user": "alice"}).is_error(401, "unauthorized")
    for what in ({}, {"user": "alice", "jti": "t"}, {"user": "#group"}, {"jti": ""}, {"user": "alice", "until": 17}, {"jti": "t", "issuedUntil": 1}):
        assert revoke(guarded, **what).is_error(400, "bad_frame"), what
    assert rest.call("POST", single.url + "/v1/revocations", json={"user": "alice"}).is_error(404, "not_found")


# --- the connect hook ---


def test_the_application_decides_who_comes_in(another_single, application):
    server = another_single("--hook-connect-url", application.url, "--hook-secret", "hush", "--hook-proof", "bearer", "--hook-timeout-ms", "700").start_ready()

    async def run():
        alice, bob = unique("alice"), unique("bob")
        async with Client.connected(server.ws_url) as client:
            await client.send("register", from_=alice, token="a ticket")
            await client.send("normal", to=alice, payload="sent at once", id="1")  # waits for the answer
            assert (await client.expect("registered"))["user"] == alice
            assert (await client.expect("ack"))["id"] == "1"
        question = application.asked.pop()
        assert question.headers["Authorization"] == "Bearer hush"
        assert question.body == {"user": alice, "token": "a ticket", "remoteAddress": "127.0.0.1"}

        application.answer = {"allow": True, "user": bob}
        async with shown_at_the_handshake(server.ws_url, subprotocols=["simplechat", "token.ticket-2"]) as client:
            assert (await client.register(alice))["user"] == bob
        assert application.asked.pop().body["token"] == "ticket-2"

        application.answer = {"allow": False, "reason": "not paid"}
        async with Client.connected(server.ws_url) as client:
            await client.send("register", from_=alice)
            assert (await client.expect_error("unauthorized"))["message"] == "not paid"
            assert await client.closed() == 4501
        assert rest.get(server.url + "/v1/sync", user=alice).is_error(401, "unauthorized")

        application.answer = 500
        async with Client.connected(server.ws_url) as client:
            await client.send("register", from_=alice)
            await client.send("ping", ref=1)
            await client.expect_error("unavailable")
            await client.expect("pong")
            application.answer = silence
            await client.send("register", from_=alice)
            await client.expect_error("unavailable")
            application.answer = ALLOW
            assert (await client.register(alice))["user"] == alice
        assert [each["id"] for each in rest.get(server.url + "/v1/sync", user=alice).json["messages"]] == ["1"]
        metrics = rest.get(server.url + "/metrics").body.decode()
        assert 'simplechat_connect_hook_total{answer="deny"} 2' in metrics and 'simplechat_connect_hook_total{answer="none"} 2' in metrics
    asyncio.run(run())


def test_with_tokens_the_hook_is_asked_after_them_and_may_fail_open(another_single, application, secret_file, token):
    server = another_single("--auth", "jwt", "--jwt-secret-file", secret_file, "--hook-connect-url", application.url, "--hook-fail-open").start_ready()

    async def run():
        alice = unique("alice")
        assert await is_let_in(server.ws_url, alice, "nonsense") == "unauthorized"
        assert application.asked == []
        assert await is_let_in(server.ws_url, alice, token(alice)) == "yes"
        assert len(application.asked) == 1
        application.answer = 500
        assert await is_let_in(server.ws_url, alice, token(alice)) == "yes"
        application.answer = {"allow": False}
        assert await is_let_in(server.ws_url, alice, token(alice)) == "unauthorized"
    asyncio.run(run())
