"""The outside fails: servers that are missing at start, servers and services that are killed under load, bodies that nobody can read."""

import asyncio
import contextlib
import json
import os
import pathlib
import time

import pika
import pytest

import rest
from chat import DEADLINE_S, Client, conversation, crowd, eventually, lost_and_doubled, more_acks, unique
from cluster import Cluster, database_url
from process import wait_until
from servers import Servers

MESSAGE_QUEUE = "simplechat.messages.0"
DEAD_LETTER_QUEUE = "simplechat.dead"
PEOPLE = 8
LEASE_S = 10
TOLD_WITHIN_S = 15  # the contract's 10 s after a fault's end, and what a busy machine adds


@pytest.fixture(scope="module")
def outside(state_dir):
    """Servers that are not started yet."""
    private = Servers(state_dir / "faults" / "servers")
    private.root.mkdir(parents=True)
    private.root.chmod(0o755)
    yield private
    private.stop()


@pytest.fixture(scope="module")
def victims(bin_dir, state_dir, outside):
    """A cluster on them, not started yet."""
    private = Cluster(bin_dir, state_dir / "faults" / "cluster", outside.redis.url, outside.rabbitmq.url,
                      database_url(outside.postgres.url, "faults"))
    yield private
    statuses = private.stop()
    assert set(statuses.values()) <= {0, None}, f"exit statuses after SIGTERM: {statuses}"


@pytest.fixture
def running(outside, victims):
    """All of it up, whatever the test before has left."""
    for server in outside.all:
        if not server.process.running():
            server.start()
    victims.migrate()
    for service in victims.services:
        if not service.running():
            service.start()
    for service in victims.services:
        service.wait_ready(service.ready, 60)
    return victims


def missing(service) -> set[str]:
    """What /readyz names, by the first word: sv-persist tells its several connections apart. Empty if the service is ready."""
    try:
        answer = rest.get(service.url + "/readyz")
    except OSError:
        return {"an answer"}
    if answer.status == 200:
        return set()
    assert answer.is_error(503, "unavailable"), answer.body
    reasons = {entry["name"]: entry["reason"] for entry in answer.json["missing"]}
    assert all(reasons.values()), reasons
    assert all(name in answer.json["message"] for name in reasons)
    return {name.split()[0] for name in reasons}


def wait_missing(service, names: set[str]) -> None:
    wait_until(lambda: missing(service) == names, f"{service.name}: /readyz names {names or 'nothing'}", 60)


def test_everything_missing_at_start_and_appearing_one_by_one(outside, victims):
    discover, persist, gateways = victims.discover, victims.persisters[0], victims.gateways
    for gateway in gateways:
        gateway.start()
        wait_missing(gateway, {"rabbitmq", "sv-discover", "sv-persist", "blocks"})
    for service in (discover, persist):
        service.start()
    wait_missing(discover, {"redis"})
    wait_missing(persist, {"rabbitmq", "postgresql"})
    assert not any(service.ready() for service in victims.services)

    async def run():
        async with Client.connected(gateways[0].ws_url) as client:
            await client.send("register", from_=unique("early"))
            await client.expect_error("unavailable")
    asyncio.run(run())

    outside.redis.start()
    wait_missing(discover, set())
    outside.rabbitmq.start()
    wait_missing(persist, {"postgresql"})
    outside.postgres.start()
    assert missing(persist) == {"postgresql"}, "there is no database yet"
    victims.migrate()
    for service in victims.services:
        wait_missing(service, set())
        assert service.running()

    async def talk():
        async with Client.registered(gateways[0].ws_url, unique("alice")) as alice, Client.registered(gateways[1].ws_url, unique("bob")) as bob:
            await alice.say(bob.user, "all is well")
            await bob.expect("normal")
            await eventually(lambda: bob.request("sync"), lambda page: page["messages"], "the stored message")
    asyncio.run(talk())


FAULTS = ["redis", "rabbitmq", "postgres", "sv-discover", "sv-persist", "sv-websocket"]


@pytest.fixture(params=FAULTS)
def fault(request, outside, running):
    """Two functions that may take long: kill it, and start it again until all is ready."""
    victim = {"redis": outside.redis, "rabbitmq": outside.rabbitmq, "postgres": outside.postgres, "sv-discover": running.discover,
              "sv-persist": running.persisters[0], "sv-websocket": running.gateways[1]}[request.param]

    def start_again():
        victim.start()
        for service in running.services:
            wait_missing(service, set())
            assert service.running()

    return request.param, victim.kill, start_again


def watcher_of(fault_name: str, cluster):
    """A service that must notice the fault, and under which name."""
    return {"redis": (cluster.discover, "redis"), "rabbitmq": (cluster.gateways[0], "rabbitmq"), "postgres": (cluster.persisters[0], "postgresql"),
            "sv-discover": (cluster.gateways[0], "sv-discover"), "sv-persist": (cluster.gateways[0], "sv-persist")}.get(fault_name)


def test_killed_and_restarted_under_load(fault, running):
    """No acked message is lost or doubled, and everybody goes on."""
    name, kill, start_again = fault

    async def run():
        async with crowd(PEOPLE, [gateway.ws_url for gateway in running.gateways]) as people:
            async with conversation(people):
                await more_acks(people, 5)
                await asyncio.to_thread(kill)
                if watcher_of(name, running):
                    service, dependency = watcher_of(name, running)
                    await asyncio.to_thread(wait_until, lambda: dependency in missing(service), f"{service.name} notices", 60)
                if name in ("postgres", "sv-persist", "redis", "sv-discover"):
                    await more_acks(people[:1], 5)  # the queue is there: messages are accepted
                await asyncio.to_thread(start_again)
                await more_acks(people, 5)
            await check_store(running, people)
    asyncio.run(run())


async def check_store(cluster, people) -> None:
    async def read():
        stored = {person.user: await asyncio.to_thread(rest.sync_all, cluster.gateways[0].url, person.user) for person in people}
        return lost_and_doubled(people, stored)
    lost, wrong = await eventually(read, lambda outcome: not outcome[0] or outcome[1], "all acked messages stored", 60)
    assert not wrong, wrong[:5]
    assert not lost, f"{len(lost)} acked messages are lost, such as {lost[:5]}"


@pytest.mark.parametrize("name", ["redis", "sv-discover"])
def test_who_was_passed_over_by_a_fault_of_the_directory_is_told(outside, running, name):
    victim = {"redis": outside.redis, "sv-discover": running.discover}[name]

    async def run():
        async with Client.registered(running.gateways[0].ws_url, unique("alice")) as alice, \
                   Client.registered(running.gateways[1].ws_url, unique("bob")) as bob:
            await asyncio.to_thread(victim.kill)
            await alice.say(bob.user, "sent during the fault", id="during")
            await asyncio.to_thread(victim.start)
            await asyncio.to_thread(wait_missing, running.discover, set())
            await bob.expect(None, lambda frame: frame["type"] == "resync" or frame.get("id") == "during", TOLD_WITHIN_S)
            async def said_live():
                await alice.say(bob.user, "after", id="after")
                await bob.barrier()
                return bob.of("normal")
            await eventually(said_live, lambda frames: any(frame["id"] == "after" for frame in frames), "live delivery again")
            await eventually(lambda: bob.request("sync"), lambda page: {"during", "after"} <= {message["id"] for message in page["messages"]},
                             "both messages in sync")
    asyncio.run(run())


def test_whom_a_dead_gateway_had_passed_over_the_others_tell(running):
    """Only the gateway that acked knows that bob was not reached, and it dies before it could tell him."""
    near, far = running.gateways

    async def run():
        async with Client.registered(far.ws_url, unique("bob")) as bob:
            async with Client.registered(near.ws_url, unique("alice")) as alice:
                await asyncio.to_thread(running.discover.kill)
                await alice.say(bob.user, "sent during the fault", id="during")
                await asyncio.to_thread(near.kill)
            await asyncio.to_thread(running.discover.start)
            await bob.expect("resync", seconds=LEASE_S + TOLD_WITHIN_S)
            page = await bob.request("sync")
            assert [message["id"] for message in page["messages"]] == ["during"]
        await asyncio.to_thread(near.start_ready)
    asyncio.run(run())


def test_reading_without_the_database_is_unavailable_and_says_so(outside, running):
    async def run():
        async with Client.registered(running.gateways[0].ws_url, unique("alice")) as alice:
            await asyncio.to_thread(outside.postgres.kill)
            for kind, fields in (("history", {"with_": "bob"}), ("sync", {}), ("conversations", {})):
                await alice.send(kind, ref=kind, **fields)
                await alice.expect_error("unavailable", ref=kind)
            assert rest.get(running.gateways[0].url + "/v1/sync", user=alice.user).is_error(503, "unavailable")
            await alice.say("bob", "still accepted")
            await asyncio.to_thread(outside.postgres.start)
            async def stored():
                return rest.get(running.gateways[0].url + "/v1/sync", user=alice.user)
            await eventually(stored, lambda answer: answer.status == 200 and answer.json["messages"], "the message in sync", 60)
    asyncio.run(run())


def test_sending_without_the_queue_is_unavailable_and_stores_nothing_of_it(outside, running):
    async def run():
        bob = unique("bob")
        async with Client.registered(running.gateways[0].ws_url, unique("alice")) as alice:
            await asyncio.to_thread(outside.rabbitmq.kill)
            await alice.send("normal", to=bob, payload="x", id="during")
            error = await alice.expect("error", seconds=3 * DEADLINE_S)
            assert (error["code"], error["id"]) == ("unavailable", "during")
            await asyncio.to_thread(outside.rabbitmq.start)
            await asyncio.to_thread(wait_missing, running.gateways[0], set())
            await alice.say(bob, "x", id="during")  # a repeat, as the contract wants it
            await alice.say(bob, "y", id="after")
            page = await eventually(lambda: alice.request("history", with_=bob), lambda page: len(page["messages"]) >= 2, "both messages", 60)
            assert [message["id"] for message in page["messages"]] == ["during", "after"]
    asyncio.run(run())


AWAY_S = float(os.environ.get("BROKER_AWAY_S", "8"))
SENDERS = 40
MESSAGES_PER_S = 2000
UNCONFIRMED_BYTES_MAX = 64 << 20  # a gateway's bound
SANITIZED = {"asan", "tsan"}  # builds
OVERHEAD_BYTES = 64 << 20  # what the same messages may take beside it: encoded for the queue, in sockets


def resident_bytes(service) -> int:
    status = pathlib.Path(f"/proc/{service.child.pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


async def flood(client: Client, to: str, seconds: float) -> None:
    """Without waiting for an answer."""
    begin = time.monotonic()
    for number in range(int(seconds * MESSAGES_PER_S / SENDERS)):
        await client.send("normal", to=to, id=f"{number}", payload="x" * 100)
        await asyncio.sleep(max(0.0, begin + number * SENDERS / MESSAGES_PER_S - time.monotonic()))


def answers_of(client: Client) -> tuple[set[str], set[str]]:
    """The ids that were acked, and those refused for now."""
    errors = client.of("error")
    assert all(error["code"] == "unavailable" for error in errors), errors[:3]
    return {ack["id"] for ack in client.of("ack")}, {error["id"] for error in errors}


def test_while_the_broker_is_away_senders_get_answers_and_memory_has_its_bound(outside, running, bin_dir):
    async def run():
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Client.registered(running.gateways[index % 2].ws_url, unique("sender")))
                       for index in range(SENDERS)]
            before = [resident_bytes(gateway) for gateway in running.gateways]
            peak = list(before)

            async def watch():
                while True:
                    peak[:] = map(max, peak, map(resident_bytes, running.gateways))
                    await asyncio.sleep(0.2)
            watching = asyncio.create_task(watch())
            floods = [asyncio.create_task(flood(client, other.user, AWAY_S + 2)) for client, other in zip(clients, clients[1:] + clients[:1])]
            await asyncio.sleep(1)
            await asyncio.to_thread(outside.rabbitmq.kill)
            await asyncio.gather(*floods)
            sent = {str(number) for number in range(int((AWAY_S + 2) * MESSAGES_PER_S / SENDERS))}
            for client in clients:
                async def answered():
                    acked, refused = answers_of(client)
                    return acked | refused
                await eventually(answered, lambda ids: ids >= sent, "an answer to each message", 60)
            watching.cancel()
            refused = sum(len(answers_of(client)[1]) for client in clients)
            assert refused > 0
            if bin_dir.parent.name not in SANITIZED:  # they keep what was freed
                assert all(most - least < UNCONFIRMED_BYTES_MAX + OVERHEAD_BYTES for most, least in zip(peak, before)), (before, peak)

            await asyncio.to_thread(outside.rabbitmq.start)
            await asyncio.to_thread(wait_missing, running.gateways[0], set())
            await asyncio.to_thread(wait_missing, running.gateways[1], set())
            for client, other in zip(clients, clients[1:] + clients[:1]):
                for identifier in sent - answers_of(client)[0]:
                    await client.send("normal", to=other.user, id=identifier, payload="x" * 100)
                async def acked():
                    return answers_of(client)[0]
                await eventually(acked, lambda ids: ids >= sent, "the repeats' acks", 60)
            for client in clients:
                async def stored():
                    messages = await asyncio.to_thread(rest.sync_all, running.gateways[0].url, client.user)
                    return sorted(message["id"] for message in messages if message["from"] == client.user)
                await eventually(stored, lambda ids: len(ids) >= len(sent), "all messages stored", 60)
                assert await stored() == sorted(sent)
    asyncio.run(run())


# --- bodies from elsewhere ---


def publish(url: str, body: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(url + "/%2F")) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("", MESSAGE_QUEUE, body, pika.BasicProperties(delivery_mode=2), mandatory=True)


def dead_letters(url: str, body: bytes) -> list[pika.BasicProperties]:
    """Properties of the letters with this body; takes all letters."""
    with pika.BlockingConnection(pika.URLParameters(url + "/%2F")) as connection:
        channel = connection.channel()
        found = []
        while True:
            method, properties, content = channel.basic_get(DEAD_LETTER_QUEUE, auto_ack=True)
            if method is None:
                return found
            if content == body:
                found.append(properties)


POISON = [b"", b"not json \xff", b"[]x", b'{"type":"normal","from":"a","to":"b"}', b'{"type":"dance","from":"a","to":"b","payload":"x"}',
          b'[{"type":"normal","from":"a","to":"b","payload":"fine"},{"type":"normal","from":"a b","to":"b","payload":"not"}]', b"7"]


@pytest.mark.parametrize("poison", POISON, ids=lambda body: repr(body)[:50])
def test_a_body_that_cannot_be_read_goes_to_the_dead_letters_and_blocks_nothing(running, outside, poison):
    sender, recipient = unique("service"), unique("bob")
    publish(outside.rabbitmq.url, poison)
    publish(outside.rabbitmq.url, json.dumps({"type": "normal", "from": sender, "to": recipient, "payload": "behind it"}).encode())

    async def run():
        async def stored():
            return rest.sync_all(running.gateways[0].url, recipient)
        messages = await eventually(stored, lambda messages: messages, "the message behind the poison")
        assert [message["payload"] for message in messages] == ["behind it"]
        async def letters():
            return dead_letters(outside.rabbitmq.url, poison)
        (properties,) = await eventually(letters, lambda letters: letters, "the dead letter")
        assert properties.headers["x-simplechat-queue"] == MESSAGE_QUEUE
        assert str(properties.headers["x-simplechat-reason"]).startswith(("bad_json", "bad_frame", "unknown_type")), properties.headers
    asyncio.run(run())


def test_the_originals_body_is_stored(running, outside):
    """One object, without id and time, users possibly numbers."""
    sender = int(unique("")[1:], 16)
    recipient = unique("bob")
    publish(outside.rabbitmq.url, json.dumps({"type": "normal", "from": sender, "to": recipient, "payload": "grüß dich 👋"}).encode())

    async def run():
        async def history():
            return rest.get(running.gateways[0].url + "/v1/history", user=recipient, with_=str(sender)).json["messages"]
        (message,) = await eventually(history, lambda messages: messages, "the stored message")
        assert (message["from"], message["to"], message["payload"]) == (str(sender), recipient, "grüß dich 👋")
        assert message["id"] and message["at"] > 0
    asyncio.run(run())
