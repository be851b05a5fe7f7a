"""The auditor's way to the histories: `python -m loan_service verify [--loan ID]`.

Recomputes the chain of every history, holds the loans against it, and names the first event that is not what was
written; the exit code is 1 if there is one. Memory is bounded: loans are read some hundred at a time.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from chassis import db
from chassis.errors import ServiceError
from loan_service import store
from loan_service.domain import Break, Event, Loan, find_break

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
    parser.add_argument("--loan", type=UUID, metavar="ID", help="only the history of this loan")


def run(engine: Engine, arguments: argparse.Namespace) -> int:
    """Do what the command line says; answer the exit code: 1 if a history is not what was written."""
    try:
        found = verify(engine, arguments.loan, shows_progress=sys.stderr.isatty())
    except ServiceError as error:
        print(f"verify: {error.message}", file=sys.stderr)  # noqa: T201 -- a command line speaks to its terminal
        return 1
    print(f"{found.loans} loans with {found.events} events checked")  # noqa: T201 -- as above
    if found.broken is None:
        return 0
    loan_id, broken = found.broken
    print(f"loan {loan_id}: event {broken.version} {broken.finding}")  # noqa: T201 -- as above
    return 1


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
