#!/usr/bin/env python3
"""Benchmarks. Each scenario prints one line of JSON with its command, commit and machine.

    ./dev bench [SCENARIO ...] [--seconds S] [--connections N] [--window W] [--rate R] [--repeat N] [--save] [--bin DIR]

Load generator and servers share the machine's cores, so compare only figures of one run on one machine. bench/README.md has the method.
"""

import argparse
import pathlib
import shlex
import sys

from harness import ROOT, Bench

import bulk_write  # after harness, which makes deploy/local importable
import fanout
import history
import idle
import million
import page
import relay
import stored
import tls

MODULES = [stored, relay, fanout, bulk_write, history, idle, tls, page, million]
SCENARIOS = {name: run for module in MODULES for name, run in module.SCENARIOS.items()}
DEFAULT = ["embedded", "cluster1", "cluster"]  # the others take long, or change kernel settings: they are run by name


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], help=f"default: {' '.join(DEFAULT)}")
    parser.add_argument("--connections", type=int, help="default: the scenario's own")
    parser.add_argument("--window", type=int, help="messages of a sender that are not acked; default: the scenario's own")
    parser.add_argument("--rate", type=float, help="messages a second, of scenarios that are paced; default: the scenario's own")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each side of a ratio; medians are reported")
    parser.add_argument("--save", action="store_true", help="keep the results in bench/results")
    parser.add_argument("--bin", default=str(ROOT / "build" / "release" / "bin"))
    arguments = parser.parse_args()
    bench = Bench(bin=pathlib.Path(arguments.bin).resolve(), command=shlex.join(["./dev", "bench", *sys.argv[1:]]), save=arguments.save,
                  seconds=arguments.seconds, connections=arguments.connections, window=arguments.window, rate=arguments.rate, repeat=arguments.repeat)
    for name in arguments.scenario or DEFAULT:
        SCENARIOS[name](bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
