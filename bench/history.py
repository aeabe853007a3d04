"""Pages of 50 from a store of ten million messages (--connections for another number of them), asked of sv-persist over HTTP, one at a time.

1000 conversations; each page begins at a random moment of a random one. The table is filled by the database itself, and its indexes are
made afterwards, as a migration makes them.
"""

import http.client
import json
import random
import subprocess
import time

from cluster import Cluster, database_url
from harness import Bench, state_directory
from servers import Servers

MESSAGES = 10_000_000
CONVERSATIONS = 1000
REQUESTS = 5000
FIRST_AT = 1_700_000_000_000_000

FILL = f"""
ALTER TABLE message DROP CONSTRAINT message_pkey;
DROP INDEX message_history, message_sync;
INSERT INTO conversation (key) SELECT format('alice%s,bob%s', c, c) FROM generate_series(1, {CONVERSATIONS}) AS c;
INSERT INTO member SELECT side || c, id FROM generate_series(1, {CONVERSATIONS}) AS c, unnest(ARRAY['alice', 'bob']) AS side, conversation
  WHERE key = format('alice%s,bob%s', c, c);
INSERT INTO message (ordinal, at, conversation, sender, id, payload)
  SELECT m, {FIRST_AT} + m * 1000, id, (ARRAY['alice', 'bob'])[1 + m / {CONVERSATIONS} % 2] || c, format('message-%s', m), decode(repeat('78', 100), 'hex')
  FROM (SELECT m, 1 + m % {CONVERSATIONS} AS c FROM generate_series(0::bigint, %(messages)s - 1) AS m) AS made
  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS c FROM conversation) AS numbered USING (c);
ALTER TABLE message ADD PRIMARY KEY (conversation, sender, id);
CREATE INDEX message_history ON message (conversation, at);
CREATE INDEX message_sync ON message (conversation, commit_xid, ordinal);
"""


def percentile(sorted_values: list[float], part: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(part * len(sorted_values)))]


def pages(port: int, messages: int) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    chance = random.Random(1)
    took, sizes = [], set()
    for _ in range(REQUESTS):
        user = chance.randrange(1, CONVERSATIONS + 1)
        before = FIRST_AT + chance.randrange(60 * CONVERSATIONS, messages) * 1000
        began = time.perf_counter()
        connection.request("GET", f"/v1/history?user=alice{user}&with=bob{user}&before={before}&limit=50")
        answer = connection.getresponse().read()
        took.append(1000 * (time.perf_counter() - began))
        sizes.add(len(json.loads(answer)["messages"]))
    took.sort()
    return {"requests": REQUESTS, "messages_a_page": sorted(sizes), "ms": {f"p{100 * part:g}": round(percentile(took, part), 2) for part in (0.5, 0.99, 0.999)}}


def run_history(bench: Bench) -> None:
    messages = bench.connections or MESSAGES
    with state_directory() as state, Servers(state / "servers") as servers:
        url = database_url(servers.postgres.url, "bench")
        with Cluster(bench.bin, state, servers.redis.url, servers.rabbitmq.url, url, 1) as running:
            began = time.monotonic()
            subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", url], input=FILL.replace("%(messages)s", str(messages)), text=True, check=True)
            filled = round(time.monotonic() - began)
            first = pages(running.persisters[0].port, messages)  # some of what is read is not in memory yet
            bench.report("history", {"messages": messages, "fill_seconds": filled, "first": first, "again": pages(running.persisters[0].port, messages)})


SCENARIOS = {"history": run_history}
