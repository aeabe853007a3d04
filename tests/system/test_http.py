"""The HTTP interfaces of the wire contract, section 3."""

import asyncio
import gzip
import re

import pytest

import rest
from chat import Client, eventually, unique

HTTP_BODY_BYTES_MAX = 8 * 1024 * 1024
SAMPLE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="[^"]*",?)*\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$')


# --- gateway ---


def test_test_answers_health_test(deployment):
    answer = rest.get(deployment.near.url + "/test")
    assert (answer.status, answer.body) == (200, b"Health test")


def test_client_page_and_its_assets(deployment):
    page = rest.get(deployment.near.url + "/client")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy and "frame-ancestors 'none'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assets = {path for path in re.findall(r'(?:src|href)="([^"#]+)"', page.body.decode()) if not path.startswith("data:")}
    assert any(path.endswith(".js") for path in assets) and any(path.endswith(".css") for path in assets)
    types = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "html": "text/html", "png": "image/png",
             "webmanifest": "application/manifest+json"}
    for path in assets:
        assert not re.match(r"[a-z]+:|//", path), f"{path} is of another origin"
        answer = rest.get(deployment.near.url + (path if path.startswith("/") else "/client/" + path))
        assert answer.status == 200 and answer.body, path
        assert answer.headers["Content-Type"].startswith(types[path.rsplit(".", 1)[1]]), path
    assert rest.get(deployment.near.url + "/client/").body == page.body
    assert rest.get(deployment.near.url + "/client?me=a&to=b").body == page.body
    script = next(path for path in assets if path.endswith(".js"))
    assert "immutable" in rest.get(deployment.near.url + script).headers["Cache-Control"]
    zipped = rest.call("GET", deployment.near.url + script, headers={"Accept-Encoding": "br, gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip" and zipped.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(zipped.body) == rest.get(deployment.near.url + script).body
    assert rest.call("GET", deployment.near.url + script, headers={"Accept-Encoding": "gzip;q=0"}).headers["Content-Encoding"] is None


def test_the_page_is_asked_for_anew_and_unchanged_costs_nothing(deployment):
    page = rest.get(deployment.near.url + "/client")
    assert page.headers["Cache-Control"] == "no-cache"
    again = rest.call("GET", deployment.near.url + "/client", headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status, again.body) == (304, b"") and again.headers["ETag"] == page.headers["ETag"]
    changed = rest.call("GET", deployment.near.url + "/client", headers={"If-None-Match": 'W/"0123456789abcdef"'})
    assert (changed.status, changed.body) == (200, page.body)


def test_the_service_worker_may_control_the_page(deployment):
    worker = rest.get(deployment.near.url + "/client/sw.js")
    assert worker.status == 200 and worker.headers["Service-Worker-Allowed"] == "/client" and worker.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("target", ["/client/../../etc/passwd", "/client/..%2f..%2fetc%2fpasswd", "/client/%2e%2e/index.html",
                                    "/client//etc/passwd", "/client/nothing.js", "/client/index.html%00.js", "/../client"])
def test_only_the_page_files_are_served(deployment, target):
    assert rest.get(deployment.near.url + target).is_error(404, "not_found")


def test_send_one_message(deployment):
    async def run():
        async with Client.registered(deployment.far.ws_url, unique("bob")) as bob:
            sender = unique("service")
            answer = rest.post(deployment.near.url + "/send", {"type": "normal", "from": sender, "to": bob.user, "payload": "from a service ✓"})
            assert answer.status == 200 and answer.json["status"] == "success"
            message = await bob.expect("normal")
            assert (message["from"], message["to"], message["payload"]) == (sender, bob.user, "from a service ✓")
            page = await eventually(lambda: bob.request("history", with_=sender), lambda page: page["messages"], "the stored message")
            assert page["messages"] == [{name: value for name, value in message.items() if name != "type"}]
    asyncio.run(run())


def test_send_an_array(deployment):
    async def run():
        async with Client.registered(deployment.far.ws_url, unique("bob")) as bob:
            sender = unique("service")
            messages = [{"type": "normal", "from": sender, "to": bob.user, "payload": f"number {n}", "id": f"id{n}"} for n in range(100)]
            for _ in range(2):  # the second time as a service repeats it that got no answer
                answer = rest.post(deployment.near.url + "/send", messages)
                assert answer.status == 200 and answer.json["status"] == "success"
            for message in messages:
                assert (await bob.expect("normal", lambda frame: frame["id"] == message["id"]))["payload"] == message["payload"]
            page = await eventually(lambda: bob.request("history", with_=sender, limit=200), lambda page: len(page["messages"]) >= 100,
                                    "100 stored messages")
            assert [message["id"] for message in page["messages"]] == [message["id"] for message in messages]
    asyncio.run(run())


GOOD = {"type": "normal", "from": "a", "to": "b", "payload": "x"}


@pytest.mark.parametrize("body, status, code", [
    (b"", 400, "bad_json"), (b"{", 400, "bad_json"), (b"7", 400, "bad_json"), (b'"x"', 400, "bad_json"), (b"\xff", 400, "bad_json"),
    ({**GOOD, "from": ""}, 400, "bad_frame"), ({**GOOD, "to": "a b"}, 400, "bad_frame"), ({**GOOD, "payload": ""}, 400, "bad_frame"),
    ({"type": "normal", "to": "b", "payload": "x"}, 400, "bad_frame"), ([GOOD, 5], 400, "bad_frame"),
    ({**GOOD, "type": "dance"}, 400, "unknown_type"), ([GOOD, {**GOOD, "type": "typing"}], 400, "unknown_type"),
    ({**GOOD, "payload": "x" * (64 * 1024 + 1)}, 413, "too_large"), ([GOOD] * 1001, 413, "too_large"),
    (b"[" + b" " * HTTP_BODY_BYTES_MAX + b"]", 413, "too_large"),
], ids=lambda value: str(value)[:60])
def test_send_refuses(deployment, body, status, code):
    answer = rest.call("POST", deployment.near.url + "/send", **({"body": body} if isinstance(body, bytes) else {"json": body}))
    assert answer.is_error(status, code), (answer.status, answer.body)


def test_send_stores_nothing_of_a_body_with_an_error(deployment):
    sender, recipient = unique("service"), unique("bob")
    good = {"type": "normal", "from": sender, "to": recipient, "payload": "good"}
    assert rest.post(deployment.near.url + "/send", [good, {**good, "payload": ""}]).status == 400
    assert rest.post(deployment.near.url + "/send", [{**good, "id": "only"}]).status == 200

    async def run():
        async def stored():
            return rest.sync_all(deployment.near.url, recipient)
        messages = await eventually(stored, lambda messages: messages, "the good message")
        assert [message["id"] for message in messages] == ["only"]
    asyncio.run(run())


def test_history_conversations_and_sync_have_the_frames_shapes(deployment, request):
    """On the gateway, and on sv-persist where there is one."""
    services = [deployment.near.url]
    if deployment.name == "cluster":
        services.append(request.getfixturevalue("cluster").persisters[0].url)

    async def run():
        async with Client.registered(deployment.near.ws_url, unique("alice")) as alice:
            bob = unique("b+o@b")
            acks = [await alice.say(bob, f"text {n}", id=f"m{n}") for n in range(5)]
            frame = await eventually(lambda: alice.request("history", with_=bob), lambda frame: len(frame["messages"]) == 5, "5 stored messages")
            of_frame = lambda frame: {"status": "success"} | {name: value for name, value in frame.items() if name not in ("type", "ref")}
            for url in services:
                def read(kind, user=alice.user, **parameters):
                    answer = rest.get(f"{url}/v1/{kind}", user=user, **parameters)
                    assert answer.status == 200, answer.body
                    assert answer.headers["Content-Type"].startswith("application/json")
                    return answer.json
                assert read("history", with_=bob) == of_frame(frame)
                assert read("history", with_=bob, limit=2) == of_frame(await alice.request("history", with_=bob, limit=2))
                part = await alice.request("history", with_=bob, after=acks[0]["at"], limit=2)
                assert read("history", with_=bob, after=acks[0]["at"], limit=2) == of_frame(part)
                assert [message["id"] for message in read("history", with_=bob, before=acks[1]["at"])["messages"]] == ["m0"]
                assert read("conversations") == of_frame(await alice.request("conversations"))
                assert read("conversations", user=bob)["conversations"][0]["unread"] == 5
                synced = read("sync", limit=3)
                assert [message["id"] for message in synced["messages"]] == ["m0", "m1", "m2"] and synced["more"] is True
                rest_of_it = read("sync", cursor=synced["cursor"])
                assert [message["id"] for message in rest_of_it["messages"]] == ["m3", "m4"] and rest_of_it["more"] is False
    asyncio.run(run())


@pytest.mark.parametrize("query", ["history?user=a", "history?user=a&with=a%20b", "history?user=a&with=b&limit=0", "history?user=a&with=b&limit=201",
                                   "history?user=a&with=b&before=x", "history?user=a&with=b&before=2&after=1", "history?user=%20&with=b",
                                   "conversations?user=a&limit=x", "conversations?user=a&before=-1", "sync?user=a&cursor=wrong",
                                   "sync?user=a&limit=1.5", "sync?user=a&latest=1"])
def test_bad_queries(deployment, query, request):
    services = [deployment.near.url]
    if deployment.name == "cluster":
        services.append(request.getfixturevalue("cluster").persisters[0].url)
    for url in services:
        answer = rest.get(f"{url}/v1/{query}")
        assert answer.is_error(400, "bad_frame"), (url, answer.status, answer.body)


def test_a_query_needs_a_user(deployment):
    answer = rest.get(deployment.near.url + "/v1/sync")
    assert answer.status in (400, 401) and answer.json["status"] == "error"


# --- every service ---


@pytest.fixture(params=["gateway", "sv-discover", "sv-persist", "simplechat"])
def service(request):
    if request.param == "simplechat":
        return request.getfixturevalue("single")
    cluster = request.getfixturevalue("cluster")
    return {"gateway": cluster.gateways[0], "sv-discover": cluster.discover, "sv-persist": cluster.persisters[0]}[request.param]


def test_health_and_readiness(service):
    for path in ("/healthz", "/readyz"):
        answer = rest.get(service.url + path)
        assert (answer.status, answer.json) == (200, {"status": "success"})


def test_unknown_paths_methods_and_large_bodies(service):
    assert rest.get(service.url + "/nothing/here").is_error(404, "not_found")
    assert rest.get(service.url + "/").is_error(404, "not_found")
    answer = rest.call("DELETE", service.url + "/healthz")
    assert answer.status == 405 and answer.json["status"] == "error" and answer.json["message"]
    answer = rest.call("POST", service.url + "/healthz", body=b"x" * (HTTP_BODY_BYTES_MAX + 1))
    assert answer.is_error(413, "too_large"), (answer.status, answer.body)


def samples(url: str) -> dict[str, float]:
    """The Prometheus text format, checked line by line: sample -> value."""
    answer = rest.get(url + "/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    values, typed = {}, set()
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert kind in ("counter", "gauge", "histogram", "summary") and name not in typed
            typed.add(name)
        elif line and not line.startswith("# HELP "):
            assert SAMPLE.match(line), line
            sample, value = line.rsplit(" ", 1)
            assert sample not in values, f"{sample} twice"
            family = sample.split("{")[0]
            assert family in typed or re.sub(r"_(bucket|sum|count)$", "", family) in typed, f"{family} has no TYPE"
            values[sample] = float(value)
    return values


def test_metrics_are_of_the_text_format(service):
    values = samples(service.url)
    assert values and all(name.startswith(("simplechat_", "process_")) for name in values)


def test_metrics_count_messages(deployment):
    counter = "simplechat_messages_durable_total"

    async def run():
        async with Client.registered(deployment.near.ws_url, unique("alice")) as alice:
            before = samples(deployment.near.url)
            await alice.say(unique("bob"), "counted")
            after = samples(deployment.near.url)
            assert after[counter] >= before[counter] + 1
            assert after["simplechat_sessions"] >= 1
    asyncio.run(run())


# --- sv-discover ---


def test_the_originals_set_get_and_del(cluster):
    url, key = cluster.discover.url, unique("user")
    assert rest.get(f"{url}/get/{key}").json == {"status": "success", "value": None}
    assert rest.post(url + "/set", {"key": key, "value": "http://127.0.0.1:1"}).json["status"] == "success"
    assert rest.get(f"{url}/get/{key}").json == {"status": "success", "value": "http://127.0.0.1:1"}
    assert rest.post(url + "/set", {"key": key, "value": "http://127.0.0.1:2"}).status == 200
    assert rest.get(f"{url}/get/{key}").json["value"] == "http://127.0.0.1:2"
    assert rest.call("DELETE", url + "/del", json={"key": key}).json["status"] == "success"
    assert rest.get(f"{url}/get/{key}").json == {"status": "success", "value": None}
    assert rest.call("DELETE", url + "/del", json={"key": key}).status == 200


def test_the_originals_numeric_keys(cluster):
    url, number = cluster.discover.url, int(unique("")[1:], 16)
    assert rest.post(url + "/set", {"key": number, "value": "http://127.0.0.1:3"}).status == 200
    assert rest.get(f"{url}/get/{number}").json["value"] == "http://127.0.0.1:3"
    assert rest.call("DELETE", url + "/del", json={"key": number}).status == 200
    assert rest.get(f"{url}/get/{number}").json["value"] is None


def test_leased_and_fenced_records(cluster):
    url, user, other = cluster.discover.url, unique("user"), unique("other")
    gateway = {"url": f"http://gateway-{user}:3002", "incarnation": "1"}

    def apply(who, name, present, fence):
        answer = rest.post(url + "/v1/apply", {"gateway": who, "changes": [{"user": name, "present": present, "fence": fence}]})
        assert answer.status == 200, answer.body

    def located(*users):
        answer = rest.post(url + "/v1/locate", {"users": list(users)})
        assert answer.status == 200, answer.body
        return answer.json["gateways"]

    answer = rest.post(url + "/v1/renew", {"gateway": gateway, "leaseMs": 60000})
    assert answer.status == 200 and answer.json["opening"]
    opening = answer.json["opening"]
    apply(gateway, user, True, 5)
    assert located(user, other) == [[gateway["url"]], []]
    assert rest.get(f"{url}/get/{user}").json["value"] == gateway["url"]
    apply(gateway, user, False, 4)  # a late disconnect
    assert located(user) == [[gateway["url"]]]
    apply(gateway, user, False, 6)
    assert located(user) == [[]]
    apply(gateway, other, True, 7)
    assert rest.post(url + "/v1/renew", {"gateway": gateway, "leaseMs": 60000}).json["opening"] == opening
    assert rest.post(url + "/v1/close", {"gateway": gateway}).status == 200
    assert located(other) == [[]]


def test_a_record_ends_with_its_lease(cluster):
    url, user = cluster.discover.url, unique("user")
    gateway = {"url": f"http://gateway-{user}:3002", "incarnation": "1"}
    assert rest.post(url + "/v1/renew", {"gateway": gateway, "leaseMs": 300}).status == 200
    assert rest.post(url + "/v1/apply", {"gateway": gateway, "changes": [{"user": user, "present": True, "fence": 1}]}).status == 200

    async def run():
        async def located():
            return rest.post(url + "/v1/locate", {"users": [user]}).json["gateways"]
        await eventually(located, lambda gateways: gateways == [[]], "the end of the lease")
    asyncio.run(run())


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/set", b"{"), ("POST", "/set", b'{"key":"a b","value":"x"}'), ("POST", "/set", b'{"key":"a"}'), ("DELETE", "/del", b"{}"),
    ("GET", "/get/a%20b", None), ("POST", "/v1/renew", b"[]"), ("POST", "/v1/apply", b'{"gateway":{"url":"x"}}'),
    ("POST", "/v1/locate", b'{"users":["a b"]}'), ("POST", "/v1/close", b"{}"),
])
def test_sv_discover_refuses(cluster, method, path, body):
    answer = rest.call(method, cluster.discover.url + path, body=body)
    assert answer.status == 400 and answer.json["status"] == "error" and answer.json["code"] in ("bad_json", "bad_frame"), answer.body
