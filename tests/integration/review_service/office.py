"""Agents and reviews on a real database, and what must always be true of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, Executable, text

from chassis import db
from chassis.personal import Email, Name, Personal, Phone
from review_service import domain, store, usecases
from review_service.domain import (
    Agent,
    AgentChanges,
    Application,
    ApprovalLimit,
    Choice,
    Cover,
    Decision,
    Profile,
    Review,
    ReviewPolicy,
    Step,
)

_numbers = count(1)

COUNTS_AND_ROWS = text("""
SELECT agent_id, open_review_count AS counted,
       (SELECT count(*) FROM reviews WHERE assigned_agent_id = agent_id AND state = 'OPEN') AS stored
FROM agents
""")

# The job that tells the loan service of the last step is there until somebody takes it, and of each step that gives the
# review to somebody the message to them.
STEPS_WITHOUT_JOB = text("""
SELECT loan_id, step_number FROM reviews
WHERE step_number > 0
  AND NOT EXISTS (SELECT FROM jobs WHERE key = 'record_steps:' || loan_id || ':' || step_number)
UNION ALL
SELECT loan_id, number FROM review_steps
WHERE kind IN ('ASSIGNED', 'REASSIGNED', 'COVERED')
  AND NOT EXISTS (SELECT FROM jobs WHERE key = 'push:' || loan_id || '\\:step-' || number || '\\:agent')
""")

STEPS_WITH_GAPS = text("""
SELECT loan_id FROM reviews
WHERE step_number <> (SELECT count(*) FROM review_steps WHERE review_steps.loan_id = reviews.loan_id)
   OR step_number <> coalesce((SELECT max(number) FROM review_steps WHERE review_steps.loan_id = reviews.loan_id), 0)
""")

DECISIONS_WITHOUT_JOB = text("""
SELECT loan_id FROM reviews
WHERE state = 'DECIDED' AND NOT EXISTS (SELECT 1 FROM jobs WHERE key = 'record_decision:' || loan_id)
""")

CYCLES = text("""
WITH RECURSIVE above (start, agent_id) AS (
    SELECT agent_id, manager_id FROM agents WHERE manager_id IS NOT NULL
    UNION
    SELECT start, manager_id FROM above JOIN agents USING (agent_id) WHERE manager_id IS NOT NULL
)
SELECT start FROM above WHERE start = agent_id
""")

HELD_BY_SOMEBODY_GONE = text("""
SELECT loan_id FROM reviews JOIN agents ON agent_id = assigned_agent_id WHERE state = 'OPEN' AND NOT is_active
""")


def application(
    amount: int | str = 20_000, *, phone: str = "+14155550123", loan_id: UUID | None = None, loan_type: str = "HOME"
) -> Application:
    """A loan under review."""
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


class Office:
    """The review service's use cases, each in a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.policy = ReviewPolicy()
        self.jobs_are_taken = False

    def hire(
        self,
        manager: Agent | None = None,
        *,
        available: bool = True,
        limit: int | None = None,
        phone: str = "",
        most: int | None = None,
        skills: Iterable[str] = (),
    ) -> Agent:
        """A new agent with a name, an address and a phone of their own."""
        number = next(_numbers)
        profile = Profile(
            name=Name(f"Agent {number}"),
            email=Email(f"agent{number}@example.com"),
            phone=Phone(phone or f"+1202556{number:04}"),
            manager_id=None if manager is None else manager.agent_id,
            is_available=available,
            max_open_reviews=most,
            loan_types=frozenset(skills),
        )
        with db.transaction(self.engine) as tx:
            return usecases.create_agent(tx, profile, self.policy, None if limit is None else Decimal(limit))

    def change(self, agent: Agent, changes: AgentChanges) -> Agent:
        """Change an agent."""
        with db.transaction(self.engine) as tx:
            return usecases.update_agent(tx, agent.agent_id, changes, self.policy)

    def agent(self, agent: Agent) -> Agent:
        """An agent as they are now."""
        with db.transaction(self.engine) as tx:
            return store.get_agent(tx, agent.agent_id)

    def dismiss(self, agent: Agent, successor: Agent | None = None, *, reassign: bool = False) -> Agent:
        """End an agent's work."""
        with db.transaction(self.engine) as tx:
            successor_id = None if successor is None else successor.agent_id
            return usecases.deactivate_agent(tx, agent.agent_id, successor_id, reassign=reassign)

    def rehire(self, agent: Agent) -> Agent:
        """Let an inactive agent work again."""
        with db.transaction(self.engine) as tx:
            return usecases.activate_agent(tx, agent.agent_id, self.policy)

    def limit(
        self, agent: Agent, amount: int | None, loan_type: str | None = None, valid_from: datetime | None = None
    ) -> ApprovalLimit:
        """Set what an agent may approve."""
        with db.transaction(self.engine) as tx:
            decimal = None if amount is None else Decimal(amount)
            return usecases.set_approval_limit(tx, agent.agent_id, loan_type, decimal, valid_from)

    def cover(
        self, agent: Agent, substitute: Agent, *, starts_in_s: float | None = None, ends_in_s: float = 3_600
    ) -> Cover:
        """Name a substitute for a time."""
        now = self.now()
        starts_at = None if starts_in_s is None else now + timedelta(seconds=starts_in_s)
        ends_at = now + timedelta(seconds=ends_in_s)
        with db.transaction(self.engine) as tx:
            return usecases.create_cover(tx, agent.agent_id, substitute.agent_id, starts_at, ends_at)

    def end_cover(self, cover: Cover) -> Cover:
        """End a cover."""
        with db.transaction(self.engine) as tx:
            return usecases.end_cover(tx, cover.agent_id, cover.cover_id)

    def apply_covers(self) -> None:
        """Give reviews to whoever stands in now."""
        with db.transaction(self.engine) as tx:
            usecases.apply_covers(tx)

    def now(self) -> datetime:
        """The database's time."""
        with db.transaction(self.engine) as tx:
            return store.get_time(tx)

    def open(self, *applications: Application) -> list[UUID]:
        """Open reviews of loans, one if none is given."""
        wanted = applications or (application(),)
        with db.transaction(self.engine) as tx:
            usecases.open_reviews(tx, wanted, self.policy)
        return [each.loan_id for each in wanted]

    def cancel(self, *loan_ids: UUID) -> None:
        """Cancel reviews."""
        with db.transaction(self.engine) as tx:
            usecases.cancel_reviews(tx, loan_ids)

    def decide(
        self,
        loan_id: UUID,
        agent: Agent,
        choice: Choice = Choice.APPROVE,
        *,
        why: Sequence[str] = (),
        comment: str = "",
        exposure: Decimal | None = Decimal(0),
    ) -> Decision | None:
        """Decide as an agent, whose customer owes so much."""
        with db.transaction(self.engine) as tx:
            decision = Decision(agent.agent_id, choice, tuple(why), Personal(comment))
            ruling = usecases.decide_review(tx, loan_id, decision, self.policy, exposure)
        return None if ruling is None else ruling.decision

    def reassign(self, loan_id: UUID, manager: Agent, to: Agent, comment: str = "") -> Review:
        """Give a review to another agent, as a manager."""
        with db.transaction(self.engine) as tx:
            return usecases.reassign_review(tx, loan_id, manager.agent_id, to.agent_id, comment=Personal(comment))

    def escalate(self, now: datetime | None = None) -> bool:
        """Move overdue reviews up; tell whether there may be more."""
        with db.transaction(self.engine) as tx:
            return usecases.escalate_overdue(tx, self.policy, now)

    def make_overdue(self, *loan_ids: UUID) -> None:
        """Let the time pass at which reviews are due."""
        overdue = text("UPDATE reviews SET due_at = now() - interval '1 s' WHERE loan_id = ANY (:ids) RETURNING 1")
        assert len(self.rows(overdue, ids=list(loan_ids))) == len(loan_ids)

    def steps(self, loan_id: UUID) -> list[Step]:
        """What happened in a review."""
        with db.transaction(self.engine) as tx:
            return store.list_steps(tx, [loan_id])[loan_id]

    def kinds(self, loan_id: UUID) -> list[str]:
        """What happened in a review, as words."""
        return [str(step.kind) for step in self.steps(loan_id)]

    def settle(self) -> None:
        """Assign what waits as the worker does: until there is nothing more to assign."""
        while self.assign_waiting():
            pass

    def assign_waiting(self) -> bool:
        """Assign what waits; tell whether there may be more that somebody can take."""
        with db.transaction(self.engine) as tx:
            return usecases.assign_waiting(tx, self.policy)

    def review(self, loan_id: UUID) -> Review:
        """A review as it now stands."""
        with db.transaction(self.engine) as tx:
            return store.lock_review(tx, loan_id)

    def holder(self, loan_id: UUID) -> int | None:
        """To whom a review is assigned."""
        return self.review(loan_id).assigned_agent_id

    def open_count(self, agent: Agent) -> int:
        """What an agent's counter says."""
        with db.transaction(self.engine) as tx:
            return store.get_agent(tx, agent.agent_id).open_review_count

    def jobs(self, kind: str) -> dict[str, dict[str, Any]]:
        """The arguments of the jobs of a kind, by key."""
        rows = self.rows(text("SELECT key, args FROM jobs WHERE kind = :kind"), kind=kind)
        return {row.key: row.args for row in rows}

    def rows(self, statement: Executable, **values: object) -> Sequence[Any]:
        """What a statement answers."""
        with db.transaction(self.engine) as tx:
            return tx.execute(statement, values).all()

    def loads(self) -> Counter[int]:
        """The open reviews of each agent, counted in the rows."""
        counted = text("SELECT assigned_agent_id FROM reviews WHERE state = 'OPEN' AND assigned_agent_id IS NOT NULL")
        return Counter(row.assigned_agent_id for row in self.rows(counted))


def check(office: Office) -> None:
    """Everything that must always be true, once what was hastened has been done."""
    if not office.jobs_are_taken:
        office.settle()
    counts = office.rows(COUNTS_AND_ROWS)
    assert [(row.agent_id, row.counted) for row in counts] == [(row.agent_id, row.stored) for row in counts]
    assert not office.rows(CYCLES)
    assert not office.rows(STEPS_WITH_GAPS)
    assert not office.rows(HELD_BY_SOMEBODY_GONE)
    assert not assignable(office)
    if not office.jobs_are_taken:
        assert not office.rows(STEPS_WITHOUT_JOB)
        assert not office.rows(DECISIONS_WITHOUT_JOB)


def assignable(office: Office) -> set[UUID]:
    """The reviews that wait although somebody could take them."""
    with db.transaction(office.engine) as tx:
        waiting = store.lock_waiting_reviews(tx, None, 10_000)
        return set(domain.share_out([review.known_application for review in waiting], store.list_roster(tx)))
