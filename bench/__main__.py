"""Measure what is promised about speed: `python -m bench [P1 P4 ...]`; everything without names."""

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path

from bench import stand
from bench.measure import Line, spread, tails
from deploy import postgres
from deploy.processes import ROOT, CannotRun

RESULTS = Path(__file__).parent / "results"
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
}
LIBRARIES = ("grpcio", "psycopg2-binary", "sqlalchemy", "uvicorn", "fastapi", "pgqueuer", "procrastinate")
HEAD = ("promise", "work", "unit", "ours", "p99", "reference", "p99", "ratio", "promised", "verdict", "errors")


def measured(names: Iterable[str]) -> Iterator[Line]:
    """Run the scripts of promises, each on a server of its own."""
    for name in names:
        measure: Callable[[postgres.Server], Iterator[Line]] = import_module(f"bench.{SCRIPTS[name]}").measure
        with stand.durable_server() as server:
            for line in measure(server):
                print(*row(line), sep=" | ", flush=True)
                yield line


def row(line: Line) -> list[str]:
    """A line of the table as texts."""
    promised = "-" if line.wanted is None else f"{'<=' if line.at_most else '>='} {line.wanted:g}"
    return [
        line.promise, line.work, line.unit, spread(line.ours), tails(line.ours), spread(line.reference),
        tails(line.reference), f"{line.ratio:.2f}", promised, line.verdict, str(line.errors),
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """What the figures depend on."""
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 -- git is where it is
        capture_output=True, text=True, check=False, cwd=ROOT,
    ).stdout.strip()  # fmt: skip
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": commit,
        "processor": f"{os.cpu_count()} x {model.partition(': ')[2]}",
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgresql": f"{postgres.NEWEST}, fsync on",
        **{name: metadata.version(name) for name in LIBRARIES},
    }


def write(lines: list[Line], stamp: dict[str, str]) -> Path:
    """Keep the table for people and the raw figures for machines; answer where the table is."""
    RESULTS.mkdir(exist_ok=True)
    name = "-".join(dict.fromkeys(line.promise for line in lines)) + "-" + stamp["date"][:16].replace(":", "")
    table = [HEAD, ["---"] * len(HEAD), *map(row, lines)]
    notes = [f"- {line.promise}: {note}" for line in lines for note in line.notes]
    stamped = [f"- {key}: {value}" for key, value in stamp.items()]
    text = "\n".join([*(f"| {' | '.join(cells)} |" for cells in table), "", *notes, "", *stamped, ""])
    path = RESULTS / f"{name}.md"
    path.write_text(text)
    raw = {"environment": stamp, "lines": [asdict(line) for line in lines]}
    path.with_suffix(".json").write_text(json.dumps(raw, indent=1))
    return path


def main() -> int:
    """Run from the command line."""
    names = [name.upper() for name in sys.argv[1:]] or list(SCRIPTS)
    if unknown := set(names) - set(SCRIPTS):
        print(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(SCRIPTS)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unwinds, so that nothing is left behind
    stamp = environment()
    try:
        lines = list(measured(names))
    except CannotRun as refusal:
        print(f"bench: {refusal}", file=sys.stderr)
        return 1
    path = write(lines, stamp)
    print(path.read_text())
    return 0 if all(line.verdict != "NOT MET" for line in lines) else 3


if __name__ == "__main__":
    raise SystemExit(main())
