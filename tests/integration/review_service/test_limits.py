"""Approval limits over time, on a real database."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from chassis import db
from chassis.errors import InvalidArgument
from review_service import store
from review_service.domain import AgentNotFound, LimitAlreadySet
from tests.integration.review_service.office import Office

INSERT = text("""
INSERT INTO approval_limits (agent_id, loan_type, amount, valid_from)
VALUES (:agent_id, :loan_type, :amount, now() + :hours * interval '1 hour') RETURNING 1
""")

Rows = list[tuple[str | None, int | None, float]]
"""The type, the amount, and in how many hours the limit begins."""


@pytest.mark.parametrize(
    ("rows", "home", "auto"),
    [
        ([], None, None),
        ([(None, 100, -1)], 100, 100),
        ([(None, 100, 1)], None, None),
        ([(None, 100, -2), (None, 200, -1), (None, 300, 1)], 200, 200),
        ([(None, 200, -1), (None, 100, -2)], 200, 200),
        ([(None, 100, -2), (None, None, -1)], None, None),
        ([("HOME", 500, -1), (None, 100, -1)], 500, 100),
        ([("HOME", 50, -3), (None, 100, -1)], 50, 100),
        ([("HOME", None, -1), (None, 100, -1)], None, 100),
        ([("HOME", 500, 1), (None, 100, -1)], 100, 100),
        ([("HOME", 500, -2), ("HOME", None, -1), ("AUTO", 7, -1)], None, 7),
        ([("HOME", 500, -1)], 500, None),
    ],
    ids=[
        "none",
        "one for all",
        "one to come",
        "the latest that has begun",
        "whatever the order in which they were stored",
        "lifted",
        "a type's own goes before",
        "a type's own goes before a later one for all",
        "unlimited for a type",
        "a type's own to come",
        "lifted for a type, and another type's own",
        "only for a type",
    ],
)
def test_the_limit_that_holds_is(office: Office, rows: Rows, home: int | None, auto: int | None) -> None:
    agent = office.hire()
    for loan_type, amount, hours in rows:
        office.rows(INSERT, agent_id=agent.agent_id, loan_type=loan_type, amount=amount, hours=hours)
    read = office.agent(agent)
    assert (read.limit_for("HOME"), read.limit_for("AUTO")) == (home, auto)


def test_an_amount_is_read_as_it_was_set(office: Office) -> None:
    agent = office.hire()
    with db.transaction(office.engine) as tx:
        assert store.insert_limit(tx, agent.agent_id, None, Decimal("99999999.99"), store.get_time(tx))
    assert office.agent(agent).limit_for("HOME") == Decimal("99999999.99")


def test_a_limit_holds_from_now_on_unless_told_otherwise(office: Office) -> None:
    agent, colleague = office.hire(limit=100), office.hire(limit=100)
    before = office.now()
    lowered = office.limit(agent, 50)
    assert before < lowered.valid_from < office.now()
    later = office.limit(agent, None, "HOME", office.now() + timedelta(days=1))
    assert office.agent(agent).limits == {"": 50}
    with db.transaction(office.engine) as tx:
        first, *rest = store.list_limits(tx, agent.agent_id)
    assert first.amount == Decimal(100)
    assert rest == [lowered, later]
    assert office.agent(colleague).limits == {"": 100}


def test_a_limit_never_changes_what_was_right_before(office: Office) -> None:
    agent = office.hire()
    with pytest.raises(InvalidArgument, match="valid_from: must not have passed"):
        office.limit(agent, 100, valid_from=office.now() - timedelta(milliseconds=1))
    assert office.agent(agent).limits == {}


def test_one_limit_of_a_type_begins_at_a_time(office: Office) -> None:
    agent, colleague = office.hire(), office.hire()
    tomorrow = office.now() + timedelta(days=1)
    for whose, loan_type in ((agent, None), (agent, "HOME"), (agent, "AUTO"), (colleague, None)):
        office.limit(whose, 100, loan_type, tomorrow)
    for loan_type in (None, "HOME"):
        with pytest.raises(LimitAlreadySet):
            office.limit(agent, 200, loan_type, tomorrow)


def test_only_agents_have_limits(office: Office) -> None:
    agent = office.hire()
    office.rows(text("DELETE FROM agents WHERE agent_id = :agent_id RETURNING 1"), agent_id=agent.agent_id)
    with pytest.raises(AgentNotFound):
        office.limit(agent, 100)


def test_the_limit_of_a_profile_is_the_one_for_all_types_from_now_on(office: Office) -> None:
    agent = office.hire(limit=100)
    office.limit(agent, 500, "HOME")
    assert office.change(agent, {"approval_limit": Decimal(200)}).limits == {"": 200, "HOME": 500}
    office.change(agent, {"approval_limit": Decimal(200)})
    assert office.change(agent, {"approval_limit": None}).limits == {"": None, "HOME": 500}
    unlimited = office.change(agent, {"approval_limit": None})
    stored = office.rows(text("SELECT amount FROM approval_limits WHERE loan_type IS NULL ORDER BY valid_from"))
    assert [row.amount for row in stored] == [100, 200, None]
    assert (unlimited.updated_at > agent.updated_at, unlimited.has_limits) == (True, True)
