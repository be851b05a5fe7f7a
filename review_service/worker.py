"""What follows from assignments and decisions: telling the other services, and finding somebody for waiting reviews."""

from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from chassis import jobs
from chassis.errors import FailedPrecondition, ServiceError
from chassis.pool import Handler, Task
from review_service import usecases
from review_service.clients import LoanClient, NotificationClient, Push, RecordedAssignment
from review_service.domain import Choice, Decision, LoanNotUnderReview

KINDS = (usecases.RECORD_DECISION, usecases.RECORD_ASSIGNMENT, usecases.NOTIFY_STAFF, usecases.ASSIGN_WAITING)
"""All that is handled."""

CALL_S = 10.0
"""How long a call to another service may take."""


def handlers(loans: LoanClient, notifications: NotificationClient, *, assign_every_s: float) -> Mapping[str, Handler]:
    """What to do with each kind of job.

    Args:
        loans: The loan service.
        notifications: The notification service.
        assign_every_s: How often reviews are looked for that wait although somebody could take them.
    """
    return {
        usecases.RECORD_DECISION: Handler(perform=partial(_record_decisions, loans), finish=_void_late_decisions),
        usecases.RECORD_ASSIGNMENT: Handler(perform=partial(_record_assignments, loans)),
        usecases.NOTIFY_STAFF: Handler(perform=partial(_notify_staff, notifications)),
        usecases.ASSIGN_WAITING: Handler(finish=_assign_waiting, every_s=assign_every_s),
    }


def _record_decisions(loans: LoanClient, tasks: Sequence[Task]) -> list[bool | ServiceError]:
    """Apply decisions; the outcome tells whether the decision was in time.

    Each is a call of its own. Once the loan service is away the rest is not tried: all of them come back.
    """
    outcomes: list[bool | ServiceError] = []
    away: ServiceError | None = None
    for task in tasks:
        outcome = away if away is not None else _record_decision(loans, task)
        if isinstance(outcome, ServiceError) and outcome.passing:
            away = outcome
        outcomes.append(outcome)
    return outcomes


def _record_decision(loans: LoanClient, task: Task) -> bool | ServiceError:
    args = task.job.args
    choice = Choice.APPROVE if args["approved"] else Choice.REJECT
    decision = Decision(args["agent_id"], choice, tuple(args["reason_codes"]), args["comment"])
    try:
        loans.record_decision(UUID(args["loan_id"]), decision, timeout_s=CALL_S)
    except LoanNotUnderReview:
        return False
    except ServiceError as error:
        return error
    return True


def _void_late_decisions(tx: Connection, tasks: Sequence[Task]) -> None:
    """Take back decisions about loans that had left their review another way."""
    if late := [UUID(task.job.args["loan_id"]) for task in tasks if task.outcome is False]:
        usecases.void_decisions(tx, late)


def _record_assignments(loans: LoanClient, tasks: Sequence[Task]) -> list[ServiceError | None]:
    """Tell the loan service to whom reviews were assigned; a loan that is not under review any more need not know."""
    assignments = [
        RecordedAssignment(args["loan_id"], args["agent_id"], args["assignment_number"])
        for args in (task.job.args for task in tasks)
    ]
    verdicts = loans.record_assignments(assignments, timeout_s=CALL_S)
    return [None if isinstance(verdict, FailedPrecondition) else verdict for verdict in verdicts]


def _notify_staff(notifications: NotificationClient, tasks: Sequence[Task]) -> list[ServiceError | None]:
    """Hand push messages to the notification service."""
    return notifications.push([Push(**task.job.args) for task in tasks], timeout_s=CALL_S)


def _assign_waiting(tx: Connection, _tasks: Sequence[Task]) -> None:
    """Assign waiting reviews; come back at once if there may be more."""
    if usecases.assign_waiting(tx) == usecases.ASSIGN_MOST:
        jobs.hasten(tx, usecases.ASSIGN_WAITING)
