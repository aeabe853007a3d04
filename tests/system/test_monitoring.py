"""What the person on call sees: metrics, the dashboard and the alerts, held against a real Prometheus that watches a real cluster."""

import asyncio
import json
import pathlib
import re
import subprocess

import pytest

import rest
from application import Application
from chat import Client, unique
from cluster import Cluster
from process import free_port, wait_until
from prometheus import Prometheus
from servers import Redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "simplechat.json"
PROMETHEUS = ROOT / "deploy" / "prometheus"
# A metric's name where PromQL has one: what is followed by a parenthesis is a function, what stands in braces a label.
NAME = re.compile(r"\b((?:simplechat|process)_[a-z0-9_]+|up)\b")


def promtool(*words, text: str = "", cwd=None) -> str:
    done = subprocess.run(["promtool", *map(str, words)], input=text, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def dashboard_expressions() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    found += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    return [expression.replace("$__rate_interval", "1m").replace("$instance", ".*") for expression in found]


def alert_expressions(prometheus: Prometheus) -> list[str]:
    return [rule["query"] for group in prometheus.api("rules")["groups"] for rule in group["rules"]]


def names_in(expression: str) -> set[str]:
    return set(NAME.findall(re.sub(r"\{[^}]*\}", "", expression)))


@pytest.fixture(scope="module")
def application():
    application = Application()
    yield application
    application.close()


@pytest.fixture(scope="module")
def watched(bin_dir, state_dir, apart, application):
    """A cluster with a Redis of its own to be stopped, which asks an application, and the Prometheus that watches it."""
    redis = Redis(state_dir / "watched", free_port())
    redis.start()
    hooks = ["--hook-connect-url", application.url, "--hook-send-url", application.url]
    with Cluster(bin_dir, state_dir / "watched", gateway_flags=hooks, **{**apart("watched"), "redis_url": redis.url}) as cluster:
        jobs = {"sv-websocket": [f"127.0.0.1:{gateway.port}" for gateway in cluster.gateways],
                "sv-discover": [f"127.0.0.1:{cluster.discover.port}"],
                "sv-persist": [f"127.0.0.1:{persister.port}" for persister in cluster.persisters]}
        prometheus = Prometheus(state_dir / "watched", jobs, hold_s=1).start()
        yield cluster, redis, prometheus
        prometheus.stop()
    redis.stop()


@pytest.mark.parametrize("kind", ["simplechat", "sv-websocket", "sv-discover", "sv-persist"])
def test_promtool_finds_no_fault_in_the_metrics(kind, single, cluster):
    service = {"simplechat": single, "sv-websocket": cluster.gateways[0], "sv-discover": cluster.discover, "sv-persist": cluster.persisters[0]}[kind]
    text = rest.get(service.url + "/metrics").body.decode()
    assert promtool("check", "metrics", text=text) == ""
    assert f'simplechat_build_info{{service="{kind}",' in text
    assert re.search(r'^simplechat_dependency_up\{dependency="[a-z0-9 -]+"\} 1$', text, re.MULTILINE)


def test_the_alerts_are_right_by_their_own_tests():
    promtool("check", "config", "prometheus.yml", cwd=PROMETHEUS)
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml", cwd=PROMETHEUS)
    alerts = set(re.findall(r"- alert: (\w+)", (PROMETHEUS / "alerts.yml").read_text()))
    fired = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts", (PROMETHEUS / "alerts_test.yml").read_text()))
    assert alerts == fired, "alerts without a test that sees them fire"


def test_every_metric_of_dashboard_and_alerts_is_there(watched):
    cluster, _, prometheus = watched

    async def talk():
        async with Client.registered(cluster.gateways[0].ws_url, unique("alice")) as alice:
            async with Client.registered(cluster.gateways[1].ws_url, unique("bob")) as bob:
                sent = await alice.say(bob.user, "seen by Prometheus")
                await bob.expect("normal", lambda frame: frame["id"] == sent["id"])
                await alice.say(unique("nobody"), "stored only")
    asyncio.run(talk())

    expressions = dashboard_expressions() + alert_expressions(prometheus)
    assert len(expressions) > 40
    wanted = set().union(*map(names_in, expressions))
    assert len(wanted) > 30
    wait_until(lambda: wanted <= set(prometheus.api("label/__name__/values")), f"of {sorted(wanted)} all are scraped")
    for expression in expressions:
        prometheus.query(expression)  # an expression that is not PromQL is answered with 400, which raises

    def values(expression: str) -> dict[str, float]:
        return {sample["metric"].get("path", ""): float(sample["value"][1]) for sample in prometheus.query(expression)}

    def delivered_by_all_ways() -> bool:
        paths = values("sum by (path) (simplechat_deliveries_total)")
        return paths["remote"] >= 1 and paths["offline"] >= 1 and values("sum(simplechat_frames_given_total)")[""] >= 1
    wait_until(delivered_by_all_ways, "the message is counted")
    for histogram in ("simplechat_ack_seconds", "simplechat_accept_to_stored_seconds", "simplechat_lookup_seconds",
                      "simplechat_queue_confirm_seconds", "simplechat_store_seconds", "simplechat_queue_body_records",
                      "simplechat_connect_hook_seconds", "simplechat_send_hook_seconds"):
        wait_until(lambda name=histogram: values(f"sum({name}_count)")[""] >= 1, f"{histogram} has an observation")
        mean = values(f"sum({histogram}_sum) / sum({histogram}_count)")[""]
        assert 0 < mean < 60, (histogram, mean)


def test_an_alert_fires_when_a_dependency_is_stopped_and_ends_when_it_is_back(watched):
    _, redis, prometheus = watched
    wait_until(lambda: prometheus.query("sum(simplechat_dependency_up)") and not prometheus.firing(), "all is well", 60)
    redis.stop()
    wait_until(lambda: "SimpleChatDependencyDown" in prometheus.firing(), "the alert fires")
    labels = prometheus.firing()["SimpleChatDependencyDown"]
    assert labels["severity"] == "page" and labels["dependency"] in ("redis", "sv-discover"), labels
    redis.start()
    wait_until(lambda: "SimpleChatDependencyDown" not in prometheus.firing(), "the alert ends")


def test_an_alert_fires_when_the_application_does_not_answer_a_hook(watched, application):
    cluster, _, prometheus = watched

    async def ask_in_vain():
        async with Client.registered(cluster.gateways[0].ws_url, unique("alice")) as alice:
            application.answer = 500
            for _ in range(20):
                await alice.send("normal", to="bob", payload="not accepted")
                await alice.expect_error("unavailable")
    wait_until(lambda: prometheus.query('simplechat_send_hook_total{answer="none"}'), "there is a value to rise from")
    asyncio.run(ask_in_vain())
    wait_until(lambda: "SimpleChatHookFails" in prometheus.firing(), "the alert fires")
    labels = prometheus.firing()["SimpleChatHookFails"]
    assert labels["severity"] == "page" and labels["hook"] == "send" and labels["job"] == "sv-websocket", labels
