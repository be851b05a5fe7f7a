"""Agents and reviews on a real database, and what must always be true of them."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, Executable, text

from chassis import db
from review_service import store, usecases
from review_service.domain import Agent, AgentChanges, Application, Choice, Decision, Profile, Review

_numbers = count(1)

COUNTS_AND_ROWS = text("""
SELECT agent_id, open_review_count AS counted,
       (SELECT count(*) FROM reviews WHERE assigned_agent_id = agent_id AND state = 'OPEN') AS stored
FROM agents
""")

# The job of every assignment is there, for the loan service and for the agent, until somebody takes it.
ASSIGNMENTS_WITHOUT_JOB = text("""
SELECT loan_id, number FROM reviews CROSS JOIN generate_series(1, assignment_number) AS number
WHERE (SELECT count(*) FROM jobs WHERE key IN ('record_assignment:' || loan_id || ':' || number,
                                               'push:' || loan_id || ':' || number || '\\:agent')) <> 2
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

ASSIGNABLE_BUT_WAITING = text("""
SELECT loan_id FROM reviews
WHERE state = 'OPEN' AND assigned_agent_id IS NULL
  AND EXISTS (SELECT 1 FROM agents WHERE is_available AND phone <> customer_phone)
""")


def application(amount: int | str = 20_000, *, phone: str = "+14155550123", loan_id: UUID | None = None) -> Application:
    """A loan under review."""
    return Application(
        loan_id or uuid4(), "Ada Lovelace", phone, Decimal(amount), "USD", "HOME", ("AMOUNT_REQUIRES_REVIEW",)
    )


class Office:
    """The review service's use cases, each in a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.jobs_are_taken = False

    def hire(
        self, manager: Agent | None = None, *, available: bool = True, limit: int | None = None, phone: str = ""
    ) -> Agent:
        """A new agent with a name, an address and a phone of their own."""
        number = next(_numbers)
        profile = Profile(
            name=f"Agent {number}",
            email=f"agent{number}@example.com",
            phone=phone or f"+1202556{number:04}",
            manager_id=None if manager is None else manager.agent_id,
            is_available=available,
        )
        with db.transaction(self.engine) as tx:
            return usecases.create_agent(tx, profile, None if limit is None else Decimal(limit))

    def change(self, agent: Agent, changes: AgentChanges) -> Agent:
        """Change an agent."""
        with db.transaction(self.engine) as tx:
            return usecases.update_agent(tx, agent.agent_id, changes)

    def open(self, *applications: Application) -> list[UUID]:
        """Open reviews of loans, one if none is given."""
        wanted = applications or (application(),)
        with db.transaction(self.engine) as tx:
            usecases.open_reviews(tx, wanted)
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
    ) -> Decision | None:
        """Decide as an agent."""
        with db.transaction(self.engine) as tx:
            return usecases.decide_review(tx, loan_id, Decision(agent.agent_id, choice, tuple(why), comment))

    def assign_waiting(self) -> int:
        """Assign what waits."""
        with db.transaction(self.engine) as tx:
            return usecases.assign_waiting(tx)

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
    """Everything that must always be true."""
    counts = office.rows(COUNTS_AND_ROWS)
    assert [(row.agent_id, row.counted) for row in counts] == [(row.agent_id, row.stored) for row in counts]
    assert not office.rows(CYCLES)
    assert not office.rows(ASSIGNABLE_BUT_WAITING)
    if not office.jobs_are_taken:
        assert not office.rows(ASSIGNMENTS_WITHOUT_JOB)
        assert not office.rows(DECISIONS_WITHOUT_JOB)
