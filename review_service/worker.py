"""What follows from what happens to reviews: telling the other services, and what time brings about."""

from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from chassis import jobs
from chassis.errors import FailedPrecondition, ServiceError
from chassis.jobs import Job
from chassis.pool import Handler, Task
from review_service import store, usecases
from review_service.clients import LoanClient, NotificationClient, Push
from review_service.domain import LoanNotUnderReview, ReviewPolicy, Ruling, Step

KINDS = (
    usecases.RECORD_DECISION,
    usecases.RECORD_STEPS,
    usecases.NOTIFY_STAFF,
    usecases.ASSIGN_WAITING,
    usecases.ESCALATE,
    usecases.APPLY_COVERS,
)
"""All that is handled."""

CALL_S = 10.0
"""How long a call to another service may take."""


def handlers(
    loans: LoanClient,
    notifications: NotificationClient,
    policy: ReviewPolicy,
    *,
    assign_every_s: float,
    escalate_every_s: float,
) -> Mapping[str, Handler]:
    """What to do with each kind of job.

    Args:
        loans: The loan service.
        notifications: The notification service.
        policy: How reviews are done.
        assign_every_s: How often reviews are looked for that wait although somebody could take them, and covers that
            have just begun.
        escalate_every_s: How often reviews are looked for that are overdue.
    """
    return {
        usecases.RECORD_DECISION: Handler(
            start=_rulings, perform=partial(_record_decisions, loans), finish=_void_late_decisions
        ),
        usecases.RECORD_STEPS: Handler(start=_steps, perform=partial(_record_steps, loans)),
        usecases.NOTIFY_STAFF: Handler(start=_pushes, perform=partial(_notify_staff, notifications)),
        usecases.ASSIGN_WAITING: Handler(finish=partial(_assign_waiting, policy), every_s=assign_every_s),
        usecases.ESCALATE: Handler(finish=partial(_escalate, policy), every_s=escalate_every_s),
        usecases.APPLY_COVERS: Handler(finish=_apply_covers, every_s=assign_every_s),
    }


def _loan_id(job: Job) -> UUID:
    return UUID(job.args["loan_id"])


def _rulings(tx: Connection, started: Sequence[Job]) -> list[Ruling | None]:
    """The decisions with all that led to them; None for one that is void meanwhile."""
    rulings = store.list_rulings(tx, {_loan_id(job) for job in started})
    return [rulings.get(_loan_id(job)) for job in started]


def _record_decisions(loans: LoanClient, tasks: Sequence[Task]) -> list[bool | ServiceError]:
    """Apply decisions; the outcome tells whether the decision was in time.

    Each is a call of its own. Once the loan service is away the rest is not tried: all of them come back.
    """
    outcomes: list[bool | ServiceError] = []
    away: ServiceError | None = None
    for task in tasks:
        outcome = away if away is not None else _record_decision(loans, task.subject)
        if isinstance(outcome, ServiceError) and outcome.passing:
            away = outcome
        outcomes.append(outcome)
    return outcomes


def _record_decision(loans: LoanClient, ruling: Ruling) -> bool | ServiceError:
    try:
        loans.record_decision(ruling, timeout_s=CALL_S)
    except LoanNotUnderReview:
        return False
    except ServiceError as error:
        return error
    return True


def _void_late_decisions(tx: Connection, tasks: Sequence[Task]) -> None:
    """Take back decisions about loans that had left their review another way."""
    if late := [_loan_id(task.job) for task in tasks if task.outcome is False]:
        usecases.void_decisions(tx, late)


def _steps(tx: Connection, started: Sequence[Job]) -> list[list[Step] | None]:
    """All steps so far of the reviews that had one; a review for which two jobs were claimed is told by one of them."""
    steps = store.list_steps(tx, {_loan_id(job) for job in started})
    return [steps.pop(_loan_id(job), None) or None for job in started]


def _record_steps(loans: LoanClient, tasks: Sequence[Task]) -> list[ServiceError | None]:
    """Tell the loan service what happened in reviews; a loan that is not under review any more need not know."""
    verdicts = loans.record_steps([task.subject for task in tasks], timeout_s=CALL_S)
    return [None if isinstance(verdict, FailedPrecondition) else verdict for verdict in verdicts]


def _pushes(tx: Connection, started: Sequence[Job]) -> list[Push]:
    """The messages to staff, with the names that they tell."""
    said = usecases.list_message_values(tx, [(_loan_id(job), job.args.get("named_agent_id")) for job in started])
    return [_push(job, values) for job, values in zip(started, said, strict=True)]


def _push(job: Job, values: dict[str, str]) -> Push:
    """A message; what it says is in the job itself if an earlier release has left it."""
    return Push(
        dedupe_key=job.args["dedupe_key"],
        loan_id=job.args["loan_id"],
        recipient=job.args["recipient"],
        template=job.args["template"],
        values=job.args.get("values", values),
    )


def _notify_staff(notifications: NotificationClient, tasks: Sequence[Task]) -> list[ServiceError | None]:
    """Hand push messages to the notification service."""
    return notifications.push([task.subject for task in tasks], timeout_s=CALL_S)


def _assign_waiting(policy: ReviewPolicy, tx: Connection, _tasks: Sequence[Task]) -> None:
    """Assign waiting reviews; come back at once if there may be more."""
    if usecases.assign_waiting(tx, policy):
        jobs.hasten(tx, usecases.ASSIGN_WAITING)


def _escalate(policy: ReviewPolicy, tx: Connection, _tasks: Sequence[Task]) -> None:
    """Move overdue reviews up; come back at once if there may be more."""
    if usecases.escalate_overdue(tx, policy):
        jobs.hasten(tx, usecases.ESCALATE)


def _apply_covers(tx: Connection, _tasks: Sequence[Task]) -> None:
    """Give the reviews of those who are absent to whoever stands in for them now."""
    usecases.apply_covers(tx)
