"""Erasing customers from reviews."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Connection

from review_service import store
from review_service.domain import ReviewNotSettled


def erase_loans(tx: Connection, pseudonyms: Mapping[UUID, str]) -> dict[UUID, ReviewNotSettled]:
    """Have pseudonyms stand for the customers in the reviews of loans; loans without one have nothing to be erased.

    Returns:
        Why not, for the loans that have to wait.
    """
    unsettled = store.lock_unsettled(tx, pseudonyms)
    store.erase_reviews(tx, {loan_id: pseudonyms[loan_id] for loan_id in pseudonyms if loan_id not in unsettled})
    return {
        loan_id: ReviewNotSettled(f"the review of loan {loan_id} is open, or others are still to be told of it")
        for loan_id in unsettled
    }
