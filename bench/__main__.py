"""Measure what is promised about speed: `python -m bench [P1 P4 ...]`; everything without names."""

import signal
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

from bench import report, stand
from bench.measure import Curve, Line
from deploy import postgres
from deploy.processes import CannotRun

SCRIPTS = {
    "P1": "p1_submit_http",
    "P2": "p2_submit_rpc",
    "P3": "p3_batches",
    "P4": "p4_decisions",
    "P5": "p5_delays",
    "P6": "p6_latency",
    "P7": "p7_growth",
    "P8": "p8_gateway_cost",
    "P9": "p9_memory",
    "P10": "p10_watchers",
    "P11": "p11_closed",
}


def measure(name: str) -> list[Line]:
    """Run the script of a promise on a server of its own, and keep what it finds."""
    script: Callable[[postgres.Server], Iterator[Line | Curve]] = import_module(f"bench.{SCRIPTS[name]}").measure
    stamp = report.environment()
    lines, curves = [], []
    with stand.durable_server() as server:
        for found in script(server):
            if isinstance(found, Curve):
                curves.append(found)
            else:
                print(*report.row(found), sep=" | ", flush=True)
                lines.append(found)
    report.keep(name, lines, curves, stamp)
    return lines


def main() -> int:
    """Run from the command line."""
    names = [name.upper() for name in sys.argv[1:]] or list(SCRIPTS)
    if unknown := set(names) - set(SCRIPTS):
        print(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(SCRIPTS)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unwinds, so that nothing is left behind
    try:
        lines = [line for name in names for line in measure(name)]
    except CannotRun as refusal:
        print(f"bench: {refusal}", file=sys.stderr)
        return 1
    print(report.TABLE.read_text())
    return 0 if all(line.verdict != "NOT MET" for line in lines) else 3


if __name__ == "__main__":
    raise SystemExit(main())
