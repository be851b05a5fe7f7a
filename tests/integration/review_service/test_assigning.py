"""Assigning while somebody else holds the row of whoever's turn it is."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import text

from chassis import db
from review_service import store
from review_service.domain import Agent
from tests.integration.review_service.office import Office

Hold = Callable[[Agent], AbstractContextManager[None]]


@pytest.fixture
def held(office: Office) -> Hold:
    """Holds an agent's row while the block lasts, as a decision or another assignment does."""

    @contextmanager
    def hold(agent: Agent) -> Iterator[None]:
        with db.transaction(office.engine) as tx:
            store.lock_agents(tx, [agent.agent_id])
            yield

    return hold


def let_wait(office: Office) -> None:
    """Let so much time pass that nobody waits for a single agent any more."""
    office.rows(text("UPDATE reviews SET opened_at = now() - interval '1 min' RETURNING 1"))


def test_a_review_waits_a_moment_for_whose_turn_it_is(office: Office, held: Hold) -> None:
    first, _ = office.hire(), office.hire()
    with held(first):
        (loan_id,) = office.open()
        assert office.assign_waiting()
        assert office.holder(loan_id) is None
    office.settle()
    assert office.holder(loan_id) == first.agent_id


def test_a_review_that_has_waited_goes_to_the_next(office: Office, held: Hold) -> None:
    first, second = office.hire(), office.hire()
    with held(first):
        (loan_id,) = office.open()
        let_wait(office)
        office.settle()
        assert office.holder(loan_id) == second.agent_id


def test_nothing_goes_to_a_manager_because_an_agent_below_is_held(office: Office, held: Hold) -> None:
    agent = office.hire(office.hire())
    with held(agent):
        (loan_id,) = office.open()
        let_wait(office)
        assert office.assign_waiting()
        assert office.holder(loan_id) is None
    office.settle()
    assert office.holder(loan_id) == agent.agent_id


def test_nobody_waits_for_a_row_that_somebody_holds(office: Office, held: Hold) -> None:
    busy, idle = office.hire(), office.hire()
    office.open()
    with held(busy):
        (loan_id,) = office.open()
        assert office.holder(loan_id) == idle.agent_id
