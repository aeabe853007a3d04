"""`simplechat serve`: what it acked survives kill -9 and SIGTERM, and it guards its data directory."""

import asyncio
import contextlib
import json
import signal
import subprocess

import rest
from chat import Client, conversation, crowd, lost_and_doubled, more_acks, unique
from raw_socket import TEXT, RawSocket, frame

CLIENTS = 50
ROUNDS = 3


async def check_store(url: str, people) -> None:
    stored = {person.user: await asyncio.to_thread(rest.sync_all, url, person.user) for person in people}
    lost, wrong = lost_and_doubled(people, stored)
    assert not lost, f"{len(lost)} acked messages are lost, such as {lost[:5]}"
    assert not wrong, wrong[:5]


def test_kill_9_under_load_loses_and_doubles_nothing_that_was_acked(another_single):
    server = another_single().start_ready()

    async def run():
        async with crowd(CLIENTS, [server.ws_url]) as people:
            async with conversation(people):
                for _ in range(ROUNDS):
                    await more_acks(people, 5)
                    server.kill()
                    acked = {person.user: dict(person.acked) for person in people}
                    await asyncio.to_thread(server.start_ready)
                    stored = {person.user: {message["id"] for message in await asyncio.to_thread(rest.sync_all, server.url, person.user)}
                              for person in people}
                    lost = [(user, identifier) for user, own in acked.items() for identifier in own if identifier not in stored[user]]
                    assert not lost, f"{len(lost)} messages acked before the kill are lost, such as {lost[:5]}"
                await more_acks(people, 5)
            assert all(len(person.close_codes) >= ROUNDS for person in people)
            await check_store(server.url, people)
    asyncio.run(run())


def test_sigterm_under_load_drains_and_loses_nothing(another_single):
    server = another_single().start_ready()

    async def run():
        async with Client.registered(server.ws_url, unique("witness")) as witness, crowd(CLIENTS, [server.ws_url]) as people:
            async with conversation(people):
                await more_acks(people, 3)
                server.signal(signal.SIGTERM)
                draining = await witness.expect("draining")
                assert isinstance(draining["afterMs"], int) and draining["afterMs"] >= 0
                assert await witness.closed() == 1001
                assert await asyncio.to_thread(server.child.wait, 30) == 0
                await asyncio.to_thread(server.start_ready)
                await more_acks(people, 3)
            for person in people:
                assert person.drains >= 1 and person.close_codes[:1] == [1001], (person.drains, person.close_codes)
            await check_store(server.url, people)
    asyncio.run(run())


def test_sigterm_ends_the_sessions_of_clients_that_do_not_close(another_single):
    server = another_single().start_ready()
    with contextlib.ExitStack() as opened:
        # Many, so that the tables of sessions and users are large, and each a user of its own.
        clients = [opened.enter_context(RawSocket(server.ws_url)) for _ in range(300)]
        for client in clients:
            client.send(frame(TEXT, json.dumps({"type": "register", "from": unique("mute")}).encode()))
        for client in clients:
            assert json.loads(client.receive()[2])["type"] == "registered"
        server.signal(signal.SIGTERM)
        assert server.child.wait(30) == 0


def test_a_second_process_on_the_same_data_directory_is_refused(another_single):
    first, second = another_single().start_ready(), another_single()
    argv = [*second.argv, "--data-dir", first.argv[first.argv.index("--data-dir") + 1]]
    refused = subprocess.run(argv, capture_output=True, text=True, timeout=30, cwd=second.cwd)
    assert refused.returncode not in (0, -6, -11)
    lines = refused.stderr.splitlines()
    assert len(lines) == 1 and argv[-1] in lines[0] and "in use" in lines[0], refused.stderr
    assert first.ready()


def test_a_port_in_use_is_refused_in_one_line(another_single):
    first, second = another_single().start_ready(), another_single()
    refused = subprocess.run([*second.argv, "--api-port", str(first.port)], capture_output=True, text=True, timeout=30, cwd=second.cwd)
    assert refused.returncode not in (0, -6, -11)
    lines = [line for line in refused.stderr.splitlines() if line.startswith("simplechat: ")]  # the others are the log's
    assert len(lines) == 1 and str(first.port) in lines[0], refused.stderr
    assert first.ready()


def test_history_and_cursors_survive_a_restart(another_single):
    server = another_single().start_ready()

    async def run():
        alice, bob = unique("alice"), unique("bob")
        async with Client.registered(server.ws_url, alice) as client:
            acks = [await client.say(bob, f"kept {number}", id=f"m{number}") for number in range(10)]
            first = await client.request("sync", limit=4)
        assert server.stop() == 0
        await asyncio.to_thread(server.start_ready)
        async with Client.registered(server.ws_url, alice) as client:
            page = await client.request("history", with_=bob)
            assert [(message["id"], message["at"]) for message in page["messages"]] == [(ack["id"], ack["at"]) for ack in acks]
            others, _ = await client.sync_all(cursor=first["cursor"])
            assert [message["id"] for message in first["messages"] + others] == [f"m{number}" for number in range(10)]
            assert (await client.say(bob, "later", id="later"))["at"] > acks[-1]["at"]
    asyncio.run(run())
