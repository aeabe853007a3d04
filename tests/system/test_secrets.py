"""No secret is ever logged, counted or answered: each is a known string here, and everything that comes out is searched for it."""

import asyncio
import base64
import hashlib
import hmac
import json
import subprocess
import time

import rest
from chat import Client, unique
from cluster import Cluster, embedded

JWT_SECRET = "jwtsecret-0123456789-0123456789-0123456789"
CLUSTER_SECRET = "clustersecret-0123456789"
ADMIN_TOKEN = "admintoken-0123456789"
PAYLOAD = "payload-that-is-nobodys-business"


def token_for(user: str) -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + "." + part(json.dumps({"sub": user, "exp": int(time.time()) + 600}).encode())
    return head + "." + part(hmac.new(JWT_SECRET.encode(), head.encode(), hashlib.sha256).digest())


def bearer(token: str) -> dict:
    return {"Authorization": "Bearer " + token}


def test_no_secret_comes_out(bin_dir, state_dir, servers, apart):
    state = state_dir / "secrets"
    state.mkdir()
    for name, secret in (("jwt", JWT_SECRET), ("cluster", CLUSTER_SECRET), ("admin", ADMIN_TOKEN)):
        (state / name).write_text(secret + "\n")
    secrets = {"jwt secret": JWT_SECRET, "cluster secret": CLUSTER_SECRET, "admin token": ADMIN_TOKEN, "payload": PAYLOAD,
               "database password": servers.postgres.password, "broker password": "guest:guest"}
    common = ["--log-level", "debug", "--admin-token-file", state / "admin", "--cluster-secret-file", state / "cluster"]
    jwt = ["--auth", "jwt", "--jwt-secret-file", state / "jwt"]
    cluster = Cluster(bin_dir, state, **apart("secrets"), flags=common, gateway_flags=jwt)
    alone = embedded(bin_dir, state / "alone", [*map(str, common), *map(str, jwt)])
    answers = []

    async def talk(near, far):
        alice, bob = unique("alice"), unique("bob")
        secrets[f"token of {alice}"], secrets[f"token of {bob}"] = token_for(alice), token_for(bob)
        async with Client.connected(near.ws_url) as first, Client.connected(far.ws_url) as second:
            for client, user in ((first, alice), (second, bob)):
                await client.send("register", from_=user, token=token_for(user))
                await client.expect("registered")
                client.user = user
            sent = await first.say(bob, PAYLOAD)
            await second.expect("normal", lambda frame: frame["id"] == sent["id"])
            await first.request("history", with_=bob)
            # What is refused is logged or answered with its reason, and that must not quote it either.
            async with Client.connected(near.ws_url) as third:
                wrong = token_for(alice)[:-4] + "AAAA"
                secrets[f"wrong token of {alice}"] = wrong
                await third.send("register", from_=alice, token=wrong)
                answers.append(str(await third.expect("error")))
            await first.send("normal", to="not a user " + PAYLOAD[:0], payload=PAYLOAD)
            answers.append(str(await first.expect("error")))
        answers.append(rest.call("GET", near.url + "/v1/sync", headers=bearer(wrong)).body.decode())

    with cluster:
        alone.start_ready()
        try:
            asyncio.run(talk(*cluster.gateways))
            asyncio.run(talk(alone, alone))
            for service in (*cluster.services, alone):
                answers.append(rest.get(service.url + "/metrics").body.decode())
                answers.append(rest.get(service.url + "/readyz").body.decode())
                for path in ("config", "users", "sessions", "queues", "dead-letters"):
                    answers.append(rest.call("GET", f"{service.url}/v1/admin/{path}", headers=bearer(ADMIN_TOKEN)).body.decode())
                answers.append(rest.call("GET", service.url + "/v1/admin/config", headers=bearer("wrong")).body.decode())
            checked = subprocess.run([*alone.argv[:1], "check-config", *alone.argv[2:]], capture_output=True, text=True, timeout=30, check=True)
            answers.append(checked.stdout + checked.stderr)
            # A wrong secret of another service is refused, and not quoted.
            answers.append(rest.call("POST", cluster.discover.url + "/v1/locate", json={"users": []}, headers=bearer(CLUSTER_SECRET[:-1])).body.decode())
        finally:
            alone.stop()
    logs = [path for path in state.rglob("*.log") if path.name.startswith(("sv-", "simplechat"))]
    texts = [path.read_text(errors="replace") for path in logs] + answers
    assert len(logs) >= 5 and sum(map(len, texts)) > 10_000
    assert any("message_delivered" in text for text in texts), "at level debug it says what it does with each message"
    for name, secret in secrets.items():
        if name == "database password":
            secret = f":{secret}@"  # the word alone is the project's name
        found = [text[max(0, text.index(secret) - 200):][:400] for text in texts if secret in text]
        assert not found, f"the {name} comes out: {found[0]}"
