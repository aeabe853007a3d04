"""One message is followed through all services by its id: `simplechat trace`."""

import asyncio
import json
import subprocess
import uuid

import pytest

from chat import Client, unique
from cluster import Cluster
from process import wait_until


def trace(bin_dir, *words) -> subprocess.CompletedProcess:
    return subprocess.run([bin_dir / "simplechat", "trace", *map(str, words)], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("flags", [["--log-level", "debug"], ["--log-format", "json", "--trace-sample", "1"]], ids=["console-debug", "json-sample"])
def test_a_messages_path_is_printed_in_order(bin_dir, state_dir, apart, flags):
    state = state_dir / f"trace-{len(flags)}"
    with Cluster(bin_dir, state, **apart(f"trace{len(flags)}"), flags=flags) as cluster:
        logs = [service.log_path for service in cluster.services]
        identifier, other = uuid.uuid4().hex, uuid.uuid4().hex

        async def run():
            async with Client.registered(cluster.gateways[0].ws_url, unique("alice")) as alice:
                async with Client.registered(cluster.gateways[1].ws_url, unique("bob")) as bob:
                    for each in (identifier, other):
                        await alice.say(bob.user, "follow me", id=each)
                        await bob.expect("normal", lambda frame, each=each: frame["id"] == each)
                    return alice.user, bob.user
        alice, bob = asyncio.run(run())

        def path() -> list[dict]:
            return [json.loads(line) for line in trace(bin_dir, identifier, "--json", "--logs", *logs).stdout.splitlines()]
        wait_until(lambda: "message_stored" in [event["event"] for event in path()], "the message is stored and that is logged")
        events = path()
        assert sorted(event["event"] for event in events) == ["message_accepted", "message_delivered", "message_published", "message_relayed", "message_stored"]
        assert events[0]["event"] == "message_accepted"
        assert all((event["from"], event["to"]) == (alice, bob) for event in events)
        by_event = {event["event"]: event for event in events}
        assert "sv-websocket-1" in by_event["message_accepted"]["service"] and "sv-websocket-2" in by_event["message_delivered"]["service"]
        assert by_event["message_relayed"]["gateway"] == cluster.gateways[1].url
        assert "sv-persist-1" in by_event["message_stored"]["service"]
        assert [event["time"] for event in events] == sorted(event["time"] for event in events)
        text = trace(bin_dir, identifier, "--logs", *logs)
        assert text.returncode == 0 and len(text.stdout.splitlines()) == 5 and "follow me" not in text.stdout


def test_a_message_that_the_logs_do_not_tell_of(bin_dir, tmp_path):
    (tmp_path / "a.log").write_text("2026-01-31T12:00:00.250Z debug message_stored id=other from=a to=b\n")
    assert trace(bin_dir, "unknown", "--logs", tmp_path / "a.log").returncode == 1
    assert trace(bin_dir, "unknown", "--logs", tmp_path / "missing.log").returncode == 2
    assert trace(bin_dir, "unknown").returncode == 2
