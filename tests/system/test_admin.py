"""The admin API and `simplechat ctl`, on one process and on a cluster."""

import asyncio
import json
import pathlib
import re
import subprocess
import time

import psycopg2
import pytest

import rest
from certificates import Authority
from chat import Client, eventually, unique
from cluster import Cluster, embedded
from process import free_port, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-the-operators"
JWT_SECRET = "a secret that only the login service and the gateways know"
CLOSED_DISCONNECTED = 4003
CLOSED_DRAINING = 4001
CLOSED_REVOKED = 4503


@pytest.fixture(scope="module")
def token_file(state_dir):
    path = state_dir / "admin.token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture(scope="module")
def operated(bin_dir, state_dir, apart, token_file):
    with Cluster(bin_dir, state_dir / "operated", **apart("operated"), flags=["--admin-token-file", token_file]) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def alone(bin_dir, state_dir, token_file):
    process = embedded(bin_dir, state_dir / "alone", ["--admin-token-file", str(token_file)]).start_ready()
    yield process
    assert process.stop() == 0


def admin(method: str, url: str, path: str, json=None, token: str = TOKEN) -> rest.Answer:
    return rest.call(method, f"{url}/v1/admin/{path}", json=json, headers={"Authorization": "Bearer " + token})


@pytest.fixture
def ctl(bin_dir, token_file):
    def run(*words, urls=(), code: int = 0, token=token_file) -> str:
        flags = [flag for url in urls for flag in ("--url", url)]
        done = subprocess.run([bin_dir / "simplechat", "ctl", *flags, "--token-file", token, *map(str, words)],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr
    return run


# As the sources have them, so that none can be forgotten: ("GET", "sessions/:user").
ENDPOINTS = sorted({endpoint for path in (ROOT / "src").rglob("*.cc") if not path.name.endswith("_test.cc")
                    for endpoint in re.findall(r'add\(\s*"([A-Z]+)",\s*"/v1/admin/([^"]+)"', path.read_text())})


def test_each_endpoint_is_described():
    described, path = set(), ""
    for line in (ROOT / "docs" / "openapi-admin.yaml").read_text().splitlines():
        if found := re.fullmatch(r"  /v1/admin/(\S+):", line):
            path = re.sub(r"\{(\w+)\}", r":\1", found[1])
        elif found := re.fullmatch(r"    (get|put|post|delete):", line):
            described.add((found[1].upper(), path))
    assert described == set(ENDPOINTS) and len(ENDPOINTS) >= 14


def test_without_a_token_it_is_not_there(deployment):
    for method, path in ENDPOINTS:
        assert admin(method, deployment.near.url, path, {}).is_error(404, "not_found"), path


@pytest.mark.parametrize("method,path", ENDPOINTS)
def test_it_asks_for_its_token_on_loopback_too(alone, method, path):
    for headers in ({}, {"Authorization": "Bearer a-token-of-the-operatorz"}, {"Authorization": TOKEN}, {"Authorization": "Basic " + TOKEN}):
        answer = rest.call(method, f"{alone.url}/v1/admin/{path}", json={}, headers=headers)
        assert answer.is_error(401, "unauthorized"), (path, headers, answer)


def test_who_is_online_and_where(alone, operated, ctl):
    for gateways in ([alone], operated.gateways):
        async def run(gateways=gateways):
            urls = [gateway.url for gateway in gateways]
            user = unique("alice")
            async with Client.connected(gateways[0].ws_url) as phone, Client.connected(gateways[-1].ws_url) as laptop:
                await phone.send("register", from_=user, device="phone")
                registered = await phone.expect("registered")
                await laptop.send("register", from_=user)
                await laptop.expect("registered")
                found = {}
                for url in dict.fromkeys(urls):
                    answer = admin("GET", url, f"sessions/{user}")
                    assert answer.status == 200
                    found |= {session["session"]: session for session in answer.json["sessions"]}
                assert len(found) == 2
                mine = found[registered["session"]]
                assert mine["user"] == user and mine["device"] == "phone"
                assert re.fullmatch(r"127\.0\.0\.1:\d+", mine["address"])
                assert mine["address"].endswith(f":{phone.socket.local_address[1]}")
                assert mine["gateway"] == (gateways[0].url if len(gateways) > 1 else "http://in-process")
                assert 0 <= mine["registeredForS"] < 60
                status = admin("GET", urls[0], "users").json
                assert status["connections"] >= status["sessions"] >= 1 and status["users"] >= 1 and status["draining"] is False
                text = ctl("sessions", user, urls=dict.fromkeys(urls))
                assert registered["session"] in text and "phone" in text
                lines = ctl("--json", "users", urls=urls[:1]).splitlines()
                assert json.loads(lines[0])["connections"] >= 1
        asyncio.run(run())


def test_all_sessions_come_in_pages(alone):
    async def run():
        users = {unique("crowd") for _ in range(7)}
        clients = [Client.registered(alone.ws_url, user) for user in users]
        opened = [await client.__aenter__() for client in clients]
        seen, after = [], None
        while after != "":
            page = admin("GET", alone.url, "sessions?limit=3" + (f"&after={after}" if after else "")).json
            assert len(page["sessions"]) <= 3
            seen += [session["user"] for session in page["sessions"]]
            after = page["next"]
        assert len(seen) == len(set(seen)) and users <= set(seen)
        for client, _ in zip(clients, opened):
            await client.__aexit__(None, None, None)
    asyncio.run(run())
    for path in ("sessions?limit=0", "sessions?limit=1001", "sessions?limit=x", "sessions?after=nowhere", "sessions/not%20a%20user"):
        assert admin("GET", alone.url, path).is_error(400, "bad_frame"), path


def test_a_user_or_one_session_is_disconnected(operated, ctl):
    async def run():
        urls = [gateway.url for gateway in operated.gateways]
        user = unique("alice")
        async with Client.connected(operated.gateways[0].ws_url) as first, Client.connected(operated.gateways[0].ws_url) as second, \
                Client.connected(operated.gateways[1].ws_url) as third, Client.registered(operated.gateways[0].ws_url, unique("bob")) as bob:
            sessions = []
            for client in (first, second, third):
                await client.send("register", from_=user)
                sessions.append((await client.expect("registered"))["session"])
            assert "disconnected: 1" in ctl("disconnect", user, "--session", sessions[1], urls=urls[:1])
            assert await second.closed() == CLOSED_DISCONNECTED
            assert "disconnected: 0" in ctl("disconnect", user, "--session", sessions[1], urls=urls[:1])
            text = ctl("disconnect", user, urls=urls)
            assert text.count("disconnected: 1") == 2, text
            assert await first.closed() == CLOSED_DISCONNECTED and await third.closed() == CLOSED_DISCONNECTED
            await bob.barrier()  # the others stay
            assert admin("GET", urls[0], f"sessions/{user}").json["sessions"] == []
    asyncio.run(run())


def test_a_user_or_a_token_is_revoked(bin_dir, another_single, token_file, tmp_path, ctl):
    secret_file = tmp_path / "jwt-secret"
    secret_file.write_text(JWT_SECRET)
    server = another_single("--admin-token-file", str(token_file), "--auth", "jwt", "--jwt-secret-file", secret_file).start_ready()

    def token(user: str, *flags) -> str:
        made = subprocess.run([bin_dir / "simplechat", "token", "--user", user, "--secret-file", secret_file, *flags],
                              check=True, capture_output=True, text=True)
        return made.stdout.strip()

    async def run():
        alice, bob = unique("alice"), unique("bob")
        tokens = {"first": token(bob, "--jti", "first"), "second": token(bob, "--jti", "second")}
        async with Client.registered(server.ws_url, alice, token=token(alice)) as hers, \
                Client.registered(server.ws_url, bob, token=tokens["first"]) as first, \
                Client.registered(server.ws_url, bob, token=tokens["second"]) as second:
            text = ctl("revoke", alice, urls=[server.url])
            assert re.search(rf"^user: {alice}$", text, re.MULTILINE) and re.search(r"^until: \d+$", text, re.MULTILINE), text
            assert await hers.closed() == CLOSED_REVOKED
            until = int(time.time()) + 3600
            assert json.loads(ctl("--json", "revoke", "--jti", "first", "--until", until, urls=[server.url])) == \
                {"status": "success", "jti": "first", "until": until}
            assert await first.closed() == CLOSED_REVOKED
            await second.say(alice, "another token, which nobody revoked")
            assert "bad_frame" in ctl("revoke", bob, "--until", 17, urls=[server.url], code=1)
            # Of tokens issued before this one: it is not touched.
            ctl("revoke", bob, "--issued-until", 17, urls=[server.url])
            await second.barrier()
        assert f"admin_revoked what=user user={alice}" in server.log() and "first" not in server.log()
    asyncio.run(run())


def test_without_tokens_there_is_nothing_to_revoke(alone, ctl):
    assert "not_found" in ctl("revoke", "alice", urls=[alone.url], code=1)


def test_a_gateway_is_drained_and_comes_back(operated, ctl):
    near, far = operated.gateways

    async def run():
        async with Client.registered(near.ws_url, unique("alice")) as alice, Client.registered(far.ws_url, unique("bob")) as bob:
            ctl("drain", "--seconds", 2, urls=[near.url])
            after_ms = (await alice.expect("draining"))["afterMs"]
            assert 0 < after_ms <= 2000
            assert rest.get(near.url + "/readyz").is_error(503, "unavailable")
            refused = rest.call("GET", near.url + "/ws", headers={
                "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
            assert refused.status == 503
            # Who is still here gets what others send.
            sent = await bob.say(alice.user, "while you are leaving")
            await alice.expect("normal", lambda frame: frame["id"] == sent["id"])
            assert await alice.closed() == CLOSED_DRAINING
            await bob.barrier()
            wait_until(lambda: admin("GET", near.url, "users").json["connections"] == 0, "nobody is left")
            ctl("drain", "--cancel", urls=[near.url])
            assert rest.get(near.url + "/readyz").status == 200
            async with Client.registered(near.ws_url, alice.user) as again:
                await again.say(bob.user, "back")
    asyncio.run(run())


def test_the_log_level_changes_at_run_time(operated, ctl):
    for service in (operated.gateways[0], operated.discover, operated.persisters[0]):
        assert admin("GET", service.url, "log-level").json["level"] == "info"
        assert "level: debug" in ctl("log-level", "debug", urls=[service.url])
        assert admin("GET", service.url, "log-level").json["level"] == "debug"
        assert admin("PUT", service.url, "log-level", {"level": "loud"}).is_error(400, "bad_frame")
        assert "level: info" in ctl("log-level", "info", urls=[service.url])
        assert "admin_log_level" in service.log()


def test_limits_shows_the_options_in_effect_and_no_secret(operated, ctl):
    text = ctl("limits", urls=[gateway.url for gateway in operated.gateways] + [operated.persisters[0].url])
    assert "drain-ms" in text and "lease-ms" in text and "db-url" in text
    assert re.search(r"^relay +bytes +\d+ +\d+$", text, re.MULTILINE), text
    assert TOKEN not in text and "guest:guest" not in text and ":simplechat@" not in text


def test_ctl_tells_what_is_wrong(alone, ctl, tmp_path):
    wrong = tmp_path / "token"
    wrong.write_text("not-the-token-of-the-operators")
    assert "unauthorized" in ctl("users", urls=[alone.url], token=wrong, code=4)
    assert "refused" in ctl("users", urls=[f"http://127.0.0.1:{free_port()}"], code=3)
    assert "not_found" in ctl("dead-letters", "show", "0123456789abcdef", urls=[alone.url], code=1)
    ctl("dance", urls=[alone.url], code=2)


def test_it_can_have_a_port_of_its_own(another_single, token_file):
    port = free_port()
    process = another_single("--admin-token-file", str(token_file), "--admin-port", str(port)).start_ready()
    assert admin("GET", process.url, "users").is_error(404, "not_found")
    assert admin("GET", f"http://127.0.0.1:{port}", "users").json["connections"] == 0
    assert rest.get(f"http://127.0.0.1:{port}/metrics").status == 404


def test_a_short_token_and_a_port_without_a_token_are_refused(bin_dir, tmp_path):
    (tmp_path / "short").write_text("short\n")
    for flags, word in ((["--admin-token", "short"], "16 characters"), (["--admin-port", "3999"], "admin-token"),
                        (["--admin-token-file", str(tmp_path / "short"), "--data-dir", str(tmp_path / "data")], "16 characters"),
                        (["--admin-token", TOKEN, "--admin-token-file", "file"], "give one of them")):
        done = subprocess.run([bin_dir / "simplechat", "serve", "--api-port", str(free_port()), "--ws-port", str(free_port()), *flags],
                              capture_output=True, text=True, timeout=20, check=False, cwd=tmp_path)
        assert done.returncode in (1, 2) and word in done.stderr.splitlines()[-1], done.stderr


def refuse(database: str, word: str, refusing: bool) -> None:
    """Makes PostgreSQL refuse messages that contain `word`, or take them again."""
    connection = psycopg2.connect(database)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE message DROP CONSTRAINT IF EXISTS refused")
        if refusing:
            cursor.execute("ALTER TABLE message ADD CONSTRAINT refused CHECK (position(%s in payload) = 0) NOT VALID",
                           (psycopg2.Binary(word.encode()),))
    connection.close()


def test_dead_letters_are_listed_shown_and_replayed(operated, ctl):
    url = operated.persisters[0].url
    word = unique("refused")
    refuse(operated.db_url, word, True)

    async def run():
        async with Client.registered(operated.gateways[0].ws_url, unique("alice")) as alice:
            bob = unique("bob")
            refused = await alice.say(bob, f"this is {word}")
            stored = await alice.say(bob, "this is not")

            def letters() -> list[dict]:
                return json.loads(ctl("--json", "dead-letters", "list", urls=[url]))["deadLetters"]
            wait_until(lambda: len(letters()) == 1, "the dead letter is there", 60)
            letter = letters()[0]
            assert letter["queue"].startswith("simplechat.messages.") and letter["reason"] and word not in json.dumps(letter)
            assert refused["id"] in ctl("dead-letters", "show", letter["id"], urls=[url])
            assert "replayed: 0" in ctl("dead-letters", "replay", "0123456789abcdef", urls=[url])

            # Refused again, it is a dead letter again.
            assert "replayed: 1" in ctl("dead-letters", "replay", letter["id"], urls=[url])
            wait_until(lambda: [each["id"] for each in letters()] == [letter["id"]], "the same letter is back", 60)

            refuse(operated.db_url, word, False)
            assert "replayed: 1" in ctl("dead-letters", "replay", "--all", urls=[url])
            messages = await eventually(lambda: alice.history_all(bob), lambda found: len(found) == 2, "both are stored")
            assert {message["id"] for message in messages} == {refused["id"], stored["id"]}
            assert letters() == []
    try:
        asyncio.run(run())
    finally:
        refuse(operated.db_url, word, False)


def test_ctl_over_tls_verifies_the_instance(bin_dir, state_dir, ctl, token_file, tmp_path):
    authority = Authority(tmp_path)
    process = embedded(bin_dir, state_dir / "admin-tls", [*authority.issue("gateway").flags, "--admin-token-file", str(token_file)],
                       tls=authority.context()).start_ready()
    try:
        assert process.url.startswith("https://")
        assert "connections: 0" in ctl("--ca-file", authority.file, "users", urls=[process.url])
        assert "certificate" in ctl("users", urls=[process.url], code=3)
        assert "missing.pem" in ctl("--ca-file", "missing.pem", "users", urls=[process.url], code=2)
    finally:
        assert process.stop() == 0
