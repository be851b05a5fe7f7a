"""The auditor's way to the histories: `python -m loan_service verify [--loan ID | --heads FILE]`, and `head`.

`verify` recomputes the chain of every history, holds the loans against it, and names the first event that is not what
was written; the exit code is 1 if there is one. Memory is bounded: loans are read some hundred at a time.

Whoever may rewrite everything can rewrite the chain as well. So `head` prints one line for a day, a digest over the
hashes of its events, to be kept where nobody who can reach the database can reach it; `verify --heads` holds the
database against such lines.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from chassis import db
from chassis.errors import ServiceError
from loan_service import store
from loan_service.domain import Break, Event, Head, Loan, find_break

PAGE = 500


@dataclass(slots=True)
class Verified:
    """What was looked at.

    Attributes:
        loans: How many loans.
        events: How many events.
        broken: The first loan whose history is not what was written, and where; None if all are.
    """

    loans: int = 0
    events: int = 0
    broken: tuple[UUID, Break] | None = None


def add_command(parts: Any) -> None:  # noqa: ANN401 -- argparse has no public type for it
    """Add `verify` to the parts of the command line."""
    described = "look for histories that were tampered with"
    parser: argparse.ArgumentParser = parts.add_parser("verify", help=described, description=described)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--loan", type=UUID, metavar="ID", help="only the history of this loan")
    what.add_argument("--heads", type=Path, metavar="FILE", help="the days whose heads a file holds")
    described = "print the head of a day, to be kept elsewhere"
    parser = parts.add_parser("head", help=described, description=described)
    parser.add_argument("--day", type=date.fromisoformat, help="which day, in UTC; yesterday if none is given")


def run(engine: Engine, arguments: argparse.Namespace) -> int:
    """Do what the command line says; answer the exit code: 1 if a history is not what was written."""
    try:
        if arguments.part == "head":
            print(line_of(get_head(engine, arguments.day)))  # noqa: T201 -- a command line speaks to its terminal
            return 0
        if arguments.heads:
            return _run_heads(engine, arguments.heads)
        found = verify(engine, arguments.loan, shows_progress=sys.stderr.isatty())
    except ServiceError as error:
        print(f"{arguments.part}: {error.message}", file=sys.stderr)  # noqa: T201 -- as above
        return 1
    print(f"{found.loans} loans with {found.events} events checked")  # noqa: T201 -- as above
    if found.broken is None:
        return 0
    loan_id, broken = found.broken
    print(f"loan {loan_id}: event {broken.version} {broken.finding}")  # noqa: T201 -- as above
    return 1


def _run_heads(engine: Engine, file: Path) -> int:
    """Hold the database against a file with heads; 2 if the file cannot be read."""
    try:
        kept = [read_line(line) for line in file.read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        print(f"verify: {file} cannot be used: {error}", file=sys.stderr)  # noqa: T201 -- as above
        return 2
    wrong = [found for head in kept if (found := difference(engine, head))]
    print(f"{len(kept)} days checked", *wrong, sep="\n")  # noqa: T201 -- as above
    return 1 if wrong else 0


def get_head(engine: Engine, day: date | None = None) -> Head:
    """The head of a day as it is now; of yesterday, which is over, if none is given.

    Raises:
        ServiceError: See `db.transaction`.
    """
    with db.transaction(engine) as tx:
        return store.get_head(tx, day or store.get_now(tx).date() - timedelta(days=1))


def difference(engine: Engine, kept: Head) -> str:
    """What is wrong with the events of a day, held against a head that was kept; empty if nothing is.

    Raises:
        ServiceError: See `db.transaction`.
    """
    with db.transaction(engine) as tx:
        found = store.get_head(tx, kept.day, kept.until)
    if found == kept:
        return ""
    if found.events != kept.events:
        return f"{kept.day}: there were {kept.events} events, and are {found.events}"
    return f"{kept.day}: the {kept.events} events are not what they were"


def line_of(head: Head) -> str:
    """A head as a line of JSON."""
    return json.dumps({**asdict(head), "day": head.day.isoformat()})


def read_line(line: str) -> Head:
    """A head of a line of JSON.

    Raises:
        ValueError: It is none.
    """
    try:
        said = json.loads(line)
        return Head(date.fromisoformat(said["day"]), int(said["events"]), str(said["digest"]), int(said["until"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no head: {line[:80]}") from error


def verify(engine: Engine, only: UUID | None = None, *, shows_progress: bool = False) -> Verified:
    """Check all histories, or that of one loan, up to the first that is broken.

    Raises:
        LoanNotFound: There is no such loan.
        ServiceError: See `db.transaction`.
    """
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")  # a loan and its history of one moment
    verified = Verified()
    after = UUID(int=0)
    while verified.broken is None:
        with db.transaction(snapshot) as tx:
            loans = [store.get_loan(tx, only)] if only else store.list_loans_after(tx, after, PAGE)
            histories = store.list_histories(tx, loans[0].loan_id, loans[-1].loan_id) if loans else {}
        _check(verified, loans, histories)
        if shows_progress:
            print(f"{verified.loans} loans, {verified.events} events", end="\r", file=sys.stderr)  # noqa: T201 -- as above
        if only or len(loans) < PAGE:
            break
        after = loans[-1].loan_id
    return verified


def _check(verified: Verified, loans: Sequence[Loan], histories: dict[UUID, list[Event]]) -> None:
    """Check loans with their histories, in order."""
    for loan in loans:
        history = histories.get(loan.loan_id, [])
        verified.loans += 1
        verified.events += len(history)
        if broken := find_break(loan, history):
            verified.broken = (loan.loan_id, broken)
            return
