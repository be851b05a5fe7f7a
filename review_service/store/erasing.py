"""Statements that take a customer out of reviews."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import Connection, text

NAME = "erased"
"""What everybody is called who is erased."""

# Jobs of every kind say which loan they are about; of every state, because what was parked may be replayed. The table
# holds only what is left to do, and is read as a whole.
LOCK_UNSETTLED = text("""
WITH held AS MATERIALIZED (
    SELECT loan_id, state FROM reviews WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) ORDER BY loan_id FOR UPDATE
)
SELECT loan_id FROM held WHERE state = 'OPEN' OR loan_id::text IN (SELECT args ->> 'loan_id' FROM jobs)
""")

# Who acted stays, also by their token: only staff act on reviews, and who decided is what reviews are kept for.
ERASE_REVIEWS = text("""
WITH erased AS (
    UPDATE reviews
    SET customer_name = :name, customer_phone = pseudonym, decision_comment = CASE WHEN decision IS NOT NULL THEN '' END
    FROM unnest(CAST(:loan_ids AS uuid[]), CAST(:pseudonyms AS text[])) AS given (loan_id, pseudonym)
    WHERE reviews.loan_id = given.loan_id AND opened_at IS NOT NULL
    RETURNING reviews.loan_id
)
UPDATE review_steps SET comment = '' FROM erased WHERE review_steps.loan_id = erased.loan_id AND comment <> ''
""")


def lock_unsettled(tx: Connection, loan_ids: Iterable[UUID]) -> set[UUID]:
    """The loans whose review is open, or of whose review others are still to be told; all are locked until the end."""
    return set(tx.scalars(LOCK_UNSETTLED, {"loan_ids": list(loan_ids)}))


def erase_reviews(tx: Connection, pseudonyms: Mapping[UUID, str]) -> None:
    """Have a pseudonym stand for the customer in the reviews of loans, and empty what staff wrote about them."""
    values = {"loan_ids": list(pseudonyms), "pseudonyms": list(pseudonyms.values()), "name": NAME}
    tx.execute(ERASE_REVIEWS, values)
