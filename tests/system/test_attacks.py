"""Attacks on a gateway. Under each, two users go on talking, the process lives and its memory stays within a bound."""

import asyncio
import contextlib
import json
import time
import urllib.parse

import pytest
import websockets

import rest
from attacks import (ATTACKER, Attacker, Users, connected, ended, exchange, handshake_request, limit_met, limited, one_more_joins, statuses)
from chat import Client, eventually, unique
from cluster import embedded
from raw_socket import BINARY, CONTINUATION, PING, PONG, TEXT, frame

MIB = 1024 * 1024
GROWTH_MAX = 48 * MIB  # of the process, unless an attack has a bound of its own
FRAMES_PER_SECOND, BURST_S = 1000, 5  # the defaults
FRAMES_AT_ONCE = FRAMES_PER_SECOND * BURST_S
REQUEST_DEADLINE_S = 10
CLOSE_WAIT_S = 5  # for the other side's close frame
KERNEL_BYTES = 8 * MIB  # what the kernel keeps of a sender's bytes at most
ADDRESS_CONNECTIONS_MAX = 150
HTTP_REQUESTS_PER_SECOND = 50


@pytest.fixture(scope="module")
def report():
    """Latency of the users and growth of the process under each attack; `pytest -s` shows it."""
    lines: dict[str, dict] = {}
    yield lines
    for test, figures in lines.items():
        print(f"{test}: {figures}")


@pytest.fixture(scope="module")
def fortress(bin_dir, state_dir):
    """One process with the default limits."""
    process = embedded(bin_dir, state_dir / "fortress",
                       ["--threads", 2, "--trusted-proxies", "none"]).start_ready()
    yield process
    assert process.stop() == 0, process.log()[-2000:]


@pytest.fixture
def tight(another_single):
    """Another one, with further limits lowered."""
    def start(*flags):
        return another_single("--threads", 2, "--trusted-proxies", "none", *flags).start_ready()
    return start


def api_websocket(gateway) -> str:
    return gateway.url.replace("http", "ws") + "/ws"


def registered_attacker(gateway, **kwargs) -> Attacker:
    attacker = Attacker(gateway.ws_url, **kwargs)
    attacker.send(frame(TEXT, json.dumps({"type": "register", "from": unique("mallory")}).encode()))
    assert json.loads(attacker.receive()[2])["type"] == "registered"
    return attacker


def pong_to(attacker: Attacker, ref: str) -> bool:
    """Whether the connection still is served. What came before the answer is thrown away."""
    attacker.send(frame(TEXT, json.dumps({"type": "ping", "ref": ref}).encode()))
    while True:
        opcode, _, payload = attacker.receive()
        if opcode == TEXT and json.loads(payload).get("ref") == ref:
            return True


# --- slow and silent peers ---


def test_slow_handshakes_slow_bodies_and_silence_end_with_the_deadline(fortress, report):
    request = b"POST /send HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    slow = [(url, data) for url in (fortress.url, fortress.ws_url)
            for data in (handshake_request(url)[:-2], b"GET / HTTP/1.1\r\nHost: x\r\n", request, b"")]

    def attack():
        with contextlib.ExitStack() as stack:
            peers = [(stack.enter_context(connected(url)), url, data) for url, data in slow * 20]
            began = time.monotonic()
            for peer, _, data in peers:
                peer.sendall(data)
            while time.monotonic() < began + REQUEST_DEADLINE_S - 2:
                for peer, _, data in peers:
                    if data and not ended(peer, 0):
                        with contextlib.suppress(OSError):
                            peer.sendall(b"x" if data == request else b"X-%d: 1\r\n" % int(1e6 * time.monotonic()))
                time.sleep(0.5)
            return [(url, data) for peer, url, data in peers if not ended(peer, began + REQUEST_DEADLINE_S + 5 - time.monotonic())]

    async def run():
        async with Users(fortress, report) as users:
            assert await asyncio.to_thread(attack) == [], "still open after the deadline"
            assert users.growth() <= GROWTH_MAX
    asyncio.run(run())


def test_a_connection_that_nobody_registers_on_is_closed_with_4010(tight):
    gateway = tight("--register-timeout-ms", 1000)

    async def run():
        async with Client.connected(gateway.ws_url) as silent, Client.connected(gateway.ws_url) as pinging:
            async with Client.registered(gateway.ws_url, unique("user")) as user, Client.registered(gateway.ws_url, unique("gone")) as gone:
                await gone.send("unregister")
                await gone.expect("unregistered")
                await pinging.barrier()
                assert await silent.closed() == 4010
                assert await pinging.closed() == 4010
                await asyncio.sleep(1.5)  # nothing happens to those who have registered, however long one waits
                await user.say(user.user, "here")
                await gone.barrier()
    asyncio.run(run())
    assert limited(gateway, "register_timeout") == 2


# --- floods over one connection ---


FLOODS = {
    "pings": frame(PING, b"flood") * 5000,
    "pongs": frame(PONG, b"flood") * 5000,
    "typing": frame(TEXT, b'{"type":"typing","to":"nobody"}') * 1500,
    "messages": frame(TEXT, b'{"type":"normal","to":"nobody","payload":"flood"}') * 1000,
    "marks": frame(TEXT, b'{"type":"read","with":"nobody","at":1}') * 1500,
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_is_read_at_the_rate_of_one_session(fortress, report, kind):
    """However fast it is sent, the gateway takes the burst, and then hardly more than a buffer a second."""
    async def run():
        before = limited(fortress, "throttled")
        async with Users(fortress, report) as users:
            attackers = [await asyncio.to_thread(registered_attacker, fortress) for _ in range(4)]
            seconds = 4.0
            sent = await asyncio.gather(*(asyncio.to_thread(attacker.flood, FLOODS[kind], seconds) for attacker in attackers))
            taken_max = FRAMES_AT_ONCE * 64 + seconds * 2 * 65536 + KERNEL_BYTES
            assert max(sent) <= taken_max, f"{max(sent)} bytes were taken from one, {taken_max} at most should have been"
            assert users.growth() <= GROWTH_MAX
            for attacker in attackers:
                attacker.socket.close()
        await limit_met(fortress, "throttled", before + len(attackers))
    asyncio.run(run())


@pytest.mark.parametrize("data", [b"", b"{"], ids=["empty messages", "bad JSON"])
def test_a_flood_of_frames_whose_answers_are_longer_ends_with_4008(fortress, report, data):
    """No more of them are looked at than the rate allows; the others are refused, and of such short frames one buffer holds so many that the
    refusals are more than may wait."""
    attackers, seconds_max = 4, 30.0

    async def run():
        refused, limits = refused_frames(fortress), {limit: limited(fortress, limit) for limit in ("frames", "outbox")}
        async with Users(fortress, report) as users:
            began = time.monotonic()
            sockets = [await asyncio.to_thread(registered_attacker, fortress) for _ in range(attackers)]
            await asyncio.gather(*(asyncio.to_thread(each.flood, frame(TEXT, data) * 5000, seconds_max) for each in sockets))
            seconds = time.monotonic() - began - CLOSE_WAIT_S  # the attackers do not answer the close frame
            assert seconds < seconds_max - CLOSE_WAIT_S, "they flood on"
            for each in sockets:
                assert await asyncio.to_thread(each.close_code) == 4008
            assert users.growth() <= GROWTH_MAX
        assert refused_frames(fortress) - refused <= attackers * (FRAMES_AT_ONCE + FRAMES_PER_SECOND * (seconds + 1))
        await limit_met(fortress, "outbox", limits["outbox"] + attackers)
        await limit_met(fortress, "frames", limits["frames"] + attackers)
    asyncio.run(run())


def refused_frames(gateway) -> int:
    """Those that are not of the contract; what is beyond the rate is not looked at, and not among them."""
    return rest.metric(gateway.url, "simplechat_frames_refused_total")


def test_pings_beyond_the_rate_are_not_answered(fortress, report):
    ping = frame(PING, b"")

    def attack() -> tuple[int, float]:
        began = time.monotonic()
        with registered_attacker(fortress) as attacker:
            attacker.flood(ping * 500, 30, bytes_max=4 * FRAMES_AT_ONCE * len(ping))
            return sum(opcode == PONG for opcode, _ in attacker.frames()), time.monotonic() - began

    async def run():
        async with Users(fortress, report):
            return await asyncio.to_thread(attack)
    pongs, seconds = asyncio.run(run())
    assert FRAMES_AT_ONCE / 2 <= pongs <= FRAMES_AT_ONCE + FRAMES_PER_SECOND * (seconds + 1)


def test_messages_beyond_the_rate_are_refused_by_their_ids_and_may_be_repeated(fortress, report):
    async def run():
        async with Users(fortress, report) as users, Client.registered(fortress.ws_url, unique("eager")) as eager:
            sent, nobody = FRAMES_AT_ONCE + 2500, unique("nobody")
            began = time.monotonic()
            for number in range(sent):
                await eager.send("normal", to=nobody, payload="x", id=str(number))
            answered = {}
            while len(answered) < sent:
                answer = await eager.expect(None, lambda frame: frame["type"] in ("ack", "error"))
                assert answer["id"] not in answered
                answered[answer["id"]] = answer
            seconds = time.monotonic() - began
            refused = [answer for answer in answered.values() if answer["type"] == "error"]
            assert {answer["code"] for answer in refused} <= {"rate_limited"} and all(answer["retryMs"] > 0 for answer in refused)
            assert sent - len(refused) <= FRAMES_AT_ONCE + FRAMES_PER_SECOND * (seconds + 1), "more was accepted than the rate allows"
            assert refused, "nothing was refused"
            await asyncio.sleep(1)
            for answer in refused[:500]:
                assert (await eager.say(nobody, "x", id=answer["id"]))["id"] == answer["id"]
            expected = sent - len(refused) + min(500, len(refused))
            await asyncio.sleep(2)

            async def stored():
                return (await eager.sync_all())[0]
            messages = await eventually(stored, lambda messages: len(messages) >= expected, "all accepted messages")
            assert len({message["id"] for message in messages}) == len(messages) == expected
            assert users.growth() <= GROWTH_MAX
    asyncio.run(run())


def test_large_messages_beyond_the_bytes_of_a_session_are_slowed_down_and_none_is_lost(tight):
    gateway = tight("--session-bytes-per-second", 64 * 1024)  # and five times as much at once

    async def run():
        async with Client.registered(gateway.ws_url, unique("large")) as client:
            began = time.monotonic()
            for number in range(12):
                await client.send("normal", to=unique("nobody"), payload="x" * 65536, id=str(number))
            for number in range(12):
                await client.answer("ack", "id", str(number))
            assert time.monotonic() - began >= (12 * 65536 - 5 * 64 * 1024 - 2 * 65536) / (64 * 1024)
    asyncio.run(run())
    assert limited(gateway, "bytes") > 0


def test_a_flood_of_requests_is_refused_by_their_refs(fortress, report):
    async def run():
        async with Users(fortress, report) as users, Client.registered(fortress.ws_url, unique("curious")) as curious:
            sent = 2000
            for number in range(sent):
                await curious.send("history", with_=curious.user, ref=number)
            answers = [await curious.expect(None, lambda frame: "ref" in frame) for _ in range(sent)]
            assert sorted(answer["ref"] for answer in answers) == list(range(sent))
            refused = [answer for answer in answers if answer["type"] == "error"]
            assert {answer["code"] for answer in refused} == {"rate_limited"} and all(answer["retryMs"] > 0 for answer in refused)
            assert sent - len(refused) <= 600, "a request counts as 20 frames"
            assert users.growth() <= GROWTH_MAX
    asyncio.run(run())


def test_a_flood_of_requests_over_http_is_answered_with_429(fortress, report):
    user = unique("curious")

    def attack():
        return [rest.get(fortress.url + "/v1/history", user=user, with_="x") for _ in range(6 * HTTP_REQUESTS_PER_SECOND)]

    async def run():
        async with Users(fortress, report):
            return await asyncio.gather(*(asyncio.to_thread(attack) for _ in range(4)))
    answers = [answer for some in asyncio.run(run()) for answer in some]
    refused = [answer for answer in answers if answer.status != 200]
    assert refused and all(answer.is_error(429, "rate_limited") and int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    assert rest.get(fortress.url + "/v1/history", user=unique("other"), with_="x").status == 200


def test_a_flood_of_registrations_on_one_connection_counts_as_frames(tight, report):
    rate = 100  # and five seconds of it at once: the users send less
    gateway = tight("--session-frames-per-second", rate)
    registration = frame(TEXT, json.dumps({"type": "register", "from": unique("flip")}).encode())
    data = (registration + frame(TEXT, b'{"type":"unregister"}')) * 500
    seconds = 4.0

    def taken() -> int:
        return sum(rest.metric(gateway.url, f'simplechat_frames_received_total{{type="{kind}"}}') for kind in ("register", "unregister"))

    async def run():
        async with Users(gateway, report) as users:
            before = taken()
            began = time.monotonic()
            with await asyncio.to_thread(Attacker, gateway.ws_url) as attacker:
                await asyncio.to_thread(attacker.flood, data, seconds)
                count = taken() - before
                allowed = rate * (BURST_S + time.monotonic() - began + 1)
            assert rate * BURST_S <= count <= allowed, f"{count} were taken, {allowed:.0f} at most should have been"
            assert users.growth() <= GROWTH_MAX
    asyncio.run(run())
    assert limited(gateway, "frames") > 0 and limited(gateway, "throttled") > 0


# --- many connections ---


def test_one_address_has_so_many_connections_and_others_still_come(tight, report):
    gateway = tight("--connections-per-address-max", ADDRESS_CONNECTIONS_MAX)

    async def run():
        async with Users(gateway, report) as users:
            before = limited(gateway, "connections_per_address")
            with contextlib.ExitStack() as stack:
                held = [stack.enter_context(connected(gateway.ws_url)) for _ in range(ADDRESS_CONNECTIONS_MAX // 2)]  # silent
                websockets_held = []
                for number in range(ADDRESS_CONNECTIONS_MAX - len(held)):
                    await asyncio.sleep(0.021)  # within the rate of handshakes
                    websockets_held.append(stack.enter_context(Attacker(gateway.ws_url if number % 2 else api_websocket(gateway))))
                for url in (gateway.ws_url, gateway.url):
                    with connected(url) as peer:
                        assert await asyncio.to_thread(ended, peer, 5), "one more was let in"
                await one_more_joins(gateway)
                websockets_held[0].socket.close()

                def again():
                    with contextlib.suppress(OSError, EOFError), Attacker(gateway.ws_url):
                        return True
                    return False
                await eventually(lambda: asyncio.to_thread(again), bool, "a place that was given back")
            assert limited(gateway, "connections_per_address") >= before + 2
            assert users.growth() <= GROWTH_MAX
    asyncio.run(run())


def test_one_address_that_connects_again_and_again_is_refused_and_others_still_come(fortress, report):
    async def run():
        async with Users(fortress, report) as users:
            def attack() -> list[int]:
                answers = []
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline and answers.count(429) < 100:
                    with connected(fortress.ws_url) as peer:
                        peer.sendall(handshake_request(fortress.ws_url))
                        answers += statuses(peer.recv(4096)) or [0]
                return answers
            answers = await asyncio.to_thread(attack)
            assert answers.count(429) == 100 and answers.count(101) >= 100
            await one_more_joins(fortress)
            assert users.growth() <= GROWTH_MAX
    asyncio.run(run())
    assert limited(fortress, "handshakes_per_address") >= 100


def test_a_storm_of_handshakes_is_paced_and_all_get_in_at_last(tight):
    """As after a restart: everybody comes back at once."""
    gateway = tight("--handshakes-per-second", 20)
    refusals = []

    async def come_back(number: int) -> None:
        while True:
            try:
                async with Client.registered(gateway.ws_url, unique(f"user{number}")) as client:
                    await client.barrier()
                    return
            except websockets.InvalidStatusCode as refused:
                assert refused.status_code == 503
                refusals.append(int(refused.headers["Retry-After"]))
                await asyncio.sleep(0.3 + number / 100)

    async def run():
        async with Users(gateway, {}):
            began = time.monotonic()
            await asyncio.gather(*(come_back(number) for number in range(100)))
            assert time.monotonic() - began >= (100 - 20) / 20 / 2
    asyncio.run(run())
    assert refusals and min(refusals) >= 1
    assert limited(gateway, "handshakes") == len(refusals)


def test_behind_a_proxy_the_client_counts_and_not_the_proxy(tight):
    gateway = tight("--trusted-proxies", "127.0.0.2", "--connections-per-address-max", 3)

    def handshake(peer, forwarded: str | None) -> int:
        peer.sendall(handshake_request(gateway.ws_url, X_Forwarded_For=forwarded))
        return statuses(peer.recv(4096))[0]

    with contextlib.ExitStack() as stack:
        def arrive(forwarded: str | None, source: str = ATTACKER) -> int:
            return handshake(stack.enter_context(connected(gateway.ws_url, source=source)), forwarded)
        assert [arrive("203.0.113.9") for _ in range(4)] == [101, 101, 101, 429]
        assert arrive("1.2.3.4, 203.0.113.9") == 429, "what the client itself puts into the header is not believed"
        assert arrive("203.0.113.10") == 101
        assert [arrive("2001:db8::%x" % number) for number in range(4)] == [101, 101, 101, 429]
        assert [arrive(None) for _ in range(5)] == [101] * 5
        assert [arrive(f"203.0.113.{number}", source="127.0.0.3") for number in range(2)] == [101, 101]
        with pytest.raises((OSError, IndexError)):  # this one is no proxy: closed before it may say anything
            for number in range(3):
                arrive(f"203.0.113.{number}", source="127.0.0.3")


def test_a_user_has_so_many_sessions(tight):
    """Each message to a user is sent to all of them: they multiply what one connection may send."""
    gateway = tight("--threads", 1, "--user-sessions-max", 3)
    user = unique("many")

    async def run():
        async with contextlib.AsyncExitStack() as stack:
            sessions = [await stack.enter_async_context(Client.registered(gateway.ws_url, user)) for _ in range(3)]
            async with Client.connected(gateway.ws_url) as one_more:
                await one_more.send("register", from_=user)
                error = await one_more.expect_error("rate_limited")
                assert error["retryMs"] > 0
                await sessions[0].send("unregister")
                await sessions[0].expect("unregistered")
                await one_more.register(user)
            async with Client.registered(gateway.ws_url, unique("other")):
                pass
    asyncio.run(run())
    assert limited(gateway, "user_sessions") == 1


def test_the_sessions_of_a_user_share_the_users_rate_of_messages(tight):
    gateway = tight("--user-messages-per-second", 20)  # and a hundred at once
    user = unique("loud")

    async def run():
        async with contextlib.AsyncExitStack() as stack:
            sessions = [await stack.enter_async_context(Client.registered(gateway.ws_url, user)) for _ in range(4)]
            began = time.monotonic()
            for number in range(400):
                await sessions[number % 4].send("normal", to="nobody", payload="x", id=str(number))
            answers = [await sessions[number % 4].expect(None, lambda frame: "id" in frame and frame["type"] in ("ack", "error"))
                       for number in range(400)]
            refused = [answer for answer in answers if answer["type"] == "error"]
            assert {answer["code"] for answer in refused} == {"rate_limited"} and all(answer["retryMs"] > 0 for answer in refused)
            assert 100 <= 400 - len(refused) <= 100 + 20 * (time.monotonic() - began + 1)
            async with Client.registered(gateway.ws_url, unique("quiet")) as other:
                await other.say("nobody", "x")
    asyncio.run(run())
    assert limited(gateway, "user_messages") > 0


# --- what is kept in memory for a connection ---


def test_a_thousand_slow_consumers_keep_within_the_bound(tight, report):
    """Together they are sent ten times what the gateway may hold for its connections."""
    bound = 32 * MIB
    gateway = tight("--buffers-bytes-max", bound, "--connections-per-address-max", 0, "--handshakes-per-address-per-second", 0,
                    "--session-frames-per-second", 0, "--session-bytes-per-second", 0, "--user-sessions-max", 0, "--user-messages-per-second", 0)
    slow, user = 1000, unique("slow")
    registration = frame(TEXT, json.dumps({"type": "register", "from": user}).encode())

    async def run():
        with contextlib.ExitStack() as stack:
            def arrive():
                for _ in range(slow):
                    attacker = stack.enter_context(Attacker(gateway.ws_url, receive_buffer=4096))
                    attacker.send(registration)
                    attacker.receive()
            await asyncio.to_thread(arrive)
            async with Users(gateway, report) as users, Client.registered(gateway.ws_url, unique("fast")) as fast:
                growth = 0
                for number in range(60):
                    await fast.send("normal", to=user, payload="x" * 65536, id=str(number))
                    await fast.expect("ack")
                    growth = max(growth, users.growth())
                    if limited(gateway, "buffers") + limited(gateway, "outbox") >= slow / 2:
                        break
                assert growth <= 2 * bound + GROWTH_MAX  # counted is what waits; the buffers that it waits in grow in doublings
        assert limited(gateway, "buffers") >= slow / 4
    asyncio.run(run())


def test_messages_that_never_end_keep_within_the_bound(tight, report):
    bound = 16 * MIB
    gateway = tight("--buffers-bytes-max", bound, "--handshakes-per-address-per-second", 0)
    half = frame(TEXT, b"x" * 390_000)[:-1]

    async def run():
        async with Users(gateway, report) as users:
            def attack():
                with contextlib.ExitStack() as stack:
                    peers = [stack.enter_context(Attacker(gateway.ws_url)) for _ in range(200)]
                    for peer in peers:
                        with contextlib.suppress(OSError):
                            peer.send(half)
                    return sum(ended(peer.socket, 0.02) for peer in peers), users.growth()
            closed, growth = await asyncio.to_thread(attack)
            assert closed >= 100 and growth <= bound + GROWTH_MAX
    asyncio.run(run())
    assert limited(gateway, "buffers") >= 100


# --- bytes that are no WebSocket ---


BROKEN = {
    "an unmasked frame": (frame(TEXT, b"{}", masked=False), 1002),
    "reserved bit 1, which compression would set": (frame(TEXT, b"{}", reserved=4), 1002),
    "reserved bit 2": (frame(TEXT, b"{}", reserved=2), 1002),
    "reserved bit 3": (frame(TEXT, b"{}", reserved=1), 1002),
    "a reserved opcode": (frame(3, b"{}"), 1002),
    "a reserved control opcode": (frame(11, b""), 1002),
    "a ping of 126 bytes": (frame(PING, b"x" * 126), 1002),
    "a ping of 100 000 bytes": (frame(PING, b"x" * 100_000), 1002),
    "a fragmented ping": (frame(PING, b"x", fin=False), 1002),
    "a continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "a message within a message": (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002),
    "a length not in its shortest form": (bytes([0x81, 0xFE, 0, 2]) + b"mask{}", 1002),
    "a length of 2^63": (bytes([0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]) + b"mask", 1002),
    "a length of 2^62": (bytes([0x81, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0]) + b"mask", 1009),
    "invalid UTF-8 split over frames": (frame(TEXT, b'"\xe2', fin=False) + frame(CONTINUATION, b"\x28\xa1", fin=False), 1007),
    "a surrogate split over frames": (frame(TEXT, b'"\xed', fin=False) + frame(CONTINUATION, b"\xa0\x80", fin=False), 1007),
    "text that ends within a character": (frame(TEXT, b'"\xe2\x82', fin=False) + frame(CONTINUATION, b""), 1007),
    "binary": (frame(BINARY, b"\0" * 1000), 1003),
    "a close code that nobody may send": (frame(8, b"\x03\xed"), 1002),
    "a message of many tiny fragments": (frame(TEXT, b"x", fin=False) + frame(CONTINUATION, b"x", fin=False) * 397_312, 1009),
    "a message that is too large": (frame(TEXT, b"x" * 397_313)[:14], 1009),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1002),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_bytes_that_break_the_protocol_end_that_connection_only(fortress, report, broken):
    data, code = BROKEN[broken]

    async def run():
        async with Users(fortress, report) as users:
            with await asyncio.to_thread(registered_attacker, fortress) as attacker:
                sending = asyncio.create_task(asyncio.to_thread(_send_all, attacker, data))
                assert await asyncio.to_thread(attacker.close_code) == code
                await sending
            assert users.growth() <= GROWTH_MAX
    asyncio.run(run())


def _send_all(attacker: Attacker, data: bytes) -> None:
    with contextlib.suppress(OSError):
        attacker.send(data)


def test_fragments_without_content_are_read_at_the_rate_of_one_session(fortress, report):
    """They make no message, ever, and so no frame that could be counted: their bytes are."""
    seconds = 4.0

    async def run():
        async with Users(fortress, report) as users:
            with await asyncio.to_thread(registered_attacker, fortress) as attacker:
                attacker.send(frame(TEXT, b"", fin=False))
                sent = await asyncio.to_thread(attacker.flood, frame(CONTINUATION, b"", fin=False) * 20_000, seconds)
            assert sent <= (5 + seconds) * 2 * MIB + KERNEL_BYTES
            assert users.growth() <= GROWTH_MAX
    asyncio.run(run())


def test_compression_that_is_offered_is_not_taken(fortress):
    request = handshake_request(fortress.ws_url, Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits, x-webkit-deflate-frame")
    with connected(fortress.ws_url) as peer:
        peer.sendall(request)
        head = peer.recv(4096)
    assert head.startswith(b"HTTP/1.1 101 ") and b"extensions" not in head.lower()


# --- JSON ---


JSON_ATTACKS = {
    "deep arrays": (b"[" * 190_000 + b"]" * 190_000, "bad_json"),
    "deep objects": (b'{"a":' * 60_000 + b"1" + b"}" * 60_000, "bad_json"),
    "deep arrays in a field": (b'{"type":"ping","ref":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "bad_json"),
    "an open string": (b'{"type":"normal","payload":"' + b"x" * 300_000, "bad_json"),
    "a lone surrogate": (b'{"type":"normal","to":"x","id":"i","payload":"\\ud800"}', "bad_json"),
    "NUL": (b'{"type":"ping"}\0', "bad_json"),
    "a number of 300 000 digits": (b'{"type":"read","with":"x","at":' + b"9" * 300_000 + b"}", None),
    "a number beyond doubles": (b'{"type":"read","with":"x","at":1e999999999}', None),
    "a negative huge number": (b'{"type":"read","with":"x","at":-99999999999999999999}', None),
    "a huge limit": (b'{"type":"history","with":"x","limit":18446744073709551616}', None),
    "a fraction of many digits": (b'{"type":"read","with":"x","at":0.' + b"0" * 300_000 + b"1}", None),
    "a hundred thousand keys": (b'{"type":"dance",' + b",".join(b'"k%d":%d' % (n, n) for n in range(25_000)) + b"}", "unknown_type"),
    "not JSON at all": (b"\x00" * 1000, "bad_json"),
    "many values": (b"{}" * 100, "bad_json"),
}


@pytest.mark.parametrize("attack", JSON_ATTACKS)
def test_hostile_json_is_answered_with_an_error(fortress, report, attack):
    data, code = JSON_ATTACKS[attack]

    async def run():
        async with Users(fortress, report) as users:
            with await asyncio.to_thread(registered_attacker, fortress) as attacker:
                for _ in range(20):
                    attacker.send(frame(TEXT, data))
                    answer = json.loads(attacker.receive()[2])
                    assert answer["type"] == "error" and answer["code"] in ([code] if code else ["bad_frame", "bad_json"]), answer
                assert await asyncio.to_thread(pong_to, attacker, "alive")
            assert users.growth() <= GROWTH_MAX
    asyncio.run(run())


@pytest.mark.parametrize("extra", [b"", b'"~":0,'], ids=["short form", "full parser"])
def test_of_duplicate_keys_the_first_counts_for_every_reader(fortress, extra):
    """Nobody may be checked as one user and speak as another."""
    async def run():
        async with Client.registered(fortress.ws_url, unique("alice")) as alice, Client.registered(fortress.ws_url, unique("bob")) as bob:
            text = (b'{%s"type":"normal","from":"%s","from":"mallory","to":"%s","to":"nobody","id":"1","id":"2","payload":"first","payload":"second"}'
                    % (extra, alice.user.encode(), bob.user.encode()))
            await alice.send_text(text.decode())
            assert (await alice.expect("ack"))["id"] == "1"
            message = await bob.expect("normal")
            assert (message["from"], message["to"], message["id"], message["payload"]) == (alice.user, bob.user, "1", "first")
            await alice.send_text(text.replace(b'"from":"%s","from":"mallory"' % alice.user.encode(),
                                               b'"from":"mallory","from":"%s"' % alice.user.encode()).decode())
            await alice.expect_error("forbidden", id="1")
    asyncio.run(run())


# --- HTTP ---


@pytest.mark.parametrize("port", ["api", "ws"])
@pytest.mark.parametrize("header", [b"X: " + b"x" * 1_000_000, b"\r\n".join(b"X-%d: x" % n for n in range(100_000)), b"x" * 100_000,
                                    b"Cookie: " + b"a=b; " * 10_000], ids=["one long", "many", "no colon", "cookie"])
def test_a_huge_header_is_refused_with_431(fortress, report, port, header):
    url = fortress.url if port == "api" else fortress.ws_url

    async def run():
        async with Users(fortress, report) as users:
            answers = await asyncio.to_thread(exchange, url, b"GET /test HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")
            assert statuses(answers) in ([431], [400]), answers[:300]
            assert users.growth() <= GROWTH_MAX
    asyncio.run(run())


def test_a_huge_target_is_refused(fortress):
    assert statuses(exchange(fortress.url, b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")) in ([431], [400], [414])


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HIDING = {
    "Content-Length twice": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n",
    "Content-Length as a list": b"Content-Length: 0, %d\r\n\r\n",
    "Content-Length and chunked": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and Content-Length": b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, then identity": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"Content-Length : %d\r\n\r\n",
    "a space before the colon of Transfer-Encoding": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a negative Content-Length": b"Content-Length: -1\r\n\r\n",
    "a signed Content-Length": b"Content-Length: +%d\r\n\r\n",
    "a hexadecimal Content-Length": b"Content-Length: 0x%x\r\n\r\n",
    "a Content-Length beyond 64 bits": b"Content-Length: 18446744073709551616\r\n\r\n",
    "a NUL in a header": b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "bare line feeds": b"X: a\nContent-Length: 0\n\n",
    "a bare carriage return": b"X: a\rContent-Length: %d\r\n\r\n",
    "a chunk size that is none": b"Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n0\r\n\r\n",
    "a chunk longer than its size": b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
    "a negative chunk size": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two Hosts": b"Host: y\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("hiding", HIDING)
def test_a_request_that_another_reader_might_end_elsewhere_is_refused(fortress, hiding):
    head = HIDING[hiding].replace(b"%d", b"%d" % len(SMUGGLED)).replace(b"%x", b"%x" % len(SMUGGLED))
    version = b"1.0" if hiding.endswith("1.0") else b"1.1"
    answers = exchange(fortress.url, b"POST /send HTTP/%s\r\nHost: x\r\n" % version + head + SMUGGLED)
    assert statuses(answers) == [400], answers[:500]  # one answer: what follows is not read as a request


def test_a_folded_header_is_read_as_one_line(fortress):
    """RFC 9112 5.2: as if there were spaces."""
    answers = exchange(fortress.url, b"GET /test HTTP/1.1\r\nHost: x\r\nX: a\r\n Content-Length: 100\r\nContent-Length:\r\n 0\r\n\r\n" + SMUGGLED)
    assert statuses(answers) == [200, 404]


@pytest.mark.parametrize("line", [b"GET /test", b"GET /test HTTP/0.9", b"GET /test HTTP/2.0", b"GET  /test HTTP/1.1", b"GET /te st HTTP/1.1",
                                  b"G\0T /test HTTP/1.1", b"PRI * HTTP/2.0", b"GET /test\tHTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"],
                         ids=repr)
def test_a_request_line_that_is_none_is_refused(fortress, line):
    answers = exchange(fortress.url, line + b"\r\nHost: x\r\n\r\n")
    assert statuses(answers) in ([400], [505]), answers[:500]


@pytest.mark.parametrize("target", [
    "/client/../../../../etc/passwd", "/client/..%2f..%2f..%2fetc%2fpasswd", "/client/%2e%2e/%2e%2e/etc/passwd", "/client/%252e%252e%252fetc%252fpasswd",
    "/client/..%c0%af..%c0%afetc/passwd", "/client/..\\..\\etc\\passwd", "/client/..%5c..%5cetc%5cpasswd", "/client/%00/etc/passwd",
    "/client/index.html%00.js", "/client//etc/passwd", "/client/....//....//etc/passwd", "/client/./../../etc/passwd", "/client/file:///etc/passwd",
    "/client%2f..%2f..%2fetc%2fpasswd", "/client/..;/etc/passwd", "/client/%uff0e%uff0e/etc/passwd", "//etc/passwd", "/../../etc/passwd"])
def test_no_path_leads_out_of_the_page(fortress, target):
    answer = rest.get(fortress.url + target)
    assert answer.is_error(404, "not_found") and b"root:" not in answer.body


# --- pages of other origins ---


def test_pages_of_other_origins_may_not_connect(fortress, tight):
    host = urllib.parse.urlsplit(fortress.ws_url).hostname

    def status(gateway, origin: str | None, url: str | None = None) -> tuple[int, bytes]:
        url = url or gateway.ws_url
        answer = exchange(url, handshake_request(url, Origin=origin), 0.3)
        return statuses(answer)[0], answer

    for url in (fortress.ws_url, api_websocket(fortress)):
        assert status(fortress, None, url)[0] == 101
        assert status(fortress, f"http://{host}:1234", url)[0] == 101
        for origin in ("https://evil.example", f"http://{host}.evil.example", "null", f"file://{host}"):
            refused, answer = status(fortress, origin, url)
            assert refused == 403 and json.loads(answer.split(b"\r\n\r\n", 1)[1])["code"] == "forbidden"
    assert limited(fortress, "origin") == 8
    listed = tight("--allowed-origins", "https://chat.example,https://app.example:8443")
    assert [status(listed, origin)[0] for origin in ("https://chat.example", "https://app.example:8443", f"http://{host}", "http://chat.example")] == [
        101, 101, 403, 403]
    assert status(tight("--allowed-origins", "*"), "https://evil.example")[0] == 101


def test_no_page_of_another_origin_may_read_the_api(fortress):
    """CORS is off: browsers keep the answer from the page."""
    answer = rest.call("GET", fortress.url + "/v1/sync?user=alice", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert rest.call("OPTIONS", fortress.url + "/v1/sync", headers={"Origin": "https://evil.example",
                                                                   "Access-Control-Request-Method": "GET"}).status == 405
