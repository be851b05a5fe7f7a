"""The operators' way to a service's jobs: look at what waits or was given up, and replay it.

    python -m SERVICE jobs                     what was parked, with its reason
    python -m SERVICE jobs --state READY       what is due, or will be
    python -m SERVICE jobs --retry KEY ...     make parked jobs due again
    python -m SERVICE jobs --retry-all         make all of them due again, or all of a --kind

A line for each job: columns on a terminal, JSON anywhere else.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine

from chassis import db, jobs
from chassis.errors import ServiceError
from chassis.jobs import Waiting

PAGE = 500
COLUMNS = "{state:8}  {kind:24}  {attempt:>7}  {age:>9}  {key}  {last_error}"


def add_command(parts: Any) -> None:  # noqa: ANN401 -- argparse has no public type for it
    """Add `jobs` to the parts of a service's command line."""
    described = "list jobs that wait or were parked, and replay them"
    parser: argparse.ArgumentParser = parts.add_parser("jobs", help=described, description=described)
    parser.add_argument("--state", choices=["PARKED", "READY", "LEASED"], default="PARKED", help="default: PARKED")
    parser.add_argument("--kind", help="only jobs of this kind")
    parser.add_argument("--limit", type=int, default=100, help="the most jobs to list (default: 100)")
    parser.add_argument("--retry", nargs="+", metavar="KEY", help="make these parked jobs due again")
    parser.add_argument("--retry-all", action="store_true", help="make every parked job due again, or all of --kind")


def run(engine: Engine, arguments: argparse.Namespace) -> int:
    """Do what the command line says; answer the exit code: 1 if nothing was there to be replayed."""
    try:
        if arguments.retry or arguments.retry_all:
            return _replay(engine, arguments.retry, arguments.kind)
        return _show(engine, arguments.state, arguments.kind, arguments.limit)
    except ServiceError as error:
        print(f"jobs: {error.message}", file=sys.stderr)  # noqa: T201 -- a command line speaks to its terminal
        return 1


def _replay(engine: Engine, keys: list[str] | None, kind: str | None) -> int:
    """Make parked jobs due; those that are not parked are left as they are."""
    chosen = keys or [job.key for job in _each(engine, "PARKED", kind)]
    with db.transaction(engine) as tx:
        replayed = jobs.replay(tx, chosen)
    print(f"{replayed} of {len(chosen)} made due")  # noqa: T201 -- as above
    return 0 if replayed or not keys else 1


def _show(engine: Engine, state: str, kind: str | None, limit: int) -> int:
    """Print a line for each job, and on a terminal how many more there are."""
    is_terminal = sys.stdout.isatty()
    if is_terminal:
        print(COLUMNS.format(state="state", kind="kind", attempt="attempt", age="age", key="key", last_error="reason"))  # noqa: T201 -- as above
    for number, job in enumerate(_each(engine, state, kind)):
        if number == limit:
            print(f"more than {limit}: see --limit", file=sys.stderr)  # noqa: T201 -- as above
            break
        shown = asdict(job)
        print(COLUMNS.format(**shown, age=f"{job.age_s:.0f} s") if is_terminal else json.dumps(shown))  # noqa: T201 -- as above
    return 0


def _each(engine: Engine, state: str, kind: str | None) -> Iterator[Waiting]:
    """Jobs by key, a page at a time."""
    after = ""
    while True:
        with db.transaction(engine) as tx:
            page = jobs.list_waiting(tx, state, kind, after, PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].key
