"""What stories about agents and reviews are told on: the real use cases, the model, and what must be true of both."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant
from sqlalchemy import Connection, Engine, text

from chassis import db
from chassis.errors import ServiceError
from review_service.domain import Deadlines, ReviewPolicy
from tests.integration.review_service.model import (
    DUE_H,
    DUE_H_OTHERWISE,
    FOUR_EYES_ABOVE,
    Case,
    Ended,
    Model,
    Taken,
    Told,
)
from tests.integration.review_service.office import Office, check
from tests.integration.review_service.staff import Moment, Person
from tests.system.chaos import promises

T = TypeVar("T")

POLICY = ReviewPolicy(
    Deadlines(3_600 * DUE_H_OTHERWISE, {loan_type: 3_600 * hours for loan_type, hours in DUE_H.items()}),
    FOUR_EYES_ABOVE,
)

PASS = """
UPDATE reviews SET due_at = due_at - CAST(:time AS interval), decided_at = decided_at - CAST(:time AS interval);
UPDATE covers SET starts_at = starts_at - CAST(:time AS interval), ends_at = ends_at - CAST(:time AS interval);
UPDATE approval_limits SET valid_from = valid_from - CAST(:time AS interval)
"""

PROMISES = {
    complaint: query
    for complaint, query in {**promises.REVIEWS, **promises.FIGURES}.items()
    if "loan.loan" not in query and "loan.status" not in query and "loan.customer" not in query
}
"""What the checker of the whole system asks of this service alone."""

AGENTS = """
SELECT agent_id, manager_id, is_active, is_available, max_open_reviews, open_review_count,
       CAST(extract(epoch FROM last_assigned_at) AS float8)
FROM agents
"""

REVIEWS = """
SELECT loan_id, state, assigned_agent_id, on_behalf_of_agent_id, assignment_number, step_number, escalation_count,
       first_approved_by_agent_id,
       CASE WHEN state = 'OPEN' THEN CAST(ceil(extract(epoch FROM due_at - now()) / 3600) AS int) END,
       decision, decided_by_agent_id, decision_right, decision_on_behalf_of_agent_id, decision_limit, decision_exposure
FROM reviews
"""

STEPS = """
SELECT loan_id, kind, actor, assigned_agent_id, step_right, on_behalf_of_agent_id, approval_limit, customer_exposure
FROM review_steps ORDER BY loan_id, number
"""

JOBS = "SELECT key, kind, args ->> 'recipient', args ->> 'template' FROM jobs"


class Ground(RuleBasedStateMachine):
    """An office, what the model says of it, and whether both are the same."""

    engine: Engine
    restore: Callable[[str], None]

    def __init__(self) -> None:
        super().__init__()
        type(self).restore("review")
        self.model = Model()
        self.office = Office(self.engine)
        self.office.policy = POLICY

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        with db.transaction(self.engine) as tx:
            agents, found, steps, jobs = (
                [tuple(row) for row in tx.execute(text(each))] for each in (AGENTS, REVIEWS, STEPS, JOBS)
            )
        cases = self.model.cases
        same({row[0]: row[1:] for row in found}, {loan_id: self._row(case) for loan_id, case in cases.items()})
        taken: dict[UUID, list[Taken]] = {loan_id: [] for loan_id in cases}
        for loan_id, *step in steps:
            taken[loan_id].append(Taken(*step))
        same(taken, {loan_id: case.steps for loan_id, case in cases.items()})
        same({row[0]: Told(*row[1:]) for row in jobs}, self.model.jobs)
        people = self.model.people
        same({row[0]: row[1:6] for row in agents}, {agent_id: self._line(each) for agent_id, each in people.items()})
        for agent_id, *_, last_assigned_at in agents:
            person = people[agent_id]
            if agent_id in self.model.given:
                assert last_assigned_at is not None
                person.last_given = last_assigned_at
            else:
                assert person.last_given == (-1.0 if last_assigned_at is None else last_assigned_at)
        self.model.given.clear()

    def _line(self, person: Person) -> tuple[Any, ...]:
        count = self.model.open_count(person.agent_id)
        return person.manager_id, person.is_active, person.is_available, person.most, count

    def _row(self, case: Case) -> tuple[Any, ...]:
        decision = case.decision or (None,) * len(Ended._fields)
        return (
            case.state,
            case.holder,
            case.absent,
            case.assignments,
            len(case.steps),
            sum(step.kind == "ESCALATED" for step in case.steps),
            case.first_approved_by,
            case.due_hour - self.model.hour if case.state == "OPEN" else None,
            *decision,
        )

    def teardown(self) -> None:
        """What is always true of an office, and what the checker of the whole system asks of it."""
        check(self.office)
        for complaint, query in PROMISES.items():
            assert not self._execute(query), complaint

    def _tick(self, in_h: int = 0) -> Moment:
        """The next moment, and what it is called if it is meant for later."""
        self.model.tick += 1
        return Moment(self.model.hour + in_h, self.model.tick)

    def _do(self, work: Callable[[Connection], T]) -> T:
        with db.transaction(self.engine) as tx:
            return work(tx)

    def _refused(self, work: Callable[[Connection], object], refusal: type[ServiceError]) -> None:
        with pytest.raises(refusal):
            self._do(work)

    def _expect(self, work: Callable[[Connection], object], refusal: type[ServiceError] | None) -> None:
        if refusal is None:
            self._do(work)
        else:
            self._refused(work, refusal)

    def _execute(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        with db.transaction(self.engine) as tx:
            result = tx.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []


def same(stored: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    """Make sure that two tables are one; say where they are not."""
    keys = sorted(stored.keys() | expected.keys())
    differing = [(key, stored.get(key), expected.get(key)) for key in keys if stored.get(key) != expected.get(key)]
    assert not differing, "\n".join(f"{key}: stored {one}, expected {other}" for key, one, other in differing)
