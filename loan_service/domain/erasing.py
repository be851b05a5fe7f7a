"""What is left of a customer whose personal data are erased."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chassis.errors import FailedPrecondition, NotFound
from chassis.personal import Name, Phone
from loan_service.domain.steps import sealed
from loan_service.domain.values import OPERATOR, Change, Event, EventKind, Loan, Status

NAME = Name("erased")
"""What everybody is called who is erased."""


class CustomerNotFound(NotFound):
    """Nobody with this phone number has a loan, or not any more."""


class LoansNotFinal(FailedPrecondition):
    """A decision about the customer is still to come."""


class LoansNotSettled(FailedPrecondition):
    """Others are still to be told of the customer's loans."""


def pseudonym() -> Phone:
    """What stands for a customer's phone number: says nothing of it, and is none that anybody can have."""
    return Phone(f"erased:{secrets.token_hex(16)}")


def refuse_unless_final(statuses: Sequence[Status]) -> None:
    """Make sure that nobody works on a customer's loans any more.

    Raises:
        CustomerNotFound: There are no loans.
        LoansNotFinal: Some are without a final state; says how many.
    """
    if not statuses:
        raise CustomerNotFound("nobody with this phone number has a loan")
    if undecided := sum(not status.is_final for status in statuses):
        raise LoansNotFinal(
            f"{undecided} of the customer's {len(statuses)} loans have no final state: withdraw or decide them first"
        )


def erased(loan: Loan, now: datetime) -> Change:
    """The customer's personal data go; what became of the loan stays.

    The loan after it still tells them: they are cleared where they are kept, and with them what else tells them.

    Args:
        loan: A loan with a final state.
        now: When.
    """
    if not loan.status.is_final:
        raise ValueError(f"loan {loan.loan_id} is {loan.status}: somebody still needs to know whose it is")
    after = replace(loan, version=loan.version + 1, updated_at=now)
    event = Event(loan.loan_id, after.version, EventKind.ERASED, loan.status, loan.status, now, actor=OPERATOR)
    return sealed(after, event)
