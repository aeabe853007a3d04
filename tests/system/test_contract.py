"""Every frame of the wire contract, section 2, in one process and over two gateways."""

import asyncio
import contextlib
import time

import pytest

import rest
from chat import PAYLOAD_BYTES_MAX, Client, body_of, eventually, pair, unique

TEXTS = {
    "ascii": "hello",
    "escapes": "\"quoted\" \\ / \b\f\n\r\t",
    "null": "before\u0000after",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f",
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇪🇺",
    "right to left": "مرحبا بالعالم — שלום עולם \u202e!\u202c",
    "cjk": "床前明月光，疑是地上霜。",
    "combining": "e\u0301 Z\u0351\u036b\u0343 \u200b\ufeff",
    "last code points": "\U0010ffff \uffff \u2028\u2029",
    "json": '{"type":"normal","to":"#x","payload":"not this"}',
    "64 KiB": "x" * PAYLOAD_BYTES_MAX,
    "64 KiB escaped": "\u0001" * PAYLOAD_BYTES_MAX,
    "64 KiB in four-byte characters": "🙂" * (PAYLOAD_BYTES_MAX // 4),
}


def now_us() -> int:
    return time.time_ns() // 1000


# --- register, unregister ---


def test_register_unregister_and_register_again(deployment):
    async def run():
        async with Client.connected(deployment.near.ws_url) as client:
            for user in (unique("first"), unique("second")):
                answer = await client.register(user, device="phone")
                assert answer["user"] == user
                assert isinstance(answer["session"], str) and answer["session"]
                assert abs(answer["at"] - now_us()) < 60_000_000
                await client.send("unregister")
                assert await client.expect("unregistered") == {"type": "unregistered"}
                await client.send("normal", to="somebody", payload="after unregister", id="x")
                await client.expect_error("not_registered", id="x")
    asyncio.run(run())


def test_a_session_that_unregistered_receives_nothing(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            user = bob.user
            await bob.send("unregister")
            await bob.expect("unregistered")
            async with Client.registered(deployment.far.ws_url, user) as witness:
                await alice.say(user, "for the registered one")
                await witness.expect("normal")
                await bob.barrier()
                assert bob.of("normal") == []
    asyncio.run(run())


def test_register_twice_is_refused_and_the_first_stays(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            await bob.send("register", from_=unique("other"))
            await bob.expect_error("already_registered")
            await alice.say(bob.user, "still bob")
            assert (await bob.expect("normal"))["payload"] == "still bob"
    asyncio.run(run())


def test_users_may_be_integers(deployment):
    """As the original's load test sends them."""
    async def run():
        number = int(unique("")[1:], 16) % 10**12
        async with Client.registered(deployment.near.ws_url, number) as sender:
            assert sender.user == str(number)
            async with Client.registered(deployment.far.ws_url, str(number + 1)) as recipient:
                await sender.send("normal", from_=number, to=number + 1, payload="as the original writes it")
                ack = await sender.expect("ack")
                assert ack["to"] == str(number + 1)
                message = await recipient.expect("normal")
                assert (message["from"], message["to"]) == (str(number), str(number + 1))
                assert message["id"] == ack["id"] and message["at"] == ack["at"]
    asyncio.run(run())


@pytest.mark.parametrize("user", ["a", "A.b_c-d@e+f", "x" * 64, "0"])
def test_every_form_of_user_id(deployment, user):
    async def run():
        async with Client.registered(deployment.near.ws_url, user) as client:
            assert client.user == user
    asyncio.run(run())


# --- messages ---


def test_a_message_is_acked_and_delivered(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            ack = await alice.say(bob.user, "hello", id="greeting ~1~")
            assert ack == {"type": "ack", "id": "greeting ~1~", "to": bob.user, "at": ack["at"]}
            assert abs(ack["at"] - now_us()) < 60_000_000
            assert await bob.expect("normal") == {"type": "normal", "id": "greeting ~1~", "from": alice.user, "to": bob.user,
                                                  "payload": "hello", "at": ack["at"]}
    asyncio.run(run())


def test_a_message_without_an_id_gets_one(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            for payload in ("first", "second"):
                await alice.send("normal", to=bob.user, payload=payload)
            acks = [await alice.expect("ack") for _ in range(2)]
            messages = [await bob.expect("normal") for _ in range(2)]
            assert {ack["id"] for ack in acks} == {message["id"] for message in messages}
            assert len({ack["id"] for ack in acks}) == 2
            assert all(1 <= len(ack["id"]) <= 64 for ack in acks)
            assert acks[0]["at"] < acks[1]["at"]
    asyncio.run(run())


@pytest.mark.parametrize("name", TEXTS)
def test_text_arrives_and_is_stored_byte_for_byte(deployment, name):
    async def run():
        async with pair(deployment) as (alice, bob):
            await alice.say(bob.user, TEXTS[name], id="text")
            assert (await bob.expect("normal"))["payload"] == TEXTS[name]
            page = await eventually(lambda: bob.request("history", with_=alice.user), lambda page: page["messages"], "the stored message")
            assert page["messages"][0]["payload"] == TEXTS[name]
    asyncio.run(run())


def test_escaped_json_means_the_same_text(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            await alice.send_text(r'{"type":"\u006eormal","to":"%s","id":"e","payload":"\u00e9\ud83d\ude00\u0000\/"}' % bob.user)
            await alice.expect("ack")
            assert (await bob.expect("normal"))["payload"] == "é😀\0/"
    asyncio.run(run())


def test_a_message_to_oneself_reaches_the_sending_session_too(deployment):
    async def run():
        user = unique("me")
        async with Client.registered(deployment.near.ws_url, user) as here, Client.registered(deployment.far.ws_url, user) as there:
            await here.say(user, "note to self", id="note")
            assert (await here.expect("normal"))["payload"] == "note to self"
            assert (await there.expect("normal"))["payload"] == "note to self"
            page = await eventually(lambda: here.request("sync"), lambda page: page["messages"], "the stored note")
            assert [message["id"] for message in page["messages"]] == ["note"]
    asyncio.run(run())


def test_all_sessions_of_both_users_but_the_sending_one(deployment):
    async def run():
        alice, bob = unique("alice"), unique("bob")
        async with contextlib.AsyncExitStack() as stack:
            async def session(gateway, user):
                return await stack.enter_async_context(Client.registered(gateway.ws_url, user))
            sending = await session(deployment.near, alice)
            others = [await session(gateway, user) for gateway in (deployment.near, deployment.far) for user in (alice, bob)]
            ack = await sending.say(bob, "to all", id="m")
            for other in others:
                message = await other.expect("normal")
                assert (message["id"], message["at"]) == ("m", ack["at"])
            await sending.barrier()
            assert sending.of("normal") == []
    asyncio.run(run())


def test_typing_reaches_the_other_and_is_not_stored(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            await alice.send("typing", to=bob.user)
            assert await bob.expect("typing") == {"type": "typing", "from": alice.user, "to": bob.user}
            await alice.barrier()
            assert alice.frames == []
            await alice.say(bob.user, "typed", id="only")
            page = await eventually(lambda: bob.request("sync"), lambda page: page["messages"], "the stored message")
            assert [message["id"] for message in page["messages"]] == ["only"]
    asyncio.run(run())


@pytest.mark.parametrize("kind", ["received", "read"])
def test_marks_are_forwarded_and_stored(deployment, kind):
    async def run():
        async with pair(deployment) as (alice, bob):
            acks = [await alice.say(bob.user, text, id=text) for text in ("one", "two", "three")]
            await bob.send(kind, with_=alice.user, at=acks[1]["at"])
            assert await alice.expect(kind) == {"type": kind, "from": bob.user, "with": alice.user, "at": acks[1]["at"]}
            async def conversation():
                listed = (await bob.request("conversations"))["conversations"]
                return listed[0] if listed else {"last": {"id": None}, "unread": -1, "readAt": -1}
            unread, read_at = (1, acks[1]["at"]) if kind == "read" else (3, 0)
            entry = await eventually(conversation, lambda entry: entry["last"]["id"] == "three" and entry["unread"] == unread,
                                     f"three messages, {unread} of them unread")
            assert entry["readAt"] == read_at
            # A mark is a high-water mark: an older one changes nothing.
            await bob.send(kind, with_=alice.user, at=acks[0]["at"])
            await bob.say(alice.user, "later", id="later")
            entry = await eventually(conversation, lambda entry: entry["last"]["id"] == "later", "the later message")
            assert (entry["unread"], entry["readAt"]) == (unread, read_at)
    asyncio.run(run())


def test_ping_is_answered_registered_or_not(deployment):
    async def run():
        async with Client.connected(deployment.near.ws_url) as client:
            times = []
            for ref in ("a", 'quoted " ref', 17, None):
                await client.send("ping", ref=ref)
                pong = await client.expect("pong")
                assert pong.get("ref") == ref
                times.append(pong["at"])
            assert times == sorted(times)
            await client.register(unique("pinging"))
            await client.send("ping")
            assert set(await client.expect("pong")) == {"type", "at"}
    asyncio.run(run())


def test_times_rise_and_answers_sort_after_what_they_answer(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            last = 0
            for number in range(10):
                for sender, recipient in ((alice, bob), (bob, alice)):
                    await sender.send("normal", to=recipient.user, payload=str(number))
                    message = await recipient.expect("normal")
                    assert message["at"] > last
                    last = message["at"]
    asyncio.run(run())


# --- history, sync, conversations ---


def test_history_pages(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            for number in range(25):
                sender, recipient = ((alice, bob), (bob, alice))[number % 2]
                await sender.say(recipient.user, f"message {number}", id=f"m{number}")
            def read(**fields):
                return alice.request("history", with_=bob.user, **fields)
            page = await eventually(read, lambda page: len(page["messages"]) == 25, "25 stored messages")
            every = page["messages"]
            assert set(page) == {"type", "ref", "with", "messages", "more"}
            assert page["with"] == bob.user and page["more"] is False
            assert [message["id"] for message in every] == [f"m{number}" for number in range(25)]
            assert [message["at"] for message in every] == sorted(message["at"] for message in every)
            assert every[1] == {"id": "m1", "from": bob.user, "to": alice.user, "payload": "message 1", "at": every[1]["at"]}

            newest = await read(limit=10)
            assert newest["messages"] == every[15:] and newest["more"] is True
            before = await read(limit=10, before=every[15]["at"])
            assert before["messages"] == every[5:15] and before["more"] is True
            oldest = await read(limit=10, before=every[5]["at"])
            assert oldest["messages"] == every[:5] and oldest["more"] is False
            after = await read(limit=10, after=every[4]["at"])
            assert after["messages"] == every[5:15] and after["more"] is True
            last = await read(limit=10, after=every[14]["at"])
            assert last["messages"] == every[15:] and last["more"] is False
            assert (await read(after=every[24]["at"]))["messages"] == []
            assert (await bob.request("history", with_=alice.user))["messages"] == every
            assert (await alice.request("history", with_=unique("nobody")))["messages"] == []
    asyncio.run(run())


def test_history_has_50_by_default_and_200_at_most(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            for number in range(203):
                await alice.send("normal", to=bob.user, payload=str(number), id=str(number))
            for _ in range(203):
                await alice.expect("ack")
            page = await eventually(lambda: bob.request("history", with_=alice.user, limit=200),
                                    lambda page: len(page["messages"]) == 200 and page["more"], "203 stored messages")
            assert page["messages"][-1]["id"] == "202"
            assert len((await bob.request("history", with_=alice.user))["messages"]) == 50
            assert [message["id"] for message in await bob.history_all(alice.user, limit=7)] == [str(n) for n in range(203)]
    asyncio.run(run())


def test_a_sync_chain_brings_each_message_once(deployment):
    async def run():
        async with pair(deployment) as (alice, bob), Client.registered(deployment.near.ws_url, unique("carol")) as carol:
            sent = []
            async def say(sender, recipient):
                sent.append(f"m{len(sent)}")
                await sender.say(recipient.user, "text of " + sent[-1], id=sent[-1])
            for _ in range(4):
                for sender, recipient in ((alice, bob), (bob, alice), (carol, alice), (alice, carol), (alice, alice)):
                    await say(sender, recipient)
            got, cursor = [], None
            async def sync_on():
                nonlocal cursor
                page = await alice.request("sync", cursor=cursor, limit=3)
                assert set(page) == {"type", "ref", "messages", "cursor", "more"}
                assert len(page["messages"]) <= 3 and (page["messages"] or not page["more"])
                got.extend(page["messages"])
                cursor = page["cursor"]
                return page
            await eventually(sync_on, lambda page: len(got) >= 20, "20 messages in sync")
            await say(bob, alice)
            await say(alice, carol)
            await say(bob, carol)  # not alice's
            await eventually(sync_on, lambda page: len(got) >= 22, "two more messages in sync")
            assert (await sync_on())["messages"] == [] and (await sync_on())["more"] is False
            assert sorted(message["id"] for message in got) == sorted(sent[:22])
            again, _ = await alice.sync_all(limit=5)
            assert sorted(map(body_of, again)) == sorted(map(body_of, got))
    asyncio.run(run())


def test_the_latest_cursor_leaves_the_past_to_the_history(deployment):
    async def run():
        async with pair(deployment) as (alice, bob):
            await alice.say(bob.user, "long ago", id="old")
            await eventually(lambda: bob.request("sync"), lambda page: page["messages"], "the stored message")
            latest = await bob.request("sync", latest=True)
            assert latest["messages"] == [] and latest["more"] is False
            over_http = rest.get(deployment.near.url + "/v1/sync", user=bob.user, latest="true").json
            assert (over_http["messages"], over_http["more"], over_http["cursor"]) == ([], False, latest["cursor"])
            await alice.say(bob.user, "just now", id="new")
            page = await eventually(lambda: bob.request("sync", cursor=latest["cursor"]), lambda page: page["messages"], "the new message")
            assert [message["id"] for message in page["messages"]] == ["new"]
            await bob.send("sync", latest=True, cursor=latest["cursor"])
            await bob.expect_error("bad_frame")
    asyncio.run(run())


@pytest.mark.parametrize("character", ["x", "\u0001"], ids=["plain", "all escaped"])
def test_pages_of_the_largest_messages(deployment, character):
    """A page may hold fewer messages than its limit, but following it brings them all."""
    async def run():
        async with pair(deployment) as (alice, bob):
            for number in range(60):
                await alice.send("normal", to=bob.user, payload=character * PAYLOAD_BYTES_MAX, id=str(number))
                await alice.expect("ack")
                await bob.expect("normal")  # has read it: bob shall not be taken for slow
            async def synced():
                return (await bob.sync_all())[0]
            messages = await eventually(synced, lambda messages: len(messages) >= 60, "60 messages in sync")
            assert sorted(int(message["id"]) for message in messages) == list(range(60))
            assert [message["id"] for message in await bob.history_all(alice.user)] == [str(number) for number in range(60)]
            assert sorted(message["id"] for message in rest.sync_all(deployment.near.url, bob.user)) == sorted(map(str, range(60)))
    asyncio.run(run())


def test_conversations_newest_first(deployment):
    async def run():
        async with Client.registered(deployment.near.ws_url, unique("me")) as me, contextlib.AsyncExitStack() as stack:
            others = [await stack.enter_async_context(Client.registered(deployment.far.ws_url, unique("other"))) for _ in range(5)]
            for count, other in enumerate(others):
                for number in range(count + 1):
                    await other.say(me.user, f"message {number}", id=f"{number}")
            await me.say(others[0].user, "mine is not unread", id="mine")
            async def newest():
                return await me.request("conversations")
            page = await eventually(newest, lambda page: sum(entry["unread"] for entry in page["conversations"]) == 15
                                    and page["conversations"][0]["last"]["id"] == "mine", "all conversations")
            entries = page["conversations"]
            assert set(page) == {"type", "ref", "conversations", "more"} and page["more"] is False
            assert [entry["with"] for entry in entries] == [other.user for other in (others[0], *others[:0:-1])]
            assert [entry["unread"] for entry in entries] == [1, 5, 4, 3, 2]
            assert entries[1]["last"] == {"id": "4", "from": others[4].user, "to": me.user, "payload": "message 4",
                                          "at": entries[1]["last"]["at"]}
            first = await me.request("conversations", limit=2)
            assert first["conversations"] == entries[:2] and first["more"] is True
            rest_of_it = await me.request("conversations", before=entries[1]["last"]["at"])
            assert rest_of_it["conversations"] == entries[2:] and rest_of_it["more"] is False
    asyncio.run(run())


def test_a_burst_of_requests_is_answered_each(deployment):
    async def run():
        async with Client.registered(deployment.near.ws_url, unique("busy")) as client:
            refs = [f"r{number}" for number in range(200)]
            await asyncio.gather(*(client.send("history", with_="somebody", ref=ref) for ref in refs))
            answered = {}
            while len(answered) < len(refs):
                answer = await client.expect(None)
                assert answer["ref"] not in answered
                answered[answer["ref"]] = answer
            for answer in answered.values():
                assert answer["type"] == "history" or (answer["code"] == "rate_limited" and answer["retryMs"] > 0), answer
            await client.request("history", with_="somebody")
    asyncio.run(run())
