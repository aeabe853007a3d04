"""What the wire contract, section 2, refuses: every error code, close codes, bad upgrades, and who reads too slowly."""

import asyncio
import contextlib
import json
import urllib.parse

import pytest
import websockets
from websockets.frames import OP_TEXT

import rest
from chat import PAYLOAD_BYTES_MAX, Client, connect, eventually, pair, unique
from raw_socket import TEXT, RawSocket, frame, handshake_request

FRAME_BYTES_MAX = 6 * PAYLOAD_BYTES_MAX + 4 * 1024


# --- errors ---


@pytest.mark.parametrize("text", ["", " ", "hello", "{", '{"type":"ping"', '{"type":"ping"} {}', "[]", "[1]", "17", '"ping"', "null",
                                  "{'type':'ping'}", '{"type":"normal","to":"x","payload":"\x01"}', "[" * 5000,
                                  '{"type":"ping","x":"\\ud800"}'])
def test_bad_json(deployment, text):
    async def run():
        async with Client.registered(deployment.near.ws_url, unique("user")) as client:
            await client.send_text(text)
            await client.expect_error("bad_json")
            await client.barrier()  # the connection stays
    asyncio.run(run())


BAD_FRAMES = [
    {}, {"type": 1}, {"type": None},
    {"type": "normal", "payload": "x", "id": "i"}, {"type": "normal", "to": "", "payload": "x", "id": "i"},
    {"type": "normal", "to": "a b", "payload": "x", "id": "i"}, {"type": "normal", "to": "x" * 65, "payload": "x", "id": "i"},
    {"type": "normal", "to": "ü", "payload": "x", "id": "i"}, {"type": "normal", "to": None, "payload": "x", "id": "i"},
    {"type": "normal", "to": 1.5, "payload": "x", "id": "i"}, {"type": "normal", "to": ["x"], "payload": "x", "id": "i"},
    {"type": "normal", "to": "#", "payload": "x", "id": "i"}, {"type": "normal", "to": "x", "id": "i"},
    {"type": "normal", "to": "x", "payload": "", "id": "i"}, {"type": "normal", "to": "x", "payload": 1, "id": "i"},
    {"type": "normal", "to": "x", "payload": {"a": 1}, "id": "i"}, {"type": "normal", "to": "x", "payload": "x", "id": ""},
    {"type": "normal", "to": "x", "payload": "x", "id": "é"}, {"type": "normal", "to": "x", "payload": "x", "id": "i" * 65},
    {"type": "normal", "to": "x", "payload": "x", "id": 7}, {"type": "normal", "to": "x", "payload": "x", "id": "i", "from": "a b"},
    {"type": "typing"}, {"type": "typing", "to": "a b"},
    {"type": "received", "at": 1}, {"type": "received", "with": "x"}, {"type": "received", "with": "x", "at": -1},
    {"type": "read", "with": "x", "at": "1"}, {"type": "read", "with": "x", "at": 1.5}, {"type": "read", "with": "x", "at": 2**60},
    {"type": "history", "ref": "r"}, {"type": "history", "with": "a b", "ref": "r"},
    {"type": "history", "with": "x", "limit": 0, "ref": "r"}, {"type": "history", "with": "x", "limit": 201, "ref": "r"},
    {"type": "history", "with": "x", "limit": "5", "ref": "r"}, {"type": "history", "with": "x", "before": -1, "ref": "r"},
    {"type": "history", "with": "x", "after": "soon", "ref": "r"}, {"type": "history", "with": "x", "before": 2, "after": 1, "ref": "r"},
    {"type": "history", "with": "x", "ref": {"a": 1}}, {"type": "history", "with": "x", "ref": "r" * 1000},
    {"type": "sync", "cursor": 5, "ref": "r"}, {"type": "sync", "cursor": "not one of ours", "ref": "r"},
    {"type": "sync", "limit": -1, "ref": "r"}, {"type": "conversations", "limit": 1000, "ref": "r"},
    {"type": "conversations", "before": "x", "ref": "r"},
]


@pytest.mark.parametrize("frame", BAD_FRAMES, ids=lambda frame: json.dumps(frame)[:70])
def test_bad_frame(deployment, frame):
    async def run():
        async with Client.registered(deployment.near.ws_url, unique("user")) as client:
            await client.send_text(json.dumps(frame))
            expected = {name: frame[name] for name, valid in (("id", "i"), ("ref", "r")) if frame.get(name) == valid}
            error = await client.expect_error("bad_frame", **expected)
            assert set(error) == {"type", "code", "message", *expected}
            await client.barrier()
    asyncio.run(run())


@pytest.mark.parametrize("user", [None, "", "a b", "x" * 65, "#group", "ü", True, 1.5, {}])
def test_register_needs_a_user_id(deployment, user):
    async def run():
        async with Client.connected(deployment.near.ws_url) as client:
            await client.send_text(json.dumps({"type": "register", "from": user}))
            await client.expect_error("bad_frame")
            await client.register(unique("valid"))
    asyncio.run(run())


def test_unknown_type(deployment):
    async def run():
        async with Client.connected(deployment.near.ws_url) as client:
            await client.send("dance", id="i", ref="r")
            await client.expect_error("unknown_type", id="i", ref="r")
            await client.register(unique("user"))
            await client.send("Normal", to="x", payload="x")
            await client.expect_error("unknown_type")
    asyncio.run(run())


def test_not_registered(deployment):
    async def run():
        async with Client.connected(deployment.near.ws_url) as client:
            await client.send("normal", to="x", payload="x", id="i")
            await client.expect_error("not_registered", id="i")
            for kind, fields in (("history", {"with_": "x"}), ("sync", {}), ("conversations", {})):
                await client.send(kind, ref="r", **fields)
                await client.expect_error("not_registered", ref="r")
            for kind, fields in (("unregister", {}), ("typing", {"to": "x"}), ("received", {"with_": "x", "at": 1}), ("read", {"with_": "x", "at": 1})):
                await client.send(kind, **fields)
                await client.expect_error("not_registered")
    asyncio.run(run())


def test_forbidden_to_speak_for_another(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            await alice.send("normal", from_="mallory", to=bob.user, payload="x", id="i")
            await alice.expect_error("forbidden", id="i")
            for kind, fields in (("history", {"with_": bob.user}), ("sync", {}), ("conversations", {})):
                await alice.send(kind, from_="mallory", ref="r", **fields)
                await alice.expect_error("forbidden", ref="r")
            for kind, fields in (("typing", {"to": bob.user}), ("received", {"with_": bob.user, "at": 1}), ("read", {"with_": bob.user, "at": 1}),
                                 ("unregister", {})):
                await alice.send(kind, from_="mallory", **fields)
                await alice.expect_error("forbidden")
            await alice.send("normal", from_=alice.user, to=bob.user, payload="mine", id="mine")
            assert (await bob.expect("normal"))["id"] == "mine"
            assert bob.frames == []
    asyncio.run(run())


def test_a_payload_of_one_byte_too_many(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            for number, payload in enumerate(("x" * (PAYLOAD_BYTES_MAX + 1), "🙂" * (PAYLOAD_BYTES_MAX // 4) + "x")):
                await alice.send("normal", to=bob.user, payload=payload, id=f"i{number}")
                await alice.expect_error("too_large", id=f"i{number}")
            await alice.say(bob.user, "small")
            await bob.expect("normal")
            assert bob.frames == []
    asyncio.run(run())


def test_a_group_that_does_not_exist(deployment):
    async def run():
        async with Client.registered(deployment.near.ws_url, unique("user")) as client:
            await client.send("normal", to="#" + unique("group"), payload="x", id="i")
            await client.expect_error("not_found", id="i")
    asyncio.run(run())


def test_unknown_fields_are_ignored(deployment):
    async def run():
        async with Client.connected(deployment.near.ws_url) as alice, Client.registered(deployment.far.ws_url, unique("bob")) as bob:
            await alice.send("register", from_=unique("alice"), colour="red", nested={"a": [1, {"b": None}]})
            await alice.expect("registered")
            await alice.send("normal", to=bob.user, payload="x", id="i", at=5, messageId=7, **{"": {}})
            assert (await alice.expect("ack"))["id"] == "i"
            message = await bob.expect("normal")
            assert set(message) == {"type", "id", "from", "to", "payload", "at"} and message["at"] > 5
    asyncio.run(run())


# --- close codes, upgrades ---


def test_a_binary_message_closes_with_1003(deployment):
    async def run():
        async with Client.registered(deployment.near.ws_url, unique("user")) as client:
            await client.socket.send(b'{"type":"ping"}')
            assert await client.closed() == 1003
    asyncio.run(run())


def test_an_oversize_frame_closes_with_1009(deployment):
    async def run():
        async with Client.registered(deployment.near.ws_url, unique("user")) as client:
            await client.send_text("{}" + " " * (FRAME_BYTES_MAX - 2))
            await client.expect_error("bad_frame")
            with contextlib.suppress(OSError):
                await client.send_text("{}" + " " * FRAME_BYTES_MAX)
            assert await client.closed() == 1009
    asyncio.run(run())


def test_invalid_utf8_closes_with_1007(deployment):
    async def run():
        async with Client.registered(deployment.near.ws_url, unique("user")) as client:
            await client.socket.write_frame(True, OP_TEXT, b'{"type":"ping","ref":"\xff"}')
            assert await client.closed() == 1007
    asyncio.run(run())


def test_an_unmasked_frame_closes_with_1002(deployment):
    with RawSocket(deployment.near.ws_url) as raw:
        raw.send(frame(TEXT, b'{"type":"ping"}', masked=False))
        assert raw.close_code() == 1002


def test_upgrades_on_any_path_of_the_websocket_port_and_on_ws_of_the_api_port(deployment):
    async def run():
        gateway = deployment.near
        for url in (gateway.ws_url, gateway.ws_url + "chat/room?x=1", gateway.url.replace("http", "ws") + "/ws"):
            async with Client.registered(url, unique("user")) as client:
                await client.say(client.user, "here")
                await client.expect("normal")
    asyncio.run(run())


@pytest.mark.parametrize("replaced", [{"Sec_WebSocket_Version": "8"}, {"Sec_WebSocket_Version": None}, {"Sec_WebSocket_Key": None},
                                      {"Sec_WebSocket_Key": "short"}, {"Upgrade": "h2c"}, {"Upgrade": None}, {"Connection": "close"}],
                         ids=str)
@pytest.mark.parametrize("port", ["api", "ws"])
def test_bad_upgrades_are_refused(deployment, replaced, port):
    gateway = deployment.near
    url = gateway.ws_url if port == "ws" else gateway.url + "/ws"
    request = handshake_request(url, **replaced)
    parts = urllib.parse.urlsplit(url)
    headers = dict(line.split(": ", 1) for line in request.decode().split("\r\n")[1:] if line)
    answer = rest.call("GET", f"http://{parts.netloc}{parts.path}", headers=headers)
    assert 400 <= answer.status < 500
    assert answer.json["status"] == "error"
    if answer.status == 426:
        assert answer.headers["Sec-WebSocket-Version"] == "13"


def test_an_upgrade_elsewhere_on_the_api_port_is_refused(deployment):
    answer = rest.call("GET", deployment.near.url + "/other", headers={"Upgrade": "websocket", "Connection": "Upgrade",
                                                                      "Sec-WebSocket-Version": "13",
                                                                      "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="})
    assert answer.is_error(404, "not_found")


def test_a_slow_consumer_is_closed_with_4008_and_syncs(deployment):
    async def run():
        user = unique("slow")
        with RawSocket(deployment.near.ws_url, receive_buffer=4096) as slow:
            slow.send(frame(TEXT, json.dumps({"type": "register", "from": user}).encode()))
            assert json.loads(slow.receive()[2])["type"] == "registered"
            async with Client.registered(deployment.far.ws_url, unique("fast")) as fast:
                sent = 120  # 7.5 MiB: beyond what the outbox and the kernel's buffers hold
                for number in range(sent):
                    await fast.send("normal", to=user, payload="x" * PAYLOAD_BYTES_MAX, id=str(number))
                for _ in range(sent):
                    await fast.expect("ack")
            assert await asyncio.to_thread(slow.close_code) == 4008
        async with Client.registered(deployment.near.ws_url, user) as again:
            async def stored():
                return (await again.sync_all(limit=5))[0]
            messages = await eventually(stored, lambda messages: len(messages) >= sent, "all messages in sync")
            assert sorted(int(message["id"]) for message in messages) == list(range(sent))
    asyncio.run(run())


# --- too many connections ---


def test_a_gateway_with_as_many_connections_as_it_may_have_still_serves(another_single):
    """File descriptors are left for services and other gateways."""
    process = another_single("--threads", "1")
    process.argv = ["prlimit", "--nofile=200:200", *process.argv]  # half of them for connections
    process.start_ready()

    async def run():
        async with contextlib.AsyncExitStack() as clients:
            for _ in range(99):
                await clients.enter_async_context(Client.connected(process.ws_url))
            async with Client.registered(process.ws_url, unique("user")):
                for _ in range(3):
                    with pytest.raises(websockets.InvalidStatusCode) as refused:
                        await connect(process.ws_url)
                    assert refused.value.status_code == 503
                assert process.ready()
            async with Client.registered(process.ws_url, unique("user")):
                pass
    asyncio.run(run())
    assert "connections_refused_total 3" in rest.get(process.url + "/metrics").body.decode()
