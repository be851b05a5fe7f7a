"""What a loan application is, and which of its stories are possible.

APPLIED -> PROCESSING -> APPROVED_BY_SYSTEM*   below the review band
                      -> REJECTED_BY_SYSTEM*   above it
                      -> UNDER_REVIEW          in it, both ends included, or the assessment was unavailable
PROCESSING -> APPLIED                          interrupted without an outcome
UNDER_REVIEW -> APPROVED_BY_AGENT* | REJECTED_BY_AGENT* | EXPIRED*
APPLIED | PROCESSING | UNDER_REVIEW -> WITHDRAWN*
* final
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from chassis.personal import NO_WORDS, Personal
from loan_service.domain import chain
from loan_service.domain.review import ReviewDecision, ReviewStep
from loan_service.domain.values import (
    CUSTOMER,
    NEXT,
    NO_AUTHORITY,
    Application,
    Authority,
    Change,
    Event,
    EventKind,
    Loan,
    LoanAlreadyFinal,
    LoanNotUnderReview,
    Status,
    SystemReason,
)


@dataclass(frozen=True, slots=True)
class CreditPolicy:
    """Who decides: the system below `review_from` and above `review_to`, people between, both ends included.

    The bands are settings of the deployment until a credit policy of the lender's replaces them.
    """

    review_from: Decimal = Decimal(10_000)
    review_to: Decimal = Decimal(500_000)

    def decide(self, amount: Decimal) -> tuple[Status, tuple[str, ...]]:
        """The outcome for an amount, and why."""
        if amount < self.review_from:
            return Status.APPROVED_BY_SYSTEM, (SystemReason.AMOUNT_BELOW_REVIEW_THRESHOLD,)
        if amount > self.review_to:
            return Status.REJECTED_BY_SYSTEM, (SystemReason.AMOUNT_ABOVE_MAXIMUM,)
        return Status.UNDER_REVIEW, (SystemReason.AMOUNT_REQUIRES_REVIEW,)


def submitted(application: Application, now: datetime) -> Change:
    """The first step."""
    first = chain.first_event(application, now)
    event = chain.sealed(first, chain.start(application.loan_id), application.salt, application)
    loan = Loan(
        loan_id=application.loan_id,
        customer_name=application.customer_name,
        customer_phone=application.customer_phone,
        loan_amount=application.loan_amount,
        currency_code=application.currency_code,
        loan_type=application.loan_type,
        status=Status.APPLIED,
        version=1,
        created_at=now,
        updated_at=now,
        decided_at=None,
        assigned_agent_id=None,
        review_step_number=0,
        reason_codes=(),
        event_hash=event.hash,
        salt=application.salt,
    )
    return Change(loan, event)


def started(loan: Loan, now: datetime) -> list[Change]:
    """The assessment begins, again if an earlier one ended without a word; no steps if there is nothing to assess."""
    steps = []
    if loan.status is Status.PROCESSING:
        steps.append(interrupted(loan, now))
        loan = steps[0].loan
    if loan.status is Status.APPLIED:
        steps.append(moved(loan, Status.PROCESSING, EventKind.ASSESSMENT_STARTED, now=now))
    return steps


def interrupted(loan: Loan, now: datetime) -> Change:
    """The assessment ended without an outcome."""
    return moved(loan, Status.APPLIED, EventKind.ASSESSMENT_INTERRUPTED, now=now)


def decided(loan: Loan, policy: CreditPolicy, now: datetime) -> Change:
    """The assessment is done, and the policy says what follows."""
    outcome, reason_codes = policy.decide(loan.loan_amount)
    kind = EventKind.DECIDED if outcome.is_final else EventKind.REFERRED
    return moved(loan, outcome, kind, now=now, reason_codes=reason_codes)


def referred_unassessed(loan: Loan, now: datetime) -> Change:
    """The assessment could not be had: people decide, and an outage never rejects anybody."""
    return moved(
        loan, Status.UNDER_REVIEW, EventKind.REFERRED, now=now, reason_codes=[SystemReason.ASSESSMENT_UNAVAILABLE]
    )


def decided_by_agent(loan: Loan, decision: ReviewDecision, now: datetime) -> Change:
    """A person decided.

    Raises:
        LoanNotUnderReview: Nobody is asked, or not any more.
    """
    if loan.status is not Status.UNDER_REVIEW:
        raise LoanNotUnderReview(f"loan {loan.loan_id} is {loan.status}")
    return moved(
        loan,
        decision.outcome,
        EventKind.DECIDED,
        now=now,
        actor=decision.actor,
        reason_codes=decision.reason_codes,
        comment=decision.comment,
        authority=decision.authority,
        subject=decision.subject,
    )


def reviewed(loan: Loan, steps: Sequence[ReviewStep], now: datetime) -> list[Change]:
    """Those of a review's steps that the history lacks; none if the review is over, for they came too late.

    Args:
        loan: The loan.
        steps: By ascending number.
        now: When they are recorded.
    """
    changes: list[Change] = []
    if loan.status is Status.UNDER_REVIEW:
        for step in steps:
            if step.number > loan.review_step_number:
                changes.append(_reviewed_once(loan, step, now))
                loan = changes[-1].loan
    return changes


def _reviewed_once(loan: Loan, step: ReviewStep, now: datetime) -> Change:
    """One step; the status stays."""
    gives = step.kind.assigns or step.kind is EventKind.UNASSIGNED
    after = replace(
        loan,
        assigned_agent_id=step.assigned_agent_id if gives else loan.assigned_agent_id,
        review_step_number=step.number,
        version=loan.version + 1,
        updated_at=now,
    )
    event = Event(
        loan.loan_id, after.version, step.kind, loan.status, loan.status, step.occurred_at, step.actor,
        step.reason_codes, step.comment, step.assigned_agent_id, step.authority, step.subject,
    )  # fmt: skip
    return sealed(after, event)


def withdrawn(loan: Loan, now: datetime, subject: str = "", actor: str = CUSTOMER) -> Change:
    """The customer changed their mind.

    Args:
        loan: The loan.
        now: When.
        subject: Who said so, as the issuer of their token names them; empty in an open system.
        actor: Who said so, as histories name them: the customer, or somebody for them.

    Raises:
        LoanAlreadyFinal: It is too late.
    """
    if loan.status.is_final:
        raise LoanAlreadyFinal(f"loan {loan.loan_id} is {loan.status}")
    return moved(loan, Status.WITHDRAWN, EventKind.WITHDRAWN, now=now, actor=actor, subject=subject)


def expired(loan: Loan, now: datetime) -> Change:
    """Nobody decided in time."""
    return moved(loan, Status.EXPIRED, EventKind.EXPIRED, now=now, reason_codes=[SystemReason.NO_DECISION_IN_TIME])


def moved(  # noqa: PLR0913 -- who, what, when and why are the event
    loan: Loan,
    to: Status,
    kind: EventKind,
    *,
    now: datetime,
    actor: str = "system",
    reason_codes: Sequence[str] = (),
    comment: Personal = NO_WORDS,
    authority: Authority = NO_AUTHORITY,
    subject: str = "",
) -> Change:
    """A step to another status. The table of transitions must hold it; a step that it does not is a defect of ours."""
    if to not in NEXT[loan.status]:
        raise ValueError(f"{loan.status} is never followed by {to}")
    after = replace(
        loan,
        status=to,
        version=loan.version + 1,
        updated_at=now,
        decided_at=now if to.is_final else None,
        reason_codes=tuple(reason_codes),
    )
    event = Event(
        loan.loan_id,
        after.version,
        kind,
        loan.status,
        to,
        now,
        actor,
        tuple(reason_codes),
        comment,
        authority=authority,
        subject=subject,
    )
    return sealed(after, event)


def sealed(after: Loan, event: Event) -> Change:
    """A step whose event goes on with the chain of the loan, which knows the hash of the event before it until then."""
    event = chain.sealed(event, after.event_hash, after.salt)
    return Change(replace(after, event_hash=event.hash), event)
