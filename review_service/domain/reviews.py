"""Reviews, and what can become of them.

OPEN -> DECIDED      by the assigned agent, a manager above them, or a substitute of one of these, within their limit
OPEN -> OPEN         it is given to somebody else: an approval above the limit stands as a recommendation, a second
                     approval is needed, it is overdue, somebody is absent or leaves, a manager wants it so
OPEN -> CANCELLED    the loan needs no decision any more
DECIDED -> CANCELLED the decision came too late: the loan had left its review another way
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from chassis.errors import Aborted, AlreadyExists, FailedPrecondition, NotFound, PermissionDenied
from chassis.personal import NO_WORDS, Name, Personal, Phone
from review_service.domain.steps import BY_SYSTEM, Act, Grounds, Step, StepKind


class State(StrEnum):
    """How far a review has come."""

    OPEN = "OPEN"
    DECIDED = "DECIDED"
    CANCELLED = "CANCELLED"


class Choice(StrEnum):
    """What can be decided."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"


class ReviewNotFound(NotFound):
    """No review of this loan has been opened, or not yet."""


class LoanNotFound(NotFound):
    """There is no such loan, or none that the caller may see."""


class LoanNotUnderReview(FailedPrecondition):
    """The loan does not wait for a human decision, or not any more."""


class ReviewNotSettled(Aborted):
    """The review is open, or others are still to be told of it."""


class NotAssignedToAgent(PermissionDenied):
    """The agent is neither the assigned one, nor a manager above them, nor a substitute of one; or is the applicant."""


class DecisionAlreadyMade(AlreadyExists):
    """Another decision stands."""


@dataclass(frozen=True, slots=True)
class Application:
    """What a reviewer needs to know of a loan, as it was when its review was opened.

    Attributes:
        loan_id: The loan, and its review.
        customer_name: The applicant.
        customer_phone: E.164; tells whether an agent is the applicant.
        loan_amount: Greater than 0, at most two decimals.
        currency_code: ISO 4217.
        loan_type: What the loan is for, in the word of the loan context.
        reason_codes: Why people must decide.
        customer_exposure: All that the customer owes or has applied for, this loan included.
    """

    loan_id: UUID
    customer_name: Name
    customer_phone: Phone
    loan_amount: Decimal
    currency_code: str
    loan_type: str
    reason_codes: tuple[str, ...]
    customer_exposure: Decimal


@dataclass(frozen=True, slots=True)
class Decision:
    """What an agent decides, and why: codes for all, the comment for staff.

    The subject is who they are by their token; empty where nobody needs one.
    """

    agent_id: int
    choice: Choice
    reason_codes: tuple[str, ...] = ()
    comment: Personal = NO_WORDS
    subject: str = ""

    def repeats(self, other: "Decision") -> bool:
        """Whether the same agent decides the same again, whatever the reasons given."""
        return (self.agent_id, self.choice) == (other.agent_id, other.choice)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a review: an agent, and for whom if they stand in for somebody absent."""

    agent_id: int
    on_behalf_of_agent_id: int | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A stored review.

    Attributes:
        loan_id: The loan, and its review.
        state: How far it has come.
        application: None if the review was cancelled before it was opened.
        opened_at: When it was opened; None as above.
        due_at: When it moves up to a manager; None as above.
        holder: Who has it, or had it in the end; None while it waits for somebody.
        assigned_at: When it was given to them.
        assignment_number: How often it was given to somebody.
        step_number: The number of its last step; 0 before the first.
        escalation_count: How often it moved up because it was overdue.
        at_top: It is overdue, and there is nobody above who could be given it.
        recommended_by: Agents whose approval was above their limit, the latest last. Whoever is given the review again
            is not among them any more: they are asked anew.
        first_approved_by: The first of two agents to approve.
        decision: The decision, also one that came too late.
        grounds: By which right it was made, and within which limit.
    """

    loan_id: UUID
    state: State
    application: Application | None
    opened_at: datetime | None
    due_at: datetime | None
    holder: Holder | None = None
    assigned_at: datetime | None = None
    assignment_number: int = 0
    step_number: int = 0
    escalation_count: int = 0
    at_top: bool = False
    recommended_by: tuple[int, ...] = ()
    first_approved_by: int | None = None
    decision: Decision | None = None
    grounds: Grounds | None = None

    @property
    def assigned_agent_id(self) -> int | None:
        """Who has it."""
        return None if self.holder is None else self.holder.agent_id

    @property
    def seat_id(self) -> int | None:
        """From whose place in the tree authority over it follows: the absent agent's if a substitute has it."""
        return None if self.holder is None else self.holder.on_behalf_of_agent_id or self.holder.agent_id

    @property
    def known_holder(self) -> Holder:
        """Who has a review that somebody has."""
        if self.holder is None:
            raise ValueError(f"nobody has the review of loan {self.loan_id}")
        return self.holder

    @property
    def known_application(self) -> Application:
        """The application of a review that was opened."""
        if self.application is None:
            raise ValueError(f"the review of loan {self.loan_id} was never opened")
        return self.application


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of an open review.

    Attributes:
        before: As it was.
        after: As it is now.
        steps: What happened, in order.
    """

    before: Review
    after: Review
    steps: tuple[Step, ...]

    def then(self, later: "Moved") -> "Moved":
        """This, and what happened next."""
        return Moved(self.before, later.after, self.steps + later.steps)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision that was made, with all that led to it."""

    loan_id: UUID
    decision: Decision
    grounds: Grounds
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class OpenReviews:
    """How much there is to decide.

    Attributes:
        assigned: Reviews that an agent has.
        unassigned: Reviews that wait for an agent.
        oldest_unassigned_s: For how long the first of those has been waiting; 0 if there is none.
    """

    assigned: int
    unassigned: int
    oldest_unassigned_s: float


def opened(application: Application, now: datetime, due_at: datetime) -> Review:
    """A new review, which waits for somebody."""
    return Review(application.loan_id, State.OPEN, application, opened_at=now, due_at=due_at)


def give(  # noqa: PLR0913 -- each is named by its caller, and the last two have defaults
    review: Review,
    kind: StepKind,
    holder: Holder,
    now: datetime,
    *,
    due_at: datetime | None = None,
    act: Act = BY_SYSTEM,
) -> Moved:
    """Give an open review to somebody.

    Args:
        review: The review.
        kind: Why: ASSIGNED, ESCALATED, COVERED or REASSIGNED.
        holder: Who has it from now on.
        now: The time.
        due_at: When it is due then; None leaves that as it is.
        act: Who does so, and why.
    """
    after = replace(
        review,
        holder=holder,
        assigned_at=now,
        assignment_number=review.assignment_number + 1,
        step_number=review.step_number + 1,
        due_at=due_at or review.due_at,
        escalation_count=review.escalation_count + (kind is StepKind.ESCALATED),
        at_top=False,
        recommended_by=tuple(agent_id for agent_id in review.recommended_by if agent_id != holder.agent_id),
    )
    return Moved(review, after, (_step(after, kind, now, act, holder),))


def take_away(review: Review, now: datetime) -> Moved:
    """Take an open review from whoever has it; it waits for another."""
    after = replace(review, holder=None, assigned_at=None, step_number=review.step_number + 1, at_top=False)
    return Moved(review, after, (_step(after, StepKind.UNASSIGNED, now, BY_SYSTEM),))


def recommend(review: Review, agent_id: int, now: datetime, act: Act) -> Moved:
    """Remember an approval above its agent's limit."""
    recommended_by = (*review.recommended_by, agent_id)
    after = replace(review, step_number=review.step_number + 1, recommended_by=recommended_by)
    return Moved(review, after, (_step(after, StepKind.RECOMMENDED, now, act),))


def approve_first(review: Review, agent_id: int, now: datetime, act: Act) -> Moved:
    """Remember the first of two approvals."""
    after = replace(review, step_number=review.step_number + 1, first_approved_by=agent_id)
    return Moved(review, after, (_step(after, StepKind.FIRST_APPROVED, now, act),))


def leave_at_top(review: Review) -> Moved:
    """Remember that nobody is above who could be given an overdue review."""
    return Moved(review, replace(review, at_top=True), ())


def _step(after: Review, kind: StepKind, now: datetime, act: Act, holder: Holder | None = None) -> Step:
    grounds = act.grounds
    acted_for = None if grounds is None else grounds.on_behalf_of_agent_id
    given_for = None if holder is None else holder.on_behalf_of_agent_id
    return Step(
        loan_id=after.loan_id,
        number=after.step_number,
        kind=kind,
        occurred_at=now,
        actor=act.actor,
        reason_codes=act.reason_codes,
        comment=act.comment,
        assigned_agent_id=None if holder is None else holder.agent_id,
        right=None if grounds is None else grounds.right,
        on_behalf_of_agent_id=given_for or acted_for,
        approval_limit=None if grounds is None else grounds.limit,
        customer_exposure=None if grounds is None else grounds.exposure,
        subject=act.subject,
    )
