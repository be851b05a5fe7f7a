"""Opening reviews, and cancelling them."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Connection

from review_service import domain, store
from review_service.domain import Application, ReviewPolicy
from review_service.usecases import assigning, telling


def open_reviews(tx: Connection, applications: Sequence[Application], policy: ReviewPolicy) -> None:
    """Open reviews and assign them; those that were opened or cancelled before are left as they are."""
    now = store.get_time(tx)
    wanted = {
        application.loan_id: domain.opened(application, now, policy.deadlines.due_at(application.loan_type, now))
        for application in reversed(applications)  # of two equal ids the first
    }
    new = store.insert_reviews(tx, wanted.values())
    shared = assigning.assign(tx, [review for review in reversed(wanted.values()) if review.loan_id in new], policy)
    if shared.left:
        telling.offer_waiting(tx)


def cancel_reviews(tx: Connection, loan_ids: Iterable[UUID]) -> None:
    """End reviews that need no decision any more, and remember those that must not be opened; decided ones stay."""
    wanted = set(loan_ids)
    store.insert_cancelled_reviews(tx, wanted)
    if had := store.update_cancelled(tx, wanted):
        store.add_open_reviews(tx, {agent_id: -count for agent_id, count in had.items()})
        telling.offer_waiting(tx)
