"""One message to a user with 10 000 sessions on one gateway, beside a bare relay that sends the same bytes to as many connections.

Deliveries per second with one message under way: the next goes out when all sessions have the one before. The gateway is the one without a
store, since a store would be asked once in 10 000 deliveries.
"""

from harness import Bench
from load import bare_relay, cpu_us, gateway_without_store, in_turn, median_of, ratio, run_load

CONNECTIONS = 10_001  # one of them sends


def fanout(bench: Bench) -> None:
    load = ["--pattern", "fanout", "-n", str(bench.connections or CONNECTIONS), "--window", str(bench.window or 1), "--payload", "100"]
    with bare_relay(bench) as bare, gateway_without_store(bench) as gateway:
        by_bare, by_gateway = in_turn(bench, lambda: run_load(bench, *bare, *load), lambda: run_load(bench, *gateway, *load))
    sides = {"bare_relay": by_bare, "gateway_without_store": by_gateway}
    rates = {name: median_of(results, lambda each: each["delivered_per_s"]) for name, results in sides.items()}
    bench.report("fanout", {
        "sessions": (bench.connections or CONNECTIONS) - 1,
        **{name: {"deliveries_per_s": round(rates[name]), "cpu_us_per_delivery": round(median_of(results, cpu_us), 2),
                  "missing": sum(each["missing"] for each in results)} for name, results in sides.items()},
        "ratio": ratio(rates["gateway_without_store"], rates["bare_relay"])})


SCENARIOS = {"fanout": fanout}
