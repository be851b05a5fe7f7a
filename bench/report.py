"""What is kept of a measurement: the raw figures of each promise, its plot, and one table of all."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from bench import plots
from bench.measure import Curve, Line, Round, spread, tails
from deploy import postgres
from deploy.processes import ROOT

RESULTS = Path(__file__).parent / "results"
TABLE = RESULTS / "table.md"
LIBRARIES = ("grpcio", "psycopg2-binary", "sqlalchemy", "uvicorn", "fastapi", "pgqueuer", "procrastinate")
HEAD = ("promise", "work", "unit", "ours", "p99", "reference", "p99", "ratio", "promised", "verdict", "errors")
ORDER = {"NOT MET": 0, "met": 1, "-": 2}
"""What is not met is listed first, what promises nothing last."""


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


def row(line: Line) -> list[str]:
    """A line of the table as texts."""
    promised = "-" if line.wanted is None else f"{'<=' if line.at_most else '>='} {line.wanted:g}"
    return [
        line.promise, line.work, line.unit, spread(line.ours), tails(line.ours), spread(line.reference),
        tails(line.reference), f"{line.ratio:.2f}", promised, line.verdict, str(line.errors),
    ]  # fmt: skip


def keep(name: str, lines: Sequence[Line], curves: Sequence[Curve], stamp: dict[str, str]) -> None:
    """Keep what a script found in place of what it found before, and write the table of all scripts again."""
    RESULTS.mkdir(exist_ok=True)
    raw = {"environment": stamp, "lines": list(map(asdict, lines)), "curves": list(map(asdict, curves))}
    (RESULTS / f"{name}.json").write_text(json.dumps(raw, indent=1) + "\n")
    for curve in curves:
        plots.draw(curve, RESULTS / f"{name}.svg")
    _write_table()


def _write_table() -> None:
    """The lines of everything that is kept, each with where and when it was measured."""
    kept = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("P*.json"), key=_number)]
    lines = [_line(each) for found in kept for each in found["lines"]]
    lines.sort(key=lambda line: ORDER[line.verdict])
    notes = [f"- {line.promise}, {line.work}: {note}" for line in lines for note in (*line.notes, *line.violations)]
    stamps: dict[str, list[str]] = {}
    for found in kept:
        stamp = {key: value for key, value in found["environment"].items() if key not in {"date", "load before"}}
        of_line = f"{found['lines'][0]['promise']} ({found['environment']['date'][:16]}, load before "
        of_line += f"{found['environment']['load before']})"
        stamps.setdefault(", ".join(f"{key} {value}" for key, value in stamp.items()), []).append(of_line)
    measured = [f"- {'; '.join(names)}: {stamp}" for stamp, names in stamps.items()]
    table = [HEAD, ["---"] * len(HEAD), *map(row, lines)]
    text = "\n".join([*(f"| {' | '.join(cells)} |" for cells in table), "", *notes, "", *measured, ""])
    TABLE.write_text(text)


def _line(raw: dict[str, Any]) -> Line:
    """A line as it was before it was kept."""
    sides = {side: [Round(**each) for each in raw[side]] for side in ("ours", "reference")}
    return Line(**{**raw, **sides})


def _number(path: Path) -> int:
    """P10 comes after P9."""
    return int(path.stem[1:])
