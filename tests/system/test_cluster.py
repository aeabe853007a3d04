"""Two gateways and more: what one process cannot show."""

import asyncio
import contextlib
import itertools

import pytest

import rest
from chat import Client, body_of, eventually, unique

LEASE_MS = 2000


async def record_of(cluster, user: str):
    return rest.get(f"{cluster.discover.url}/get/{user}").json["value"]


def test_messages_cross_in_both_directions(cluster):
    near, far = cluster.gateways

    async def run():
        async with Client.registered(near.ws_url, unique("alice")) as alice, Client.registered(far.ws_url, unique("bob")) as bob:
            for number in range(100):
                for sender, recipient in ((alice, bob), (bob, alice)):
                    await sender.send("normal", to=recipient.user, payload=f"ping {number} 🏓", id=f"m{number}")
            for sender, recipient in ((alice, bob), (bob, alice)):
                for number in range(100):
                    message = await recipient.expect("normal", lambda frame: frame["id"] == f"m{number}" and frame["from"] == sender.user)
                    ack = await sender.expect("ack", lambda frame: frame["id"] == f"m{number}")
                    assert message["at"] == ack["at"]
            await alice.barrier()
            await bob.barrier()
            assert alice.frames == bob.frames == []
    asyncio.run(run())


def test_both_users_on_both_gateways(cluster):
    async def run():
        alice, bob = unique("alice"), unique("bob")
        async with contextlib.AsyncExitStack() as stack:
            sessions = {(user, gateway.name): await stack.enter_async_context(Client.registered(gateway.ws_url, user))
                        for user in (alice, bob) for gateway in cluster.gateways}
            for number, ((user, _), sending) in enumerate(sessions.items()):
                await sending.say(bob if user == alice else alice, "to every session but mine", id=f"m{number}")
                for other in sessions.values():
                    if other is not sending:
                        await other.expect("normal", lambda frame: frame["id"] == f"m{number}")
            for session in sessions.values():
                await session.barrier()
                assert session.frames == []
    asyncio.run(run())


def test_the_record_is_there_after_registered_and_gone_after_the_close(cluster):
    near, far = cluster.gateways

    async def run():
        user = unique("user")
        async with Client.registered(near.ws_url, user) as client:
            assert await record_of(cluster, user) == near.url
            await client.send("unregister")
            await client.expect("unregistered")
            await eventually(lambda: record_of(cluster, user), lambda url: url is None, "the record's end after unregister")
            await client.register(user)
            assert await record_of(cluster, user) == near.url
        await eventually(lambda: record_of(cluster, user), lambda url: url is None, "the record's end after the close")
        async with Client.registered(far.ws_url, user):
            assert await record_of(cluster, user) == far.url
    asyncio.run(run())


def test_a_user_who_moves_to_the_other_gateway(cluster):
    async def run():
        user = unique("mover")
        async with Client.registered(cluster.gateways[0].ws_url, unique("alice")) as alice:
            for number in range(10):
                async with Client.registered(cluster.gateways[number % 2].ws_url, user) as mover:
                    await alice.say(user, "where you are now", id=f"m{number}")
                    await mover.expect("normal", lambda frame: frame["id"] == f"m{number}")
    asyncio.run(run())


def test_what_goes_where_its_user_was_last_found_arrives_once_wherever_the_user_is_now(cluster):
    near, far = cluster.gateways
    numbers = itertools.count()

    def hinted(look_up: str) -> int:
        return rest.metric(near.url, f'simplechat_hinted_frames_total{{look_up="{look_up}"}}')

    async def talk(sender: Client, sessions: list[Client]) -> None:
        ids = [f"m{next(numbers)}" for _ in range(10)]
        for message_id in ids:
            await sender.say(sessions[0].user, "one after the other", id=message_id)
        for session in sessions:
            for message_id in ids:
                assert (await session.expect("normal"))["id"] == message_id
            await session.barrier()
            assert session.frames == []

    async def run():
        bob = unique("bob")
        async with Client.registered(near.ws_url, unique("alice")) as alice, Client.registered(far.ws_url, bob) as first:
            before = hinted("confirmed")
            await talk(alice, [first])
            assert hinted("confirmed") >= before + 8
            async with Client.registered(near.ws_url, bob) as second:
                await talk(alice, [first, second])
                await first.send("unregister")
                await first.expect("unregistered")
                before = hinted("refuted")
                await talk(alice, [second])
                assert hinted("refuted") > before
                async with Client.registered(far.ws_url, bob) as third:
                    await talk(alice, [second, third])
    asyncio.run(run())


@pytest.mark.parametrize("same_gateway", [True, False])
def test_the_late_close_of_an_old_connection_does_not_hide_the_new_one(cluster, same_gateway):
    near, far = cluster.gateways

    async def run():
        user = unique("user")
        async with Client.registered(near.ws_url, unique("alice")) as alice:
            for number in range(15):
                async with contextlib.AsyncExitStack() as old:
                    await old.enter_async_context(Client.registered(far.ws_url, user))
                    async with Client.registered((far if same_gateway else near).ws_url, user) as new:
                        await old.aclose()
                        await alice.say(user, "still here", id=f"m{number}")
                        await new.expect("normal", lambda frame: frame["id"] == f"m{number}")
                        located = rest.post(cluster.discover.url + "/v1/locate", {"users": [user]}).json["gateways"][0]
                        assert (far if same_gateway else near).url in located
    asyncio.run(run())


def test_who_was_offline_finds_everything_in_history_and_sync(cluster):
    near, far = cluster.gateways

    async def run():
        bob = unique("bob")
        async with Client.registered(near.ws_url, unique("alice")) as alice:
            acks = [await alice.say(bob, f"while you were away {number}", id=f"m{number}") for number in range(20)]
        async with Client.registered(far.ws_url, bob) as back:
            page = await eventually(lambda: back.request("history", with_=alice.user), lambda page: len(page["messages"]) == 20, "20 messages")
            assert [(message["id"], message["at"]) for message in page["messages"]] == [(ack["id"], ack["at"]) for ack in acks]
            synced, _ = await back.sync_all(limit=6)
            assert sorted(map(body_of, synced)) == sorted(map(body_of, page["messages"]))
    asyncio.run(run())


def test_a_repeated_id_is_acked_each_time_and_stored_once(cluster):
    async def run():
        alice, bob = unique("alice"), unique("bob")
        async with contextlib.AsyncExitStack() as stack:
            sessions = [await stack.enter_async_context(Client.registered(gateway.ws_url, alice)) for gateway in cluster.gateways]
            for _ in range(3):
                await asyncio.gather(*(session.say(bob, "once", id="same") for session in sessions))
            await sessions[0].say(alice, "to another: another message", id="same")
            await sessions[1].say(bob, "the end", id="end")
            reader = sessions[1]
            await eventually(lambda: reader.request("history", with_=bob),
                             lambda page: {"same", "end"} == {message["id"] for message in page["messages"]}, "both messages")
            page = await reader.request("history", with_=bob)
            assert [(message["id"], message["payload"]) for message in page["messages"]] == [("same", "once"), ("end", "the end")]
            synced, _ = await reader.sync_all()
            assert sorted((message["to"], message["id"]) for message in synced) == sorted([(alice, "same"), (bob, "same"), (bob, "end")])
    asyncio.run(run())


def test_a_killed_gateway_disappears_with_its_lease(cluster, another_gateway):
    near, _ = cluster.gateways
    doomed = another_gateway("--lease-ms", LEASE_MS)

    async def run():
        user = unique("stranded")
        async with Client.registered(near.ws_url, unique("alice")) as alice, Client.registered(doomed.ws_url, user):
            await alice.say(user, "before", id="before")
            assert await record_of(cluster, user) == doomed.url
            doomed.kill()
            # The record still names it: the message is accepted, stored, and nobody goes round in circles.
            await alice.say(user, "while the record is wrong", id="between")
            await eventually(lambda: record_of(cluster, user), lambda url: url is None, "the end of the dead gateway's lease")
            await alice.say(user, "after", id="after")
        async with Client.registered(near.ws_url, user) as back:
            page = await eventually(lambda: back.request("history", with_=alice.user), lambda page: len(page["messages"]) == 3, "3 messages")
            assert [message["id"] for message in page["messages"]] == ["before", "between", "after"]
            await alice_says_live(cluster, back)
    asyncio.run(run())


def test_a_record_of_a_killed_gateway_hides_no_live_session(cluster, another_gateway):
    near, far = cluster.gateways
    doomed = another_gateway("--lease-ms", 60_000)

    async def run():
        user = unique("both")
        async with Client.registered(doomed.ws_url, user), Client.registered(far.ws_url, user) as alive:
            doomed.kill()
            located = rest.post(cluster.discover.url + "/v1/locate", {"users": [user]}).json["gateways"][0]
            assert sorted(located) == sorted([doomed.url, far.url])
            async with Client.registered(near.ws_url, unique("alice")) as alice:
                for number in range(20):
                    await alice.say(user, "to the living", id=f"m{number}")
                    await alive.expect("normal", lambda frame: frame["id"] == f"m{number}")
    asyncio.run(run())


def test_a_gateway_that_starts_again_on_the_same_address(cluster, another_gateway):
    """Its users' old records are of another incarnation, and only who registers again is found."""
    near, _ = cluster.gateways
    restarted = another_gateway("--lease-ms", LEASE_MS)

    async def run():
        back, gone = unique("back"), unique("gone")
        async with Client.registered(restarted.ws_url, back), Client.registered(restarted.ws_url, gone):
            restarted.kill()
        restarted.start_ready()
        async with Client.registered(restarted.ws_url, back) as client:
            await eventually(lambda: record_of(cluster, gone), lambda url: url is None, "the end of the earlier incarnation's record")
            assert await record_of(cluster, back) == restarted.url
            await alice_says_live(cluster, client)
    asyncio.run(run())


def test_a_gateway_that_stops_takes_its_records_along(cluster, another_gateway):
    stopping = another_gateway("--lease-ms", 60_000)

    async def run():
        user = unique("user")
        async with Client.registered(stopping.ws_url, user) as client:
            assert await record_of(cluster, user) == stopping.url
            status = await asyncio.to_thread(stopping.stop)
            assert await client.closed() == 1001
            assert client.of("draining")
            assert status == 0
            assert await record_of(cluster, user) is None
    asyncio.run(run())


async def alice_says_live(cluster, recipient: Client) -> None:
    async with Client.registered(cluster.gateways[0].ws_url, unique("alice")) as alice:
        await alice.say(recipient.user, "live", id="live")
        await recipient.expect("normal", lambda frame: frame["id"] == "live")
