"""Who has blocked whom: refused, never stored nor delivered, known at every gateway, and kept whatever restarts."""

import asyncio
import contextlib
import http.server
import socket
import subprocess
import threading
import time
import uuid

import pytest

import rest
from chat import Client, eventually, unique
from cluster import Cluster
from process import free_port, wait_until
from servers import Redis

CLUSTER_SECRET = "the-services-of-this-cluster"
ADMIN_TOKEN = "a-token-of-the-person-on-call"
WITHIN_S = 1.0  # to every gateway; asserted with what a busy machine adds
BUSY_S = 2.0


def block(gateway, user: str, other: str) -> None:
    answer = rest.call("PUT", f"{gateway.url}/v1/blocks/{other}?user={user}")
    assert (answer.status, answer.json) == (200, {"status": "success"}), answer.body


def unblock(gateway, user: str, other: str) -> None:
    answer = rest.call("DELETE", f"{gateway.url}/v1/blocks/{other}?user={user}")
    assert (answer.status, answer.json) == (200, {"status": "success"}), answer.body


def blocked_by(gateway, user: str) -> list[str]:
    answer = rest.get(gateway.url + "/v1/blocks", user=user)
    assert answer.status == 200 and answer.json["user"] == user, answer.body
    return answer.json["blocked"]


async def outcome(client: Client, to: str, payload: str = "hello") -> str:
    """`ack`, or the code of the error."""
    message_id = uuid.uuid4().hex
    await client.send("normal", to=to, payload=payload, id=message_id)
    frame = await client.expect(None, lambda each: each["type"] in ("ack", "error") and each.get("id") == message_id)
    return frame.get("code", "ack")


async def until(client: Client, to: str, wanted: str, seconds: float = 20.0) -> float:
    """How long it took until what `client` sends to `to` is answered so."""
    began = time.monotonic()
    await eventually(lambda: outcome(client, to), lambda answer: answer == wanted, f"{wanted} from {client.user} to {to}", seconds)
    return time.monotonic() - began


def blocked_count(gateway, kind: str) -> float:
    lines = rest.get(gateway.url + "/metrics").body.decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f'simplechat_blocked_total{{kind="{kind}"}}'))


def test_what_the_blocked_one_sends_is_refused_and_neither_stored_nor_delivered(deployment):
    near, far = deployment.near, deployment.far
    alice_id, bob_id = unique("alice"), unique("bob")

    async def run():
        async with Client.registered(near.ws_url, alice_id) as alice, Client.registered(far.ws_url, bob_id) as bob:
            await bob.say(alice_id, "before")
            await alice.expect("normal")
            block(near, alice_id, bob_id)
            took = await until(bob, alice_id, "forbidden")
            print(f"a block took {took:.2f} s to another gateway")
            assert took < WITHIN_S + BUSY_S
            alice.frames.clear()
            await bob.send("normal", to=alice_id, payload="after", id="refused-1")
            error = await bob.expect_error("forbidden", id="refused-1")
            assert error["message"] == "this user takes no messages from you"
            await alice.send("normal", to=bob_id, payload="after", id="refused-2")
            error = await alice.expect_error("forbidden", id="refused-2")
            assert error["message"] == "you have blocked this user; unblock them to write"
            # What concerns nobody else goes on.
            await alice.say(alice_id, "to myself")
            await bob.say(bob_id, "to myself")
            assert blocked_by(near, alice_id) == [bob_id]
            assert blocked_by(near, bob_id) == []

            unblock(far, alice_id, bob_id)
            assert await outcome(bob, alice_id, "allowed again") == "ack", "at once at the gateway that took the call"
            assert await until(alice, bob_id, "ack") < WITHIN_S + BUSY_S
            await alice.expect("normal", lambda frame: frame["payload"] == "allowed again")
            for user in (alice, bob):
                page = await eventually(lambda user=user: user.request("history", with_=bob_id if user is alice else alice_id),
                                        lambda page: any(message["payload"] == "allowed again" for message in page["messages"]), "the history")
                texts = [message["payload"] for message in page["messages"]]
                assert "before" in texts and "after" not in texts, texts
            assert not [frame for frame in alice.frames + bob.frames if frame.get("payload") == "after"]
    asyncio.run(run())


def test_a_block_is_in_force_at_once_where_it_was_made(deployment):
    gateway = deployment.near

    async def run():
        async with Client.registered(gateway.ws_url, unique("alice")) as alice, Client.registered(gateway.ws_url, unique("bob")) as bob:
            for _ in range(20):
                block(gateway, alice.user, bob.user)
                assert await outcome(bob, alice.user) == "forbidden"
                unblock(gateway, alice.user, bob.user)
                assert await outcome(bob, alice.user) == "ack"
    asyncio.run(run())


def test_typing_and_marks_of_the_blocked_one_are_dropped_and_counted(deployment):
    gateway = deployment.near

    async def run():
        async with Client.registered(gateway.ws_url, unique("alice")) as alice, Client.registered(gateway.ws_url, unique("bob")) as bob, \
                Client.registered(gateway.ws_url, bob.user) as bobs_other:
            at = (await alice.say(bob.user, "read this"))["at"]
            await bob.send("typing", to=alice.user)
            await alice.expect("typing")
            block(gateway, alice.user, bob.user)
            before = [blocked_count(gateway, kind) for kind in ("typing", "mark")]
            for sender, other in ((bob, alice), (alice, bob)):
                await sender.send("typing", to=other.user)
                await sender.send("read", with_=other.user, at=at)
                await sender.barrier()
            # The reader's own devices need to know; the other side does not.
            await bobs_other.expect("read", lambda frame: frame["from"] == bob.user)
            await alice.barrier()
            await bob.barrier()
            await bobs_other.barrier()
            assert not alice.of("typing") and not [frame for frame in alice.of("read") if frame["from"] == bob.user]
            assert not bob.of("typing") and not [frame for frame in bob.of("read") + bobs_other.of("read") if frame["from"] == alice.user]
            assert not bob.of("error") and not alice.of("error")
            assert [blocked_count(gateway, kind) for kind in ("typing", "mark")] == [count + 2 for count in before]
            page = await eventually(lambda: bob.request("conversations"),
                                    lambda page: any(each["with"] == alice.user and each["readAt"] >= at for each in page["conversations"]),
                                    "bob's own mark")
            assert [each["unread"] for each in page["conversations"] if each["with"] == alice.user] == [0]
    asyncio.run(run())


def test_what_services_send_obeys(deployment):
    gateway = deployment.near
    alice, bob, carol = unique("alice"), unique("bob"), unique("carol")
    block(gateway, alice, bob)
    messages = [{"type": "normal", "from": carol, "to": alice, "payload": "with it"}, {"type": "normal", "from": bob, "to": alice, "payload": "no"}]
    answer = rest.post(gateway.url + "/send", messages)
    assert answer.is_error(403, "forbidden"), answer.body
    assert answer.json["message"] == f"message 1, to {alice}: this user takes no messages from you"
    assert rest.post(gateway.url + "/send", messages[:1]).status == 200
    page = rest.get(gateway.url + "/v1/history", user=alice, with_=bob).json
    assert page["messages"] == []


def test_blocking_twice_is_as_blocking_once(deployment):
    gateway = deployment.near
    alice, others = unique("alice"), sorted(unique("other") for _ in range(3))
    for other in [*others, *others]:
        block(gateway, alice, other)
    assert blocked_by(gateway, alice) == others
    for _ in range(2):
        unblock(gateway, alice, others[1])
    unblock(gateway, alice, unique("stranger"))
    assert blocked_by(gateway, alice) == [others[0], others[2]]


@pytest.mark.parametrize("other", ["%23group", "a%20b", "x" * 65])
def test_who_is_no_user_cannot_be_blocked(single, other):
    for method in ("PUT", "DELETE"):
        assert rest.call(method, f"{single.url}/v1/blocks/{other}?user=alice").is_error(400, "bad_frame")


def test_nobody_blocks_himself(single):
    assert rest.call("PUT", f"{single.url}/v1/blocks/alice?user=alice").is_error(400, "bad_frame")
    assert rest.call("PUT", f"{single.url}/v1/blocks/bob").is_error(401, "unauthorized")
    assert rest.get(single.url + "/v1/blocks", user="#group").is_error(400, "bad_frame")


def test_at_the_bounds_more_is_refused_with_a_reason(another_single):
    server = another_single("--blocks-max", "3", "--blocks-per-user-max", "2").start_ready()
    for other in ("a", "b"):
        block(server, "alice", other)
    answer = rest.call("PUT", f"{server.url}/v1/blocks/c?user=alice")
    assert answer.is_error(413, "too_large") and answer.json["message"] == "alice has blocked as many users as may be: 2"
    block(server, "bob", "a")
    answer = rest.call("PUT", f"{server.url}/v1/blocks/b?user=bob")
    assert answer.is_error(503, "unavailable") and "blocks-max" in answer.json["message"]
    unblock(server, "alice", "a")
    block(server, "bob", "b")
    assert "simplechat_blocks 3" in rest.get(server.url + "/metrics").body.decode()


def test_with_tokens_a_user_blocks_for_himself_and_a_service_for_anybody(another_single, bin_dir, tmp_path):
    secret = tmp_path / "jwt.secret"
    secret.write_text("a secret that is long enough for HS256\n")
    admin = tmp_path / "admin.token"
    admin.write_text(ADMIN_TOKEN)
    server = another_single("--auth", "jwt", "--jwt-secret-file", secret, "--cluster-secret", CLUSTER_SECRET, "--admin-token-file", admin).start_ready()
    alice = {"Authorization": "Bearer " + make_token(bin_dir, secret, "alice")}
    service = {"Authorization": "Bearer " + CLUSTER_SECRET}

    def call(method: str, target: str, headers: dict | None = None):
        return rest.call(method, server.url + target, headers=headers)

    assert call("PUT", "/v1/blocks/bob").is_error(401, "unauthorized")
    assert call("PUT", "/v1/blocks/bob?user=alice").is_error(401, "unauthorized")
    assert call("PUT", "/v1/blocks/alice?user=bob", alice).status in (401, 403), "a token speaks for its user alone"
    assert call("PUT", "/v1/blocks/bob", service).is_error(401, "unauthorized"), "the secret of services is no token"
    assert call("PUT", "/v1/blocks/bob", alice).status == 200
    assert call("GET", "/v1/blocks", alice).json["blocked"] == ["bob"]

    for method, target in (("GET", "/v1/users/alice/blocks"), ("PUT", "/v1/users/alice/blocks/carol"), ("DELETE", "/v1/users/alice/blocks/bob")):
        assert call(method, target).is_error(401, "unauthorized")
        assert call(method, target, alice).is_error(401, "unauthorized")
        assert call(method, target, service).status == 200
    assert call("GET", "/v1/users/alice/blocks", service).json == {"status": "success", "user": "alice", "blocked": ["carol"]}
    assert call("PUT", "/v1/users/alice/blocks/alice", service).is_error(400, "bad_frame")

    operator = {"Authorization": "Bearer " + ADMIN_TOKEN}
    for method, target in (("GET", "/v1/admin/blocks/alice"), ("PUT", "/v1/admin/blocks/alice/dave"), ("DELETE", "/v1/admin/blocks/alice/carol")):
        assert call(method, target, service).is_error(401, "unauthorized")
        assert call(method, target, operator).status == 200
    assert call("GET", "/v1/admin/blocks/alice", operator).json["blocked"] == ["dave"]


def make_token(bin_dir, secret, user: str) -> str:
    return subprocess.run([bin_dir / "simplechat", "token", "--secret-file", secret, "--user", user], check=True, capture_output=True,
                          text=True).stdout.strip()


def test_in_one_process_blocks_outlive_a_kill(another_single):
    server = another_single().start_ready()
    block(server, "alice", "bob")
    block(server, "alice", "carol")
    unblock(server, "alice", "carol")
    server.kill()
    server.start_ready()
    assert blocked_by(server, "alice") == ["bob"]

    async def run():
        async with Client.registered(server.ws_url, "bob") as bob, Client.registered(server.ws_url, "carol") as carol:
            assert await outcome(bob, "alice") == "forbidden"
            assert await outcome(carol, "alice") == "ack"
    asyncio.run(run())


@pytest.fixture(scope="module")
def private_redis(state_dir):
    """Without persistence: who kills it takes its data."""
    redis = Redis(state_dir / "blocks", free_port())
    redis.start()
    yield redis
    redis.stop()


class SecretiveDirectory:
    """sv-discover, but for what it knows of blocks, which it does not tell until `telling` is set."""

    def __init__(self):
        self.url_behind = ""
        self.telling = threading.Event()
        directory = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/blocks" and not directory.telling.is_set():
                    status, answer = 503, b'{"status":"error","code":"unavailable","message":"not now"}'
                else:
                    forwarded = rest.call("POST", directory.url_behind + self.path, body=body, headers={"Content-Type": "application/json"})
                    status, answer = forwarded.status, forwarded.body
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def secretive():
    made = SecretiveDirectory()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def private_cluster(bin_dir, state_dir, apart, private_redis, secretive):
    """Two gateways; a third one, `sv-websocket-kept-in-the-dark`, would ask the secretive directory."""
    def link(source: str, target: str, url: str) -> str:
        return secretive.url if (source, target) == ("sv-websocket-kept-in-the-dark", "sv-discover") else url
    urls = apart("blocks") | {"redis_url": private_redis.url}
    made = Cluster(bin_dir, state_dir / "blocks" / "cluster", gateways=2, link=link, **urls).start()
    secretive.url_behind = made.discover.url
    yield made
    made.stop()


def test_a_gateway_that_does_not_know_the_blocks_lets_nothing_pass(private_cluster, secretive):
    alice, bob = unique("alice"), unique("bob")
    block(private_cluster.gateways[0], alice, bob)
    gateway = private_cluster.another_gateway("sv-websocket-kept-in-the-dark")
    gateway.start()

    async def run():
        async with Client.connected(gateway.ws_url) as client, Client.registered(private_cluster.gateways[0].ws_url, alice) as reader:
            await eventually(lambda: registered(client, bob), lambda answer: answer, "a registration")
            assert "blocks" in {part["name"] for part in rest.get(gateway.url + "/readyz").json["missing"]}
            for to in (alice, unique("carol")):
                assert await outcome(client, to) == "unavailable"
            await client.send("typing", to=alice)
            await client.barrier()
            assert rest.get(gateway.url + "/v1/blocks", user=alice).is_error(503, "unavailable")
            refused = rest.post(gateway.url + "/send", {"type": "normal", "from": bob, "to": alice, "payload": "no"})
            assert refused.is_error(503, "unavailable"), refused.body
            secretive.telling.set()
            await asyncio.to_thread(gateway.wait_ready, gateway.ready)
            assert await outcome(client, alice) == "forbidden"
            assert await outcome(client, unique("carol")) == "ack"
            await reader.barrier()
            assert not reader.of("typing") and not reader.of("normal")

    try:
        wait_until(gateway.alive, "the gateway serves")
        asyncio.run(run())
    finally:
        gateway.stop()


async def registered(client: Client, user: str) -> bool:
    await client.send("register", from_=user)
    client.user = user
    return (await client.expect(None, lambda frame: frame["type"] in ("registered", "error")))["type"] == "registered"


def test_blocks_outlive_gateways_the_directory_and_the_data_of_redis(private_cluster, private_redis):
    near, far = private_cluster.gateways
    alice, bob, carol = unique("alice"), unique("bob"), unique("carol")

    async def in_force_at(gateway, seconds: float = 20.0) -> None:
        async with Client.connected(gateway.ws_url) as client:
            await eventually(lambda: registered(client, bob), lambda answer: answer, "a registration", seconds)
            assert await outcome(client, alice) == "forbidden", gateway.name

    async def run():
        block(near, alice, bob)
        block(near, alice, carol)
        wait_until(lambda: blocked_by(far, alice) == sorted([bob, carol]), "the blocks at the other gateway", WITHIN_S + BUSY_S)
        unblock(far, alice, carol)

        for gateway in (near, far):  # all at once: from Redis
            gateway.kill()
        for gateway in (near, far):
            gateway.start_ready()
            assert blocked_by(gateway, alice) == [bob]
            await in_force_at(gateway)

        private_cluster.discover.kill()
        async with Client.connected(near.ws_url):
            assert blocked_by(near, alice) == [bob], "in force while the directory is away"
        assert rest.call("PUT", f"{near.url}/v1/blocks/{carol}?user={alice}").is_error(503, "unavailable")
        private_cluster.discover.start_ready()
        await in_force_at(far)

        assert holds(private_redis, alice, bob)
        private_redis.kill()
        private_redis.start()
        wait_until(lambda: holds(private_redis, alice, bob), "the block is in Redis again", 30)
        assert not holds(private_redis, alice, carol), "what was taken back stays so"
        for gateway in (near, far):  # and from there it comes, once nobody else knows it
            gateway.kill()
        near.start_ready()
        assert blocked_by(near, alice) == [bob]
        await in_force_at(near)
        far.start_ready()
        unblock(near, alice, bob)
        wait_until(lambda: blocked_by(far, alice) == [], "the end of the block at the other gateway", WITHIN_S + BUSY_S)
    asyncio.run(run())


def holds(redis: Redis, user: str, other: str) -> bool:
    with socket.create_connection(("127.0.0.1", redis.port), timeout=5) as connection:
        connection.sendall(f'ZSCORE simplechat:blocks "{user} {other}"\r\n'.encode())
        answer = connection.recv(100)
    return answer.startswith(b"$") and not answer.startswith(b"$-1")
