"""The store is behind: what was acked is not in it yet, while sync answers already."""

import asyncio
import contextlib

import psycopg2
import pytest

from chat import Client, eventually, unique

TOLD_WITHIN_S = 15  # the contract's 10 s after a fault's end, and what a busy machine adds
LOOKED_AFTER_S = 2  # when a gateway looks at a registration once more


@contextlib.contextmanager
def open_transaction(cluster, statement: str):
    connection = psycopg2.connect(cluster.db_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        yield
    finally:
        connection.close()  # without a commit


@pytest.fixture
def held_store(cluster):
    """Begins to hold up every write into the messages when entered, while reading goes on."""
    return lambda: open_transaction(cluster, "LOCK TABLE message IN EXCLUSIVE MODE")


@pytest.fixture
def held_order(cluster):
    """A transaction that has written something somewhere stays open when entered: what others commit meanwhile is stored, but not shown by sync."""
    return lambda: open_transaction(cluster, "SELECT pg_current_xact_id()")


async def synced(client: Client, cursor: str | None = None) -> tuple[set[str], str]:
    messages, cursor = await client.sync_all(cursor)
    return {message["id"] for message in messages}, cursor


@pytest.mark.parametrize("held_for_s", [pytest.param(0, id="just-after-the-first-sync"), pytest.param(LOOKED_AFTER_S + 1, id="late")])
def test_who_registers_between_ack_and_commit_is_told_to_resync(cluster, held_store, held_for_s):
    async def run():
        near, far = cluster.gateways
        bob_id = unique("bob")
        async with Client.registered(near.ws_url, unique("alice")) as alice, Client.connected(far.ws_url) as bob:
            with held_store():
                ack = await alice.say(bob_id, "you were not there")
                await bob.register(bob_id)
                seen, cursor = await synced(bob)
                assert not seen, "the store has it not yet"
                await asyncio.sleep(held_for_s)
                # One that comes now is of another cause, such as a gateway that a test before has killed: a sync would not show it.
                bob.frames[:] = [frame for frame in bob.frames if frame["type"] != "resync"]
            await bob.expect("resync", seconds=TOLD_WITHIN_S)
            assert (await synced(bob, cursor))[0] == {ack["id"]}
    asyncio.run(run())


@pytest.mark.parametrize(("registered_for_s", "held_for_s"), [(0, LOOKED_AFTER_S - 1), (0, 2 * LOOKED_AFTER_S + 1), (LOOKED_AFTER_S + 1, 0)],
                         ids=["until-the-registration-is-looked-at", "for-longer", "long-after-the-registration"])
def test_who_syncs_while_the_store_withholds_something_is_told_when_it_does_no_more(cluster, held_order, registered_for_s, held_for_s):
    async def run():
        near, far = cluster.gateways
        bob_id = unique("bob")
        async with Client.registered(near.ws_url, unique("alice")) as alice, Client.connected(far.ws_url) as bob:
            if registered_for_s:
                await bob.register(bob_id)
                await asyncio.sleep(registered_for_s)
            with held_order():
                ack = await alice.say(bob_id, "stored, and not in the order yet")
                await eventually(lambda: alice.history_all(bob_id), lambda messages: len(messages) == 1, "the message is stored")
                if not registered_for_s:
                    await bob.register(bob_id)
                seen, cursor = await synced(bob)
                assert not seen, "another transaction might still put something before it"
                await asyncio.sleep(held_for_s)
                bob.frames[:] = [frame for frame in bob.frames if frame["type"] != "resync"]
            await bob.expect("resync", seconds=TOLD_WITHIN_S)
            assert (await synced(bob, cursor))[0] == {ack["id"]}
    asyncio.run(run())


def test_who_saw_everything_is_told_nothing(cluster):
    """A machine that is busy may store late, which is told; not each time."""
    async def told() -> bool:
        near, far = cluster.gateways
        async with Client.registered(near.ws_url, unique("alice")) as alice, Client.registered(far.ws_url, unique("bob")) as bob:
            await synced(bob)
            await alice.say(bob.user, "live")
            await bob.expect("normal")
            await bob.say(alice.user, "back")
            await alice.expect("normal")
            await asyncio.sleep(LOOKED_AFTER_S + 1)
            return bool(alice.of("resync") or bob.of("resync"))

    async def run():
        assert not all([await told() for _ in range(3)])
    asyncio.run(run())
