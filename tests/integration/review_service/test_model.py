"""What is true of agents and reviews whatever happens, and that the stories would find it if it were not.

Each mutant is a fault that a careful change could bring in; the stories must find it among the first few hundred.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from review_service import domain, store
from review_service.domain import Claim, Grounds, Moved, Outcome, Review
from review_service.store import reviews
from review_service.usecases import moving
from tests.integration.review_service.stories import Stories


@pytest.fixture
def stories(review_database: Engine, restore: Callable[[str], None]) -> Iterator[type[Stories]]:
    yield type("Told", (Stories,), {"engine": review_database, "restore": staticmethod(restore)})
    restore("review")


def tell(stories: type[Stories], examples: int) -> None:
    limits = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(stories, settings=limits)


def test_whatever_happens_agents_and_reviews_are_what_the_model_says(stories: type[Stories]) -> None:
    tell(stories, 30)


def test_the_model_finds_a_decision_that_ignores_what_the_customer_owes(
    stories: type[Stories], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cover(grounds: Grounds, amount: Decimal) -> bool:
        return grounds.limit is None or amount <= grounds.limit

    monkeypatch.setattr(Grounds, "cover", cover)
    refute(stories)


def test_the_model_finds_a_decision_within_the_limit_of_somebody_else(
    stories: type[Stories], monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = domain.decide

    def by_the_limits_of_the_seat(review: Review, decision: Any, claim: Claim, *rest: Any) -> Outcome:
        limits = claim.chain[0].limits if claim.chain else claim.agent.limits
        return decide(review, decision, replace(claim, agent=replace(claim.agent, limits=limits)), *rest)

    monkeypatch.setattr(domain, "decide", by_the_limits_of_the_seat)
    refute(stories)


def test_the_model_finds_two_escalators_that_see_the_same_review(
    stories: type[Stories], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was overdue at the look before is taken for overdue once more, as if both had looked at the same time."""
    lock_overdue, before = store.lock_overdue_reviews, list[Review]()

    def seen_before_the_lock(tx: Connection, now: datetime, most: int) -> list[Review]:
        found = lock_overdue(tx, now, most)
        seen = {review.loan_id: review for review in [*before, *found]}
        before[:] = found
        return [store.lock_review(tx, loan_id) for loan_id in seen]

    monkeypatch.setattr(store, "lock_overdue_reviews", seen_before_the_lock)
    refute(stories)


def test_the_model_finds_an_escalation_of_what_has_ended(
    stories: type[Stories], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch, reviews, "LOCK_OVERDUE_REVIEWS", "state = 'OPEN' AND", "")
    refute(stories)


def test_the_model_finds_a_count_that_a_move_does_not_lower(
    stories: type[Stories], monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = moving._changes

    def only_upwards(moves: Sequence[Moved]) -> dict[int, int]:
        return {agent_id: change for agent_id, change in changes(moves).items() if change > 0}

    monkeypatch.setattr(moving, "_changes", only_upwards)
    refute(stories)


def refute(stories: type[Stories]) -> None:
    """The stories come to one that cannot be."""
    with pytest.raises((AssertionError, DBAPIError, pytest.fail.Exception)):
        tell(stories, 500)


def mutate(monkeypatch: pytest.MonkeyPatch, module: object, name: str, part: str, by: str) -> None:
    """Change a statement of the store in one place."""
    statement = getattr(module, name).text
    assert part in statement
    monkeypatch.setattr(module, name, text(statement.replace(part, by)))
