"""The send hook: the embedding application decides on every message. And what both hooks have in common: signatures, addresses, options.
The connect hook's own tests are in test_auth.py."""

import asyncio
import json
import pathlib
import random
import re
import subprocess
import time

import pytest
import websockets

import rest
from application import ALLOW, Application, silence
from certificates import Authority
from chat import Client, body_of, eventually, frame_of, pair, unique
from cluster import embedded
from conftest import Deployment
from raw_socket import TEXT, RawSocket, frame

SECRET = "between the application and the gateways"
CONFIGURATION = pathlib.Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
TIMEOUT_MS = 3000
SESSION_ASKS_MAX = 16
GAUGE_S = 0.25  # how often the gateways set their gauges
PAYLOAD_BYTES_MAX = 64 * 1024
ADMIN_TOKEN = "a-token-of-the-operators"


class Hooked(Deployment):
    """Gateways that ask `application` about messages."""

    def __init__(self, name: str, gateways: list, application: Application):
        super().__init__(name, gateways)
        self.application = application

    def metric(self, sample: str) -> float:
        """The sum of all gateways."""
        texts = [rest.get(gateway.url + "/metrics").body.decode() for gateway in self.gateways]
        return sum(float(re.search(rf"^simplechat_{re.escape(sample)} (\S+)$", text, re.MULTILINE).group(1)) for text in texts)


@pytest.fixture(scope="module", params=["embedded", "cluster"])
def shared_hooked(request, bin_dir, state_dir):
    application = Application()
    flags = ["--hook-send-url", application.url, "--hook-secret", SECRET, "--hook-timeout-ms", str(TIMEOUT_MS), "--admin-token", ADMIN_TOKEN]
    if request.param == "embedded":
        gateways = [embedded(bin_dir, state_dir / "hooked", flags)]
    else:
        cluster = request.getfixturevalue("cluster")
        gateways = [cluster.another_gateway(f"sv-websocket-hooked-{index}", flags=flags) for index in (1, 2)]
    for gateway in gateways:
        gateway.start_ready()
    yield Hooked(request.param, gateways, application)
    for gateway in gateways:
        assert gateway.stop() == 0, gateway.log()[-2000:]
    application.close()


@pytest.fixture
def hooked(shared_hooked):
    shared_hooked.application.reset()
    return shared_hooked


async def stored(deployment, user: str) -> list[dict]:
    """Read where the hook is not asked, as soon as the user has some message to himself that marks the end."""
    async with Client.registered(deployment.near.ws_url, user) as reader:
        deployment.application.answer = ALLOW
        mark = await reader.say(user, "the end")
        page = await eventually(lambda: sync_of(reader), lambda messages: any(each["id"] == mark["id"] for each in messages), "the end")
        return [each for each in page if each["payload"] != "the end"]


async def sync_of(client: Client) -> list[dict]:
    return (await client.sync_all())[0]


def test_an_allowed_message_goes_on_and_the_application_saw_all_of_it(hooked):
    async def run():
        async with pair(hooked) as (alice, bob):
            text = "say \"hi\" ✓ \x01\n"
            ack = await alice.say(bob.user, text)
            assert (await bob.expect("normal"))["payload"] == text
            assert [each.body for each in hooked.application.asked] == [{"from": alice.user, "to": bob.user, "id": ack["id"], "payload": text}]
            await alice.send("normal", to=bob.user, payload="without an id")
            made = await alice.expect("ack")
            assert hooked.application.asked[-1].body["id"] == made["id"]
            assert (await bob.expect("normal"))["id"] == made["id"]
    asyncio.run(run())


def test_the_application_replaces_a_text_for_everybody(hooked):
    async def run():
        async with pair(hooked) as (alice, bob), Client.registered(hooked.far.ws_url, alice.user) as laptop:
            hooked.application.answer = lambda question: {"allow": True, "payload": question["payload"].replace("damn", "d***")}
            await alice.say(bob.user, "damn")
            for client in (bob, laptop, alice):  # who wrote it shows another text until then
                assert (await client.expect("normal"))["payload"] == "d***"
            largest = "x" * PAYLOAD_BYTES_MAX
            hooked.application.answer = {"allow": True, "payload": largest}
            await alice.say(bob.user, "short")
            assert (await bob.expect("normal"))["payload"] == largest
            hooked.application.answer = ALLOW
            messages = await eventually(lambda: sync_of(bob), lambda found: len(found) == 2, "both")
            assert [each["payload"] for each in messages] == ["d***", largest]
    asyncio.run(run())


def test_a_denied_message_is_nowhere(hooked):
    async def run():
        async with pair(hooked) as (alice, bob):
            hooked.application.answer = {"allow": False, "reason": "no links, please"}
            await alice.send("normal", to=bob.user, payload="http://", id="1")
            assert (await alice.expect_error("forbidden", id="1"))["message"] == "no links, please"
            hooked.application.answer = {"allow": False}
            await alice.send("normal", to=bob.user, payload="http://", id="2")
            await alice.expect_error("forbidden", id="2")
            hooked.application.answer = ALLOW
            await alice.say(bob.user, "no link")
            assert (await bob.expect("normal"))["payload"] == "no link"
            assert not bob.of("normal") and not alice.of("ack")
            assert [each["payload"] for each in await stored(hooked, alice.user)] == ["no link"]
    asyncio.run(run())


@pytest.mark.parametrize("answer", [silence, 500, b"<html>", b"", {}, {"allow": "yes"}, {"allow": True, "payload": ""}, {"allow": True, "payload": None},
                                    {"allow": True, "payload": "x" * (PAYLOAD_BYTES_MAX + 1)}],
                         ids=["silence", "500", "html", "nothing", "empty", "text", "empty payload", "null payload", "payload too large"])
def test_without_an_answer_nothing_is_accepted_and_the_client_repeats(hooked, answer):
    async def run():
        async with pair(hooked) as (alice, bob):
            unanswered = hooked.metric('send_hook_total{answer="none"}')
            hooked.application.answer = answer
            began = time.monotonic()
            await alice.send("normal", to=bob.user, payload="hi", id="1")
            await alice.expect_error("unavailable", id="1")
            assert time.monotonic() - began < TIMEOUT_MS / 1000 + 5
            assert hooked.metric('send_hook_total{answer="none"}') == unanswered + 1
            hooked.application.answer = ALLOW
            await alice.say(bob.user, "hi", id="1")
            await alice.say(bob.user, "changed", id="1")  # a repeat is asked about again, and stored once all the same
            assert hooked.application.ids() == ["1", "1", "1"]
            assert [each["payload"] for each in await stored(hooked, bob.user)] == ["hi"]
    asyncio.run(run())


def test_while_the_application_is_down_nothing_is_accepted(hooked):
    async def run():
        async with pair(hooked) as (alice, bob):
            await alice.say(bob.user, "before")  # over a connection that is kept
            hooked.application.stop()
            try:
                for number in range(3):
                    await alice.send("normal", to=bob.user, payload="meanwhile", id=str(number))
                    await alice.expect_error("unavailable", id=str(number))
            finally:
                hooked.application.start()
            await alice.say(bob.user, "after")
            assert [each["payload"] for each in await stored(hooked, bob.user)] == ["before", "after"]
    asyncio.run(run())


def test_it_may_fail_open(another_single, application):
    server = another_single("--hook-send-url", application.url, "--hook-fail-open", "--hook-timeout-ms", "300").start_ready()

    async def run():
        async with Client.registered(server.ws_url, unique("alice")) as alice:
            for application.answer in (500, silence):
                await alice.say(alice.user, "as it is")
                assert (await alice.expect("normal"))["payload"] == "as it is"
            application.answer = {"allow": False}
            await alice.send("normal", to=alice.user, payload="no", id="1")
            await alice.expect_error("forbidden", id="1")
    asyncio.run(run())


def test_messages_of_a_session_keep_their_order_however_late_the_answers_are(hooked):
    """Many are asked about at a time, some are denied, and answers come in any order."""
    count = 120
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chances = random.Random(seed)

    async def late(question):
        await asyncio.sleep(chances.choice((0, 0.005, 0.05, 0.1)))
        return {"allow": int(question["id"]) % 10 != 3}

    async def run():
        async with pair(hooked) as (alice, bob):
            hooked.application.answer = late
            for number in range(count):
                await alice.send("normal", to=bob.user, payload=f"number {number}", id=str(number))
            allowed = [str(number) for number in range(count) if number % 10 != 3]
            denied = [str(number) for number in range(count) if number % 10 == 3]
            assert [(await alice.expect("ack"))["id"] for _ in allowed] == allowed
            assert [(await alice.expect_error("forbidden"))["id"] for _ in denied] == denied
            live = [await bob.expect("normal") for _ in allowed]
            assert [each["id"] for each in live] == allowed
            assert sorted(live, key=lambda each: each["at"]) == live
            assert 1 < hooked.application.most_under_way <= SESSION_ASKS_MAX
            messages = await stored(hooked, bob.user)
            assert [each["id"] for each in sorted(messages, key=lambda each: each["at"])] == allowed
            assert {body_of(each) for each in messages} == {body_of(each) for each in live}
    asyncio.run(run())


def test_nothing_else_waits_for_a_message_that_waits(hooked):
    async def run():
        async with pair(hooked) as (alice, bob):
            hooked.application.answer = lambda question: silence(question) if question["id"] == "1" else ALLOW
            await alice.send("normal", to=bob.user, payload="waits", id="1")
            await hooked.application.until_asked(1)
            await alice.send("typing", to=bob.user)
            await bob.expect("typing")
            await alice.barrier()
            await bob.say(alice.user, "another session")
            await alice.expect("normal")
            assert not alice.of("error") and not alice.of("ack")
            await alice.expect_error("unavailable", id="1")
    asyncio.run(run())


def test_who_sends_more_than_may_be_asked_about_is_read_from_no_more(hooked):
    """The rest waits at the sender: the gateway holds no more than some messages, and nothing is lost."""
    count = 60

    async def run():
        bob = unique("bob")  # who is away: all at once it would be more than a session may have outstanding
        async with Client.registered(hooked.near.ws_url, unique("alice")) as alice:
            held = Held(hooked.application)
            text = "x" * 60_000
            sending = asyncio.create_task(send_all(alice, bob, [f"{number} {text}" for number in range(count)]))
            await hooked.application.until_asked(SESSION_ASKS_MAX)
            await asyncio.sleep(3 * GAUGE_S)  # time enough for more to be read, if it were
            waiting = hooked.metric('queue_depth_bytes{queue="approvals"}')
            assert 0 < waiting < 2 * (SESSION_ASKS_MAX + 8) * len(text), waiting
            assert len(hooked.application.asked) == SESSION_ASKS_MAX
            held.let_go()
            await sending
            for number in range(count):
                assert (await alice.expect("ack"))["id"] == str(number)
            in_order = [str(number) for number in range(count)]
            await eventually(lambda: alice.history_all(bob, limit=5), lambda messages: [each["id"] for each in messages] == in_order, "all of it is stored")
            await eventually(lambda: asyncio.to_thread(hooked.metric, 'queue_depth_bytes{queue="approvals"}'), lambda depth: depth == 0, "nothing waits")
    asyncio.run(run())


async def send_all(client: Client, to: str, texts: list[str]) -> None:
    for number, text in enumerate(texts):
        await client.send("normal", to=to, payload=text, id=str(number))


class Held:
    """Answers when it is told to."""

    def __init__(self, application: Application):
        self.application = application
        self.gate = asyncio.Event()  # of the application's loop
        application.answer = self

    async def __call__(self, _):
        await self.gate.wait()
        return ALLOW

    def let_go(self) -> None:
        self.application.loop.call_soon_threadsafe(self.gate.set)

    async def all_answered(self) -> None:
        """After let_go(): the gateways have the answers."""
        while self.application.under_way:
            await asyncio.sleep(0.01)


def test_a_block_that_is_made_while_a_message_waits_is_in_force_for_it(hooked):
    """And who is blocked already is refused without the application's being asked."""
    async def run():
        async with pair(hooked) as (alice, bob):
            held = Held(hooked.application)
            await alice.send("normal", to=bob.user, payload="hi", id="1")
            await hooked.application.until_asked(1)
            assert rest.call("PUT", f"{hooked.near.url}/v1/blocks/{alice.user}?user={bob.user}").status == 200
            held.let_go()
            await alice.expect_error("forbidden", id="1")
            await alice.send("normal", to=bob.user, payload="hi", id="2")
            await alice.expect_error("forbidden", id="2")
            assert len(hooked.application.asked) == 1
            assert await stored(hooked, bob.user) == []
            assert alice.user not in {each["from"] for each in bob.of("normal")}
    asyncio.run(run())


def test_what_a_closed_session_waits_for_is_dropped(hooked):
    async def run():
        alice, bob = unique("alice"), unique("bob")
        async with Client.registered(hooked.near.ws_url, alice) as client:
            held = Held(hooked.application)
            await client.send("normal", to=bob, payload="hi", id="1")
            await hooked.application.until_asked(1)
        held.let_go()
        await held.all_answered()
        async with Client.registered(hooked.near.ws_url, alice) as client:
            await client.say(bob, "hi", id="2")
        assert [each["id"] for each in await stored(hooked, bob)] == ["2"]
    asyncio.run(run())


def test_what_a_session_waits_for_that_is_being_closed_is_dropped(hooked):
    """The operator closes it; the client does not answer the close frame, so that the connection still is there when the answer comes."""
    async def run():
        alice, bob = unique("alice"), unique("bob")
        with RawSocket(hooked.near.ws_url) as socket:
            for kind, fields in (("register", {"from": alice}), ("normal", {"to": bob, "payload": "hi", "id": "1"})):
                if kind == "normal":
                    held = Held(hooked.application)
                socket.send(frame(TEXT, json.dumps(frame_of(kind, **fields)).encode()))
                if kind == "register":
                    assert b"registered" in socket.receive()[2]
            await hooked.application.until_asked(1)
            answer = rest.call("POST", hooked.near.url + "/v1/admin/disconnect", json={"user": alice}, headers={"Authorization": "Bearer " + ADMIN_TOKEN})
            assert answer.json["disconnected"] == 1
            held.let_go()
            await held.all_answered()
            assert await stored(hooked, bob) == []
    asyncio.run(run())


def test_unregistering_ends_what_waits_and_says_so(hooked):
    async def run():
        alice, bob, carol = unique("alice"), unique("bob"), unique("carol")
        async with Client.registered(hooked.near.ws_url, alice) as client:
            held = Held(hooked.application)
            for number in range(SESSION_ASKS_MAX + 4):
                await client.send("normal", to=bob, payload="hi", id=str(number))
            await hooked.application.until_asked(SESSION_ASKS_MAX)
            await client.send("unregister")  # is read once there is room again
            await client.send("register", from_=carol)
            held.let_go()
            answers = {}
            while len(answers) < SESSION_ASKS_MAX + 4:
                answer = await client.expect(None, lambda frame: frame.get("id") is not None)
                answers[answer["id"]] = answer
            assert all(answer["type"] == "ack" or answer["code"] == "unavailable" for answer in answers.values())
            await client.expect("unregistered")
            await client.expect("registered")
            hooked.application.answer = ALLOW
            await client.say(bob, "from another")
        found = await stored(hooked, bob)
        assert {each["id"] for each in found if each["from"] == alice} == {number for number, answer in answers.items() if answer["type"] == "ack"}
        assert [each["payload"] for each in found if each["from"] == carol] == ["from another"]
    asyncio.run(run())


def test_unregistering_while_one_waits(hooked):
    async def run():
        alice, bob, carol = unique("alice"), unique("bob"), unique("carol")
        async with Client.registered(hooked.near.ws_url, alice) as client:
            held = Held(hooked.application)
            await client.send("normal", to=bob, payload="hi", id="1")
            await client.send("unregister")
            await client.expect_error("unavailable", id="1")
            await client.expect("unregistered")
            await client.register(carol)
            await client.send("normal", to=bob, payload="hi", id="2")
            await hooked.application.until_asked(2)
            held.let_go()
            assert (await client.expect("ack"))["id"] == "2"
        assert [(each["from"], each["id"]) for each in await stored(hooked, bob)] == [(carol, "2")]
    asyncio.run(run())


def test_services_are_not_asked_about(hooked):
    alice, bob = unique("alice"), unique("bob")
    hooked.application.answer = {"allow": False}
    answer = rest.post(hooked.near.url + "/send", {"type": "normal", "from": alice, "to": bob, "payload": "by a service", "id": "1"})
    assert answer.status == 200 and hooked.application.asked == []
    assert [each["id"] for each in asyncio.run(stored(hooked, bob))] == ["1"]


# --- what both hooks have in common ---


def test_the_documents_example_tells_a_true_signature_from_a_wrong_one(another_single, application):
    example = re.search(r"```python\n(.*?)```", CONFIGURATION.read_text(), re.DOTALL).group(1)
    names = {}
    exec(example, names)  # noqa: S102: it is the document that is tested
    is_genuine = names["is_genuine"]
    server = another_single("--hook-connect-url", application.url, "--hook-send-url", application.url, "--hook-secret", SECRET).start_ready()

    async def run():
        async with Client.registered(server.ws_url, unique("alice")) as alice:
            await alice.say(alice.user, "signed ✓")
    asyncio.run(run())
    assert len(application.asked) == 2
    for question in application.asked:
        headers, body, secret = question.headers, question.raw, SECRET.encode()
        assert "Authorization" not in headers and SECRET not in str(headers)
        assert is_genuine(secret, headers, body)
        assert not is_genuine(b"another secret", headers, body)
        assert not is_genuine(secret, headers, body + b" ")
        assert not is_genuine(secret, headers | {"X-SimpleChat-Signature": "sha256=" + "0" * 64}, body)
        # Neither may the time be changed, nor be long ago.
        sent = int(headers["X-SimpleChat-Timestamp"])
        assert abs(sent - time.time()) < 60
        assert not is_genuine(secret, headers | {"X-SimpleChat-Timestamp": str(sent + 1)}, body)
        long_ago = str(sent - 3600)
        assert not is_genuine(secret, headers | signed_at(long_ago, body), body)
        assert is_genuine(secret, headers | signed_at(str(sent), body), body)


def signed_at(timestamp: str, body: bytes) -> dict:
    made = subprocess.run(["openssl", "dgst", "-sha256", "-hmac", SECRET], input=timestamp.encode() + b"." + body, capture_output=True, check=True)
    return {"X-SimpleChat-Timestamp": timestamp, "X-SimpleChat-Signature": "sha256=" + made.stdout.split()[-1].decode()}


def test_over_tls_the_application_must_be_who_it_says(another_single, tmp_path):
    authority = Authority(tmp_path / "ca")
    application = Application(authority.issue("application"))
    try:
        server = another_single("--hook-send-url", application.url, "--tls-ca", authority.file).start_ready()
        stranger = another_single("--hook-send-url", application.url, "--tls-ca", Authority(tmp_path / "other").file).start_ready()

        async def run():
            async with Client.registered(server.ws_url, unique("alice")) as alice:
                await alice.say(alice.user, "hi")
            assert len(application.asked) == 1
            async with Client.registered(stranger.ws_url, unique("alice")) as alice:
                await alice.send("normal", to=alice.user, payload="hi", id="1")
                await alice.expect_error("unavailable", id="1")
            assert len(application.asked) == 1
        asyncio.run(run())
    finally:
        application.close()


def forwarded_by(*addresses, header: str = "X-Forwarded-For") -> dict:
    return {header: ", ".join(addresses)}


@pytest.fixture(params=["embedded", "cluster"])
def gateway_that_asks(request, application):
    """Starts one that asks who comes in, with further flags."""
    start = request.getfixturevalue("another_single" if request.param == "embedded" else "another_gateway")

    def make(*flags):
        gateway = start("--hook-connect-url", application.url, "--admin-token", ADMIN_TOKEN, *flags)
        return gateway if gateway.running() else gateway.start_ready()
    return make


@pytest.mark.parametrize("flags,headers,address", [
    ([], forwarded_by("203.0.113.9"), "203.0.113.9"),
    ([], forwarded_by("192.0.2.66", "203.0.113.9", "127.0.0.1"), "203.0.113.9"),  # what stands before it the client may have made up
    ([], forwarded_by("2001:db8::7"), "2001:db8::7"),
    (["--proxy-header", "forwarded"], forwarded_by('for="[2001:db8::7]:4711"', header="Forwarded"), "2001:db8::7"),
    (["--proxy-header", "forwarded"], forwarded_by("203.0.113.9"), "127.0.0.1"),
    (["--trusted-proxies", "none"], forwarded_by("203.0.113.9"), "127.0.0.1"),
    (["--trusted-proxies", "10.0.0.0/8"], forwarded_by("203.0.113.9"), "127.0.0.1"),
    ([], forwarded_by("unknown"), "127.0.0.1"),
    ([], {}, "127.0.0.1"),
], ids=str)
def test_the_clients_address_is_what_a_trusted_proxy_says(gateway_that_asks, application, flags, headers, address):
    gateway = gateway_that_asks(*flags)

    async def run():
        alice = unique("alice")
        async with websockets.connect(gateway.ws_url, compression=None, extra_headers=headers) as socket:
            client = Client(socket)
            await client.register(alice)
            shown = rest.call("GET", f"{gateway.url}/v1/admin/sessions/{alice}", headers={"Authorization": "Bearer " + ADMIN_TOKEN}).json["sessions"]
            own_port = socket.local_address[1]
            assert [each["address"] for each in shown] == [f"{address}:{own_port}" if address == "127.0.0.1" else address]
            await client.close()
        assert rest.call("GET", f"{gateway.url}/v1/sync?user={alice}", headers=headers).status == 200
        assert [question.body["remoteAddress"] for question in application.asked] == [address, address]
    asyncio.run(run())


@pytest.mark.parametrize("flags", [["--hook-secret", "x"], ["--hook-connect-url", "host/path"], ["--hook-send-url", "host/path"],
                                   ["--hook-connect-url", "http://host/", "--hook-fail-open"], ["--hook-fail-open"],
                                   ["--hook-send-url", "http://host/", "--hook-secret", "x", "--hook-secret-file", "y"]], ids=" ".join)
def test_hook_options_that_do_not_go_together_end_start_up(bin_dir, tmp_path, flags):
    refused = subprocess.run([bin_dir / "simplechat", "serve", *flags], capture_output=True, text=True, cwd=tmp_path, timeout=20)
    assert refused.returncode == 2 and "hook-" in refused.stderr and refused.stderr.count("\n") == 1


def test_an_empty_secret_proves_nothing_and_is_refused(bin_dir, tmp_path):
    (tmp_path / "secret").write_text("\n")
    refused = subprocess.run([bin_dir / "simplechat", "serve", "--hook-send-url", "http://host/", "--hook-secret-file", "secret"],
                             capture_output=True, text=True, cwd=tmp_path, timeout=20)
    assert refused.returncode == 1 and "hook-secret-file" in refused.stderr
