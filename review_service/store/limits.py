"""Statements over approval limits."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, text

from review_service.domain import ApprovalLimit

INSERT_LIMIT = text("""
INSERT INTO approval_limits (agent_id, loan_type, amount, valid_from)
VALUES (:agent_id, :loan_type, :amount, :valid_from)
ON CONFLICT (agent_id, loan_type, valid_from) DO NOTHING
RETURNING agent_id
""")

LIST_LIMITS = text("""
SELECT agent_id, loan_type, amount, valid_from FROM approval_limits
WHERE agent_id = :agent_id ORDER BY valid_from, loan_type NULLS FIRST
""")


def insert_limit(
    tx: Connection, agent_id: int, loan_type: str | None, amount: Decimal | None, valid_from: datetime
) -> bool:
    """Store a limit of an agent whom the caller has locked; False if another one begins at that time."""
    values = {"agent_id": agent_id, "loan_type": loan_type, "amount": amount, "valid_from": valid_from}
    return tx.execute(INSERT_LIMIT, values).scalar_one_or_none() is not None


def list_limits(tx: Connection, agent_id: int) -> list[ApprovalLimit]:
    """All limits of an agent, the earliest first."""
    return [ApprovalLimit(*row) for row in tx.execute(LIST_LIMITS, {"agent_id": agent_id})]
