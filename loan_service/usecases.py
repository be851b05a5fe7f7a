"""What the loan service can do. Every function works inside the transaction that it is handed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection

from chassis import jobs
from chassis.errors import Aborted, ServiceError
from chassis.jobs import NewJob
from chassis.personal import Phone
from loan_service import domain, store
from loan_service.domain import (
    ALL,
    CUSTOMER,
    Application,
    Change,
    CreditPolicy,
    EventKind,
    IdempotencyKeyReused,
    Loan,
    LoanNotFound,
    LoansNotSettled,
    Referral,
    ReviewDecision,
    ReviewStep,
    Sight,
    Status,
    Submission,
    erasing,
)

DECIDE_LOAN = "decide_loan"
OPEN_REVIEW = "open_review"
CANCEL_REVIEW = "cancel_review"
NOTIFY_CUSTOMER = "notify_customer"
ERASE_REVIEW = "erase_review"
ERASE_NOTIFICATIONS = "erase_notifications"

PURGE_MOST = 5000
EXPIRE_MOST = 500


class IdempotencyKeyFreed(Aborted):
    """The key was taken a moment ago and is free now."""


def submit_loans(tx: Connection, applications: Sequence[Application]) -> list[Submission | ServiceError]:
    """Store applications; answer for each its loan, or why its idempotency key refuses it.

    An application whose key came before, in this call or earlier, with the same content gets the loan of then.
    """
    holders = {application.idempotency_key: application for application in reversed(applications)}
    holders.pop("", None)
    taken = store.insert_idempotency_keys(tx, list(holders.values())) if holders else set()
    new = [
        application
        for application in applications
        if not (key := application.idempotency_key) or (key in taken and holders[key] is application)
    ]
    stored = _submit_new(tx, new)
    repeated = [application for application in applications if application.loan_id not in stored]
    earlier = _earlier_submissions(tx, repeated)
    return [
        Submission(stored[application.loan_id], is_replayed=False)
        if application.loan_id in stored
        else earlier[application.loan_id]
        for application in applications
    ]


def _submit_new(tx: Connection, applications: Sequence[Application]) -> dict[UUID, Loan]:
    """Store applications that nobody sent before."""
    if not applications:
        return {}
    now = store.insert_submissions(tx, applications, [_job(DECIDE_LOAN, each.loan_id) for each in applications])
    changes = [domain.submitted(application, now) for application in applications]
    return {change.loan.loan_id: change.loan for change in changes}


def _earlier_submissions(tx: Connection, repeated: Sequence[Application]) -> dict[UUID, Submission | ServiceError]:
    """What the keys of applications stand for already, by the ids that these applications would have had."""
    if not repeated:
        return {}
    known = store.find_idempotency_keys(tx, [application.idempotency_key for application in repeated])
    loans = store.find_loans(tx, {loan_id for _, loan_id in known.values()})
    answers: dict[UUID, Submission | ServiceError] = {}
    for application in repeated:
        fingerprint, loan_id = known.get(application.idempotency_key, (b"", None))
        if loan_id is None:
            answers[application.loan_id] = IdempotencyKeyFreed("the idempotency key has just expired; try again")
        elif fingerprint != application.fingerprint():
            answers[application.loan_id] = IdempotencyKeyReused("the idempotency key came before with other content")
        else:
            answers[application.loan_id] = Submission(loans[loan_id], is_replayed=True)
    return answers


def start_assessments(tx: Connection, loan_ids: Sequence[UUID]) -> dict[UUID, Loan]:
    """Begin to assess loans; answer those that are to be assessed: a loan that was withdrawn meanwhile is not."""
    now = store.get_now(tx)
    loans = store.lock_loans(tx, loan_ids)
    steps = {loan_id: domain.started(loan, now) for loan_id, loan in loans.items()}
    _save(tx, [step for of_loan in steps.values() for step in of_loan])
    return {loan_id: of_loan[-1].loan for loan_id, of_loan in steps.items() if of_loan}


def decide_loans(tx: Connection, loan_ids: Sequence[UUID], policy: CreditPolicy) -> Counter[Status]:
    """Decide assessed loans, those that still wait for it; answer how many ended where."""
    now = store.get_now(tx)
    changes = [domain.decided(loan, policy, now) for loan in _lock_processing(tx, loan_ids)]
    _save(tx, changes)
    return Counter(change.loan.status for change in changes)


def interrupt_assessments(tx: Connection, loan_ids: Sequence[UUID]) -> None:
    """Put loans back in line whose assessment ended without an outcome."""
    now = store.get_now(tx)
    _save(tx, [domain.interrupted(loan, now) for loan in _lock_processing(tx, loan_ids)])


def refer_unassessed(tx: Connection, loan_ids: Sequence[UUID]) -> None:
    """Hand loans to people whose assessment could not be had."""
    now = store.get_now(tx)
    _save(tx, [domain.referred_unassessed(loan, now) for loan in _lock_processing(tx, loan_ids)])


def _lock_processing(tx: Connection, loan_ids: Sequence[UUID]) -> list[Loan]:
    """Those of the loans that are being assessed: the others were withdrawn meanwhile."""
    return [loan for loan in store.lock_loans(tx, loan_ids).values() if loan.status is Status.PROCESSING]


def withdraw_loan(tx: Connection, loan_id: UUID, subject: str = "", sight: Sight = ALL, actor: str = CUSTOMER) -> Loan:
    """Withdraw an application; one that is withdrawn already is left as it is.

    Args:
        tx: The transaction.
        loan_id: Which.
        subject: Who says so, as the issuer of their token names them; empty in an open system.
        sight: What the caller may see.
        actor: Who says so, as histories name them: the customer, or somebody for them.

    Raises:
        LoanNotFound: There is none in sight.
        LoanAlreadyFinal: It has another final state.
    """
    loan = store.lock_loan(tx, loan_id, sight)
    if loan.status is Status.WITHDRAWN:
        return loan
    return _save_one(tx, domain.withdrawn(loan, store.get_now(tx), subject, actor))


def record_review_decision(
    tx: Connection, loan_id: UUID, decision: ReviewDecision, steps: Sequence[ReviewStep] = ()
) -> Loan:
    """Record what a person decided, and before it the steps of the review that are not yet recorded.

    The same decision of the same person again changes nothing.

    Raises:
        LoanNotFound: There is none.
        LoanNotUnderReview: Nobody is asked, or the loan has left UNDER_REVIEW in another way.
    """
    loan = store.lock_loan(tx, loan_id)
    if loan.status is decision.outcome and _decider(tx, loan_id) == decision.actor:
        return loan
    now = store.get_now(tx)
    changes = domain.reviewed(loan, steps, now)
    changes.append(domain.decided_by_agent(changes[-1].loan if changes else loan, decision, now))
    _save(tx, changes)
    return changes[-1].loan


def _decider(tx: Connection, loan_id: UUID) -> str:
    """Who took the decision about a loan that has one; since then its customer may have been erased."""
    history = [stored.event for stored in store.get_history(tx, loan_id)]
    return next(event.actor for event in reversed(history) if event.kind is EventKind.DECIDED)


def record_review_steps(
    tx: Connection, reviews: Sequence[tuple[UUID, Sequence[ReviewStep]]]
) -> list[LoanNotFound | None]:
    """Record steps of reviews: for each loan all of them so far, by ascending number.

    Those that are recorded already, or come after the end of the review, change nothing.

    Returns:
        For each review None, or that there is no such loan.
    """
    now = store.get_now(tx)
    loans = store.lock_loans(tx, {loan_id for loan_id, _ in reviews})
    changes: list[Change] = []
    for loan_id, steps in reviews:
        if of_review := domain.reviewed(loans[loan_id], steps, now) if loan_id in loans else []:
            loans[loan_id] = of_review[-1].loan
            changes += of_review
    _save(tx, changes)
    return [None if loan_id in loans else LoanNotFound(f"there is no loan {loan_id}") for loan_id, _ in reviews]


def get_exposure(tx: Connection, loan_id: UUID) -> tuple[Decimal, str]:
    """All that a loan's customer owes or has applied for, and in which currency.

    Raises:
        LoanNotFound: There is no such loan.
    """
    loan = store.get_loan(tx, loan_id)
    return store.get_exposures(tx, [loan.customer_phone])[loan.customer_phone], loan.currency_code


def find_referrals(tx: Connection, loan_ids: Sequence[UUID]) -> dict[UUID, Referral]:
    """Those of the loans that still need a person's decision, with what their customers owe or have applied for."""
    loans = [loan for loan in store.find_loans(tx, loan_ids).values() if loan.status is Status.UNDER_REVIEW]
    exposures = store.get_exposures(tx, [loan.customer_phone for loan in loans])
    return {loan.loan_id: Referral(loan, exposures[loan.customer_phone]) for loan in loans}


def expire_loans(tx: Connection, age_s: float) -> int:
    """End reviews of applications that are so old; answer how many, a bounded number at a time."""
    now = store.get_now(tx)
    overdue = store.lock_loans_to_expire(tx, age_s, EXPIRE_MOST)
    _save(tx, [domain.expired(loan, now) for loan in overdue])
    return len(overdue)


def purge_idempotency_keys(tx: Connection, age_s: float) -> int:
    """Free keys that are so old; answer how many, a bounded number at a time."""
    return store.delete_old_idempotency_keys(tx, age_s, PURGE_MOST)


def find_erasable(tx: Connection, phone: Phone) -> list[UUID]:
    """All loans of a customer who may be erased.

    What is found stays so: a final loan never moves again, so that nobody is ever to be told of it either. A loan that
    the customer applies for from now on is not among them; it keeps its name and number.

    Raises:
        CustomerNotFound: There are none.
        LoansNotFinal: Some are without a final state.
        LoansNotSettled: Somebody is still to be told of some.
    """
    statuses = store.list_statuses(tx, phone)
    erasing.refuse_unless_final(list(statuses.values()))
    if unsettled := store.count_with_jobs(tx, list(statuses)):
        raise LoansNotSettled(
            f"others are still to be told of {unsettled} of the customer's {len(statuses)} loans: try again later,"
            " and if it stays so see which jobs wait"
        )
    return list(statuses)


def erase_loans(tx: Connection, phone: Phone, loan_ids: Sequence[UUID], pseudonym: Phone) -> int:
    """Erase a customer from loans that are erasable, and have the other services do so; answer from how many.

    Loans from which somebody else has erased them meanwhile are left as they are. The totals are right after every
    call, so that a customer may be erased from many loans a few at a time, and the rest another day.
    """
    now = store.get_now(tx)
    loans = [loan for loan in store.lock_loans(tx, loan_ids).values() if loan.customer_phone == phone]
    _save(tx, [domain.erased(loan, now) for loan in loans])
    store.erase_loans(tx, [loan.loan_id for loan in loans], pseudonym)
    jobs.enqueue(tx, [_erasure(ERASE_REVIEW, loan.loan_id, pseudonym) for loan in loans])
    approved = [loan for loan in loans if loan.status.is_approved]
    store.subtract_customer_totals(tx, phone, approved)
    store.add_customer_totals(
        tx, [replace(loan, customer_name=erasing.NAME, customer_phone=pseudonym) for loan in approved]
    )
    return len(loans)


def erase_notifications(tx: Connection, reviewed: Sequence[tuple[UUID, Phone]]) -> None:
    """Have the notification service erase the customers of loans, by the pseudonyms that their reviews have got.

    It comes after the review service: that one may still be handing over a message which names the customer.
    """
    jobs.enqueue(tx, [_erasure(ERASE_NOTIFICATIONS, loan_id, pseudonym) for loan_id, pseudonym in reviewed])


def _save_one(tx: Connection, change: Change) -> Loan:
    """Write one step."""
    _save(tx, [change])
    return change.loan


def _save(tx: Connection, changes: Sequence[Change]) -> None:
    """Write steps of locked loans with their history, what follows from them, and the counters, which come last."""
    if not changes:
        return
    moved = store.update_loans(tx, changes)
    if missing := {change.loan.loan_id for change in changes} - moved:
        raise RuntimeError(f"loans moved although they were locked: {sorted(missing)}")
    store.insert_events(tx, [change.event for change in changes])
    jobs.enqueue(tx, [job for change in changes for job in _follow_ups(change)])
    store.add_customer_totals(tx, [change.loan for change in changes if _approves(change)])
    store.add_status_counts(tx, [(change.event.from_status, change.event.to_status) for change in changes])


def _approves(change: Change) -> bool:
    """Whether the loan is approved by this step, and was not before."""
    return change.loan.status.is_approved and change.event.from_status is not change.event.to_status


def _follow_ups(change: Change) -> Iterable[NewJob]:
    """What others must be told of a step."""
    before, after = change.event.from_status, change.event.to_status
    if before is after:
        return
    if after is Status.UNDER_REVIEW:
        yield _job(OPEN_REVIEW, change.loan.loan_id)
    if before is Status.UNDER_REVIEW and after in {Status.WITHDRAWN, Status.EXPIRED}:
        yield _job(CANCEL_REVIEW, change.loan.loan_id)
    if after.is_final:
        yield _job(NOTIFY_CUSTOMER, change.loan.loan_id)


def _job(kind: str, loan_id: UUID) -> NewJob:
    return NewJob(kind, key=f"{kind}:{loan_id}", args={"loan_id": str(loan_id)})


def _erasure(kind: str, loan_id: UUID, pseudonym: Phone) -> NewJob:
    return NewJob(kind, key=f"{kind}:{loan_id}", args={"loan_id": str(loan_id), "pseudonym": pseudonym.shown})
