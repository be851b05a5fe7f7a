"""What the tables of people and of steps refuse, whoever writes them."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chassis import db
from tests.integration.review_service.office import Office

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def insert(office: Office, table: str, values: dict[str, Any]) -> None:
    places = ", ".join(f":{name}" for name in values)
    with db.transaction(office.engine) as tx:
        tx.execute(text(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})"), values)


@pytest.mark.parametrize(
    ("changes", "wall"),
    [
        ({"amount": Decimal(0)}, "approval_limits_amount_check"),
        ({"amount": Decimal("NaN")}, "approval_limits_amount_check"),
        ({"agent_id": 2**31 - 1}, "approval_limits_agent_id_fkey"),
        ({"valid_from": None}, "valid_from"),
        ({}, "approval_limits_agent_id_loan_type_valid_from_key"),
    ],
)
@pytest.mark.parametrize("loan_type", [None, "HOME"])
def test_an_impossible_limit_cannot_be_stored(
    office: Office, changes: dict[str, Any], wall: str, loan_type: str | None
) -> None:
    good = {"agent_id": office.hire().agent_id, "loan_type": loan_type, "amount": None, "valid_from": EARLY}
    insert(office, "approval_limits", good)
    with pytest.raises(IntegrityError, match=wall):
        insert(office, "approval_limits", good | changes)


@pytest.mark.parametrize(
    ("changes", "wall"),
    [
        ({"starts_at": LATE, "ends_at": EARLY}, "covers_times_check"),
        ({"substitute_id": "the agent"}, "covers_two_agents_check"),
        ({"substitute_id": 2**31 - 1}, "covers_substitute_id_fkey"),
    ],
)
def test_an_impossible_cover_cannot_be_stored(office: Office, changes: dict[str, Any], wall: str) -> None:
    agent, substitute = office.hire(), office.hire()
    good = {"agent_id": agent.agent_id, "substitute_id": substitute.agent_id, "starts_at": EARLY, "ends_at": LATE}
    insert(office, "covers", good)
    if changes.get("substitute_id") == "the agent":
        changes = {"substitute_id": agent.agent_id}
    with pytest.raises(IntegrityError, match=wall):
        insert(office, "covers", good | changes)


@pytest.mark.parametrize(
    ("changes", "wall"),
    [
        ({"number": 0}, "review_steps_number_check"),
        ({"kind": "DECIDED"}, "review_steps_kind_check"),
        ({"actor": "customer"}, "review_steps_actor_check"),
        ({"actor": "agent:0"}, "review_steps_actor_check"),
        ({"kind": "ASSIGNED"}, "review_steps_assigned_check"),
        ({"assigned_agent_id": "the agent"}, "review_steps_assigned_check"),
        ({"actor": "agent:1", "step_right": "RIGHT_OF_WAY"}, "review_steps_step_right_check"),
        ({"actor": "agent:1"}, "review_steps_right_of_actor_check"),
        ({"step_right": "RIGHT_OF_MANAGER"}, "review_steps_right_of_actor_check"),
        ({}, "review_steps_pkey"),
    ],
)
def test_an_impossible_step_cannot_be_stored(office: Office, changes: dict[str, Any], wall: str) -> None:
    office.jobs_are_taken = True
    (loan_id,) = office.open()
    agent = office.hire(available=False)
    good = {"loan_id": loan_id, "number": 1, "kind": "UNASSIGNED", "occurred_at": EARLY, "actor": "system"}
    if not changes:
        office.change(agent, {"is_available": True})
    changes = {name: agent.agent_id if value == "the agent" else value for name, value in changes.items()}
    with pytest.raises(IntegrityError, match=wall):
        insert(office, "review_steps", good | changes)
