"""Every instance of a cluster is restarted, one after the other, while people talk: nothing is lost or doubled, and nothing fails that
a client could not repeat."""

import asyncio
import time

import pytest

import rest
from chat import Client, crowd, conversation, eventually, lost_and_doubled, more_acks, unique
from cluster import Cluster, http_json

PEOPLE = 12
DRAIN_S = 3


@pytest.fixture
def rolling(bin_dir, state_dir, apart, request):
    name = f"rolling{len(request.node.name)}"
    with Cluster(bin_dir, state_dir / name, **apart(name), persisters=2, gateway_flags=["--drain-seconds", DRAIN_S]) as cluster:
        yield cluster


async def restart(service) -> None:
    """SIGTERM, the end with status 0, and the next start: what a rolling update does to one instance."""
    assert await asyncio.to_thread(service.stop, 40) == 0, service.log()[-2000:]
    await asyncio.to_thread(service.start_ready)


def test_every_instance_restarts_under_load(rolling):
    async def run():
        async with crowd(PEOPLE, [gateway.ws_url for gateway in rolling.gateways]) as people:
            async with conversation(people, think_s=0.02):
                await more_acks(people, 3)
                for service in rolling.services:
                    await restart(service)
                    await more_acks(people, 3)
            # Person repeats what was answered with unavailable; anything else that a send was answered with is a fault, which leave() asserts.
            async def read():
                stored = {person.user: await asyncio.to_thread(rest.sync_all, rolling.gateways[0].url, person.user) for person in people}
                return lost_and_doubled(people, stored)
            await eventually(read, lambda found: found == ([], []), "all that was acked is stored, once")
            assert all(person.drains >= 1 for person in people), "each was told to leave before it was closed"
            assert all(code in (1000, 1001, 1006) for person in people for code in person.close_codes), [person.close_codes for person in people]
    asyncio.run(run())


def test_a_stopping_gateway_is_out_of_readiness_first_and_lets_its_clients_go_one_after_the_other(rolling):
    near, far = rolling.gateways

    async def run():
        clients = [Client.registered(near.ws_url, unique("leaving")) for _ in range(30)]
        opened = [await client.__aenter__() for client in clients]
        async with Client.registered(far.ws_url, unique("sender")) as sender:
            near.signal(15)
            # It still serves its port, and says that nobody new is to come.
            await eventually(lambda: asyncio.to_thread(http_json, near.url + "/readyz"),
                             lambda answer: answer[0] == 503 and answer[1]["missing"][0]["name"] == "draining", "it is not ready any more")
            assert near.running()
            last = opened[-1]
            await last.expect("draining")
            # Who has not left yet is not cut off from the others.
            message = await sender.say(last.user, "still here")
            await last.expect("normal", lambda frame: frame["id"] == message["id"])
            ends = []
            for client in opened:
                assert await client.closed() == 1001
                ends.append(time.monotonic())
            told = [client.of("draining") for client in opened[:-1]]
            assert all(len(frames) == 1 and 0 < frames[0]["afterMs"] <= DRAIN_S * 1000 for frames in told)
            assert len({round(end, 2) for end in ends}) > 3, "they were closed at several moments"
        for client in clients:
            await client.__aexit__(None, None, None)
        assert await asyncio.to_thread(near.child.wait, 30) == 0
    asyncio.run(run())
