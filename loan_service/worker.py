"""What to do with each kind of job. The pool opens the transactions; see chassis.pool."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from chassis import jobs
from chassis.jobs import Job
from chassis.logs import log
from chassis.personal import Phone
from chassis.pool import Handler, Task
from loan_service import store, usecases
from loan_service.clients import Assessor, NotificationClient, ReviewClient
from loan_service.domain import CreditPolicy, Loan, Referral

EXPIRE_LOANS = "expire_loans"
PURGE_IDEMPOTENCY_KEYS = "purge_idempotency_keys"

KINDS = (
    usecases.DECIDE_LOAN,
    usecases.OPEN_REVIEW,
    usecases.CANCEL_REVIEW,
    usecases.NOTIFY_CUSTOMER,
    usecases.ERASE_REVIEW,
    usecases.ERASE_NOTIFICATIONS,
    EXPIRE_LOANS,
    PURGE_IDEMPOTENCY_KEYS,
)
"""All that is handled."""

HOUSEKEEPING_S = 60.0
"""How often overdue reviews and old idempotency keys are looked for."""


def assessment(assessor: Assessor, policy: CreditPolicy, attempts_max: int) -> dict[str, Handler]:
    """How loans are decided automatically.

    A loan whose assessment keeps failing is handed to people: an outage never rejects anybody.

    Args:
        assessor: The outside check.
        policy: Who decides which loan.
        attempts_max: How often the check of one loan may fail.
    """

    def start(tx: Connection, started: Sequence[Job]) -> list[Loan | None]:
        loan_ids = [_loan_id(job) for job in started]
        loans = usecases.start_assessments(tx, loan_ids)
        return [loans.get(loan_id) for loan_id in loan_ids]

    def perform(tasks: Sequence[Task]) -> list[Exception | None]:
        return [_raised_by(assessor.assess, task.subject) for task in tasks]

    def finish(tx: Connection, tasks: Sequence[Task]) -> None:
        outcomes = usecases.decide_loans(tx, _loan_ids(tasks), policy)
        log.info("loans assessed", **{status.lower(): count for status, count in sorted(outcomes.items())})

    return {
        usecases.DECIDE_LOAN: Handler(
            start=start,
            perform=perform,
            finish=finish,
            release=lambda tx, tasks: usecases.interrupt_assessments(tx, _loan_ids(tasks)),
            give_up=lambda tx, tasks: usecases.refer_unassessed(tx, _loan_ids(tasks)),
            attempts_max=attempts_max,
            parks=False,
        )
    }


def delivery(reviews: ReviewClient, notifications: NotificationClient) -> dict[str, Handler]:
    """How other services are told what happened to a loan."""

    def open_reviews(tasks: Sequence[Task]) -> Sequence[Any]:
        return reviews.open_reviews([task.subject for task in tasks])

    def cancel_reviews(tasks: Sequence[Task]) -> Sequence[Any]:
        return reviews.cancel_reviews(_loan_ids(tasks))

    def notify_customers(tasks: Sequence[Task]) -> Sequence[Any]:
        return notifications.tell_outcomes([task.subject for task in tasks])

    def erase_reviews(tasks: Sequence[Task]) -> Sequence[Any]:
        return reviews.erase_loans(_pseudonyms(tasks))

    def erase_notifications(tasks: Sequence[Task]) -> Sequence[Any]:
        return notifications.erase_loans(_pseudonyms(tasks))

    return {
        usecases.OPEN_REVIEW: Handler(start=_referrals, perform=open_reviews),
        usecases.CANCEL_REVIEW: Handler(perform=cancel_reviews),
        usecases.NOTIFY_CUSTOMER: Handler(start=_loans, perform=notify_customers),
        usecases.ERASE_REVIEW: Handler(
            perform=erase_reviews, finish=lambda tx, tasks: usecases.erase_notifications(tx, _pseudonyms(tasks))
        ),
        usecases.ERASE_NOTIFICATIONS: Handler(perform=erase_notifications),
    }


def housekeeping(expire_after_s: float, keep_keys_s: float) -> dict[str, Handler]:
    """What has to be done from time to time.

    Args:
        expire_after_s: How long after its submission a loan may wait for a person's decision.
        keep_keys_s: How long a repeated idempotency key is recognised.
    """

    def expire_loans(tx: Connection, _: Sequence[Task]) -> None:
        if expired := usecases.expire_loans(tx, expire_after_s):
            log.info("loans expired", count=expired)
        if expired == usecases.EXPIRE_MOST:
            jobs.hasten(tx, EXPIRE_LOANS)

    def purge_idempotency_keys(tx: Connection, _: Sequence[Task]) -> None:
        if purged := usecases.purge_idempotency_keys(tx, keep_keys_s):
            log.info("idempotency keys purged", count=purged)
        if purged == usecases.PURGE_MOST:
            jobs.hasten(tx, PURGE_IDEMPOTENCY_KEYS)

    return {
        EXPIRE_LOANS: Handler(
            finish=expire_loans,
            attempts_max=None,
            every_s=HOUSEKEEPING_S,
        ),
        PURGE_IDEMPOTENCY_KEYS: Handler(
            finish=purge_idempotency_keys,
            attempts_max=None,
            every_s=HOUSEKEEPING_S,
        ),
    }


def _loans(tx: Connection, started: Sequence[Job]) -> list[Loan | None]:
    """The loans that jobs are about."""
    loans = store.find_loans(tx, [_loan_id(job) for job in started])
    return [loans[_loan_id(job)] for job in started]


def _referrals(tx: Connection, started: Sequence[Job]) -> list[Referral | None]:
    """What people are asked to decide: the loans that jobs are about, those that still need it."""
    loan_ids = [_loan_id(job) for job in started]
    referrals = usecases.find_referrals(tx, loan_ids)
    return [referrals.get(loan_id) for loan_id in loan_ids]


def _raised_by(work: Callable[[Loan], None], loan: Loan) -> Exception | None:
    """Do the work for a loan; answer what it raised."""
    try:
        work(loan)
    except Exception as error:  # noqa: BLE001 -- not handled here: it is the outcome of this one task
        return error
    return None


def _loan_id(job: Job) -> UUID:
    return UUID(job.args["loan_id"])


def _loan_ids(tasks: Sequence[Task]) -> list[UUID]:
    return [_loan_id(task.job) for task in tasks]


def _pseudonyms(tasks: Sequence[Task]) -> list[tuple[UUID, Phone]]:
    """The loans that jobs are about, and what stands for their customers."""
    return [(_loan_id(task.job), Phone(task.job.args["pseudonym"])) for task in tasks]
