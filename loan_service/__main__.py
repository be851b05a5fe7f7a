"""Run the loan service: `python -m loan_service [serve | work | jobs | verify | head | erase]`.

serve   answers requests
work    decides loans and delivers what follows
        (both in one process, unless told otherwise)
jobs    lists jobs that wait or were parked, and replays them
verify  looks for histories that were tampered with
head    prints a digest of a day's events, to be kept elsewhere
erase   has a pseudonym stand for a customer everywhere
"""

import argparse
import sys

from sqlalchemy import Engine

from chassis import backlog, config, db, logs
from chassis.errors import InvalidArgument, ServiceError, Violation
from chassis.logs import LogSettings
from chassis.personal import Phone
from loan_service import audit, bootstrap, usecases
from loan_service.bootstrap import LoanSettings
from loan_service.domain import erasing
from loan_service.servicer import phones

ERASE = """
Has a pseudonym stand for a customer in all their loans, and by jobs in their reviews and in the messages about them.
Amounts, decisions and histories stay, and say that the customer was erased. It is refused, and changes nothing, while a
loan of theirs has no final state, or while others are still to be told of one.
"""

ERASE_MOST = 500
"""How many loans of a customer are erased in one transaction."""


def main() -> int:
    """Run from the command line; answer the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m loan_service", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part")
    parts.add_parser("serve", help="only answer requests")
    parts.add_parser("work", help="only work on jobs")
    backlog.add_command(parts)
    audit.add_command(parts)
    erase = parts.add_parser("erase", help="have a pseudonym stand for a customer everywhere", description=ERASE)
    erase.add_argument("--phone", required=True, help="the customer's phone number, for example +14155550123")
    arguments = parser.parse_args()
    settings = config.load(LoanSettings)
    logs.configure(bootstrap.NAME, config.load(LogSettings))
    if arguments.part == "jobs":
        return backlog.run(bootstrap.operators_engine(settings), arguments)
    if arguments.part in {"verify", "head"}:
        return audit.run(bootstrap.operators_engine(settings), arguments)
    if arguments.part == "erase":
        return _erase(bootstrap.operators_engine(settings), arguments.phone, settings.phone_region)
    return bootstrap.run(settings, serves=arguments.part != "work", works=arguments.part != "serve")


def _erase(engine: Engine, phone: str, region: str) -> int:
    """Erase a customer, and say from how many loans; answer the exit code: 1, and why, if nothing may be erased now."""
    erased = 0
    try:
        if (number := phones.canonical(phone, region)) is None:
            raise InvalidArgument([Violation("--phone", "must be a phone number, for example +14155550123")])
        customer = Phone(number)
        with db.transaction(engine) as tx:
            loan_ids = usecases.find_erasable(tx, customer)
        pseudonym = erasing.pseudonym()
        for first in range(0, len(loan_ids), ERASE_MOST):
            with db.transaction(engine) as tx:
                erased += usecases.erase_loans(tx, customer, loan_ids[first : first + ERASE_MOST], pseudonym)
    except ServiceError as error:
        after = f"after {erased} loans: " if erased else ""
        print(f"erase: {after}{error.message}", file=sys.stderr)  # noqa: T201 -- a command line speaks to its terminal
        return 1
    print(f"erased from {erased} loans; the other services follow, see `jobs --state READY`")  # noqa: T201 -- as above
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
