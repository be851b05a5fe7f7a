"""What the tables refuse."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from chassis import db

AGENT = {"name": "A", "email": "a@example.com", "phone": "+14155550100", "is_available": True}
OPEN = {
    "state": "OPEN",
    "customer_name": "Ada",
    "customer_phone": "+14155550123",
    "loan_amount": Decimal(20_000),
    "currency_code": "USD",
    "loan_type": "HOME",
    "reason_codes": [],
    "customer_exposure": Decimal(20_000),
    "opened_at": "2026-01-01T00:00:00Z",
    "due_at": "2026-01-02T00:00:00Z",
}
DECISION = {
    "decision": "APPROVE",
    "decision_reason_codes": [],
    "decision_comment": "",
    "decision_right": "RIGHT_OF_ASSIGNEE",
    "decided_at": "2026-01-02T00:00:00Z",
}
NOW = "2026-01-03T00:00:00Z"


def insert(engine: Engine, table: str, values: dict[str, Any]) -> Any:
    columns = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    key = {"agents": "agent_id", "reviews": "loan_id"}[table]
    with db.transaction(engine) as tx:
        statement = text(f"INSERT INTO {table} ({columns}) VALUES ({places}) RETURNING {key}")
        return tx.execute(statement, values).scalar_one()


@pytest.mark.parametrize(
    ("changes", "wall"),
    [
        ({"name": ""}, "agents_name_check"),
        ({"name": "x" * 201}, "agents_name_check"),
        ({"email": "A@example.com"}, "agents_email_check"),
        ({"phone": "4155550100"}, "agents_phone_check"),
        ({"max_open_reviews": -1}, "agents_max_open_reviews_check"),
        ({"open_review_count": -1}, "agents_open_review_count_check"),
        ({"manager_id": 2**31 - 1}, "agents_manager_id_fkey"),
    ],
)
def test_an_impossible_agent_cannot_be_stored(review_database: Engine, changes: dict[str, Any], wall: str) -> None:
    insert(review_database, "agents", AGENT | {"email": "good@example.com"})
    with pytest.raises(IntegrityError, match=wall):
        insert(review_database, "agents", AGENT | changes)


def test_an_email_address_is_stored_once(review_database: Engine) -> None:
    insert(review_database, "agents", AGENT)
    with pytest.raises(IntegrityError, match="agents_email_key"):
        insert(review_database, "agents", AGENT)


@pytest.mark.parametrize(
    ("changes", "wall"),
    [
        ({"state": "LOST"}, "reviews_state_check"),
        ({"loan_amount": Decimal("NaN")}, "reviews_loan_amount_check"),
        ({"loan_amount": Decimal(0)}, "reviews_loan_amount_check"),
        ({"customer_name": None}, "reviews_application_check"),
        ({"customer_phone": "none"}, "reviews_customer_phone_check"),
        ({"currency_code": "usd"}, "reviews_currency_code_check"),
        ({"assignment_number": 1}, "reviews_numbers_check"),
        ({"agent": "assigned_agent_id", "assigned_at": NOW}, "reviews_assignment_check"),
        ({"agent": "decided_by_agent_id", **DECISION}, "reviews_decided_check"),
        (
            {"agent": "decided_by_agent_id", **DECISION, "state": "DECIDED", "decision": "MAYBE"},
            "reviews_decision_check",
        ),
        ({**DECISION, "state": "DECIDED"}, "reviews_whole_decision_check"),
        ({"state": "DECIDED"}, "reviews_decided_check"),
        ({"state": "CANCELLED"}, "reviews_cancelled_check"),
        ({"cancelled_at": NOW}, "reviews_cancelled_check"),
    ],
)
def test_an_impossible_review_cannot_be_stored(review_database: Engine, changes: dict[str, Any], wall: str) -> None:
    agent_id = insert(review_database, "agents", AGENT)
    values = {"loan_id": uuid4(), **OPEN, **changes}
    if column := values.pop("agent", None):
        values[column] = agent_id
    with pytest.raises(IntegrityError, match=wall):
        insert(review_database, "reviews", values)


@pytest.mark.parametrize("lost", ["OPEN", "DECIDED"])
def test_only_a_cancelled_review_can_be_without_an_application(review_database: Engine, lost: str) -> None:
    insert(review_database, "reviews", {"loan_id": uuid4(), "state": "CANCELLED", "cancelled_at": NOW})
    with pytest.raises(IntegrityError, match=r"reviews_(application|decided)_check"):
        insert(review_database, "reviews", {"loan_id": uuid4(), "state": lost})
