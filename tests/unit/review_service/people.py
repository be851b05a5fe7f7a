"""Agents, loans and reviews for tests; what a test does not name does not matter to it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from chassis.personal import Email, Name, Phone
from review_service.domain import Agent, Application, Decision, Holder, Review, Search, State

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
APPLICANT = "+14155550123"


def agent(
    agent_id: int,
    *,
    limit: int | str | None = None,
    manager_id: int | None = None,
    open_count: int = 0,
    phone: str = "",
    substitute: int | None = None,
    available: bool = True,
    active: bool = True,
    most: int | None = None,
    skills: Iterable[str] = (),
    last_assigned_at: datetime | None = None,
) -> Agent:
    return Agent(
        agent_id=agent_id,
        name=Name(f"Agent {agent_id}"),
        email=Email(f"agent{agent_id}@example.com"),
        phone=Phone(phone or f"+1202555{agent_id:04}"),
        manager_id=manager_id,
        is_active=active,
        is_available=available,
        max_open_reviews=most,
        loan_types=frozenset(skills),
        limits={} if limit is None else {"": Decimal(limit)},
        open_review_count=open_count,
        last_assigned_at=last_assigned_at,
        substitute_id=substitute,
        created_at=NOON,
        updated_at=NOON,
        as_of=NOON,
    )


def application(
    amount: int | str = 20_000, *, phone: str = "+14155550123", loan_id: UUID | None = None, loan_type: str = "HOME"
) -> Application:
    return Application(
        loan_id or uuid4(),
        Name("Ada Lovelace"),
        Phone(phone),
        Decimal(amount),
        "USD",
        loan_type,
        ("AMOUNT_REQUIRES_REVIEW",),
        Decimal(amount),
    )


def review(
    state: State = State.OPEN,
    *,
    amount: int | str = 20_000,
    phone: str = "+14155550123",
    assigned_to: int | None = 1,
    on_behalf_of: int | None = None,
    recommended_by: tuple[int, ...] = (),
    first_approved_by: int | None = None,
    decision: Decision | None = None,
) -> Review:
    loan = application(amount, phone=phone)
    return Review(
        loan_id=loan.loan_id,
        state=state,
        application=loan,
        opened_at=NOON,
        due_at=NOON,
        holder=None if assigned_to is None else Holder(assigned_to, on_behalf_of),
        assigned_at=None if assigned_to is None else NOON,
        recommended_by=recommended_by,
        first_approved_by=first_approved_by,
        decision=decision,
    )


# The assigned agent, their manager, the manager's manager and the head.
CHAIN = [
    agent(1, limit=50_000, manager_id=2),
    agent(2, limit=100_000, manager_id=3),
    agent(3, limit=500_000, manager_id=4),
    agent(4),
]


def search(
    held: Review,
    decider_id: int,
    chain: Sequence[Agent] = CHAIN,
    others: Iterable[Agent] = (),
    *,
    exposure: int | None = None,
) -> Search:
    staff = {member.agent_id: member for member in [*chain, *others] if member.is_active}
    return Search(held, chain, staff, decider_id, None if exposure is None else Decimal(exposure))
