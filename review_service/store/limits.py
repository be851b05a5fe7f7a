"""Statements over approval limits."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, text

# Without a time the limit begins now, by the clock and not by the start of the transaction: the caller may have waited
# for the agent's row, and whoever held it has decided by the limit before.
INSERT_LIMIT = text("""
INSERT INTO approval_limits (agent_id, loan_type, amount, valid_from)
VALUES (:agent_id, :loan_type, :amount, coalesce(CAST(:valid_from AS timestamptz), clock_timestamp()))
ON CONFLICT (agent_id, loan_type, valid_from) DO NOTHING
RETURNING limit_id
""")


def insert_limit(
    tx: Connection, agent_id: int, loan_type: str | None, amount: Decimal | None, valid_from: datetime | None = None
) -> int | None:
    """Store a limit of an agent that the caller has locked, from a time on or from now; None if another begins then."""
    values = {"agent_id": agent_id, "loan_type": loan_type, "amount": amount, "valid_from": valid_from}
    return tx.execute(INSERT_LIMIT, values).scalar_one_or_none()
