"""Who a client is, on the real programs: key sets, issuer and audience, tokens at the opening handshake, expiry, renewal and revocation."""

import asyncio
import base64
import contextlib
import http.server
import json
import subprocess
import threading
import time

import pytest
import rest
import websockets
from chat import Client, eventually, unique
from cluster import Cluster, database_url, embedded

SECRET = "a secret that only the login service and the gateways know"
CLUSTER_SECRET = "between services"
LEEWAY_S = 30


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
