"""What the notification service can do. Every function works inside the transaction that it is handed."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection

from chassis import jobs
from chassis.jobs import NewJob
from notification_service import store
from notification_service.domain import Message, Notification, State

DELIVER = "deliver"


def send_notifications(tx: Connection, messages: Sequence[Message]) -> None:
    """Accept messages for delivery; those whose key was accepted before are not sent again."""
    accepted = store.insert_notifications(tx, messages)
    jobs.enqueue(tx, [_job(notification_id) for notification_id in accepted])


def start_attempts(tx: Connection, ids: Sequence[UUID]) -> dict[UUID, Message]:
    """Begin to deliver; answer what is to be sent: a notification that is sent or parked is not."""
    return store.insert_attempts(tx, ids)


def record_sent(tx: Connection, ids: Sequence[UUID]) -> None:
    """The provider has accepted messages."""
    store.update_attempts(tx, dict.fromkeys(ids, ""), State.SENT)


def record_failed(tx: Connection, errors: dict[UUID, str]) -> None:
    """Attempts have failed; others will follow."""
    store.update_attempts(tx, errors, State.PENDING)


def park_notifications(tx: Connection, errors: dict[UUID, str]) -> None:
    """The last attempts have failed; only a person starts others."""
    store.update_attempts(tx, errors, State.PARKED)


def retry_notification(tx: Connection, notification_id: UUID) -> Notification:
    """Start anew with a parked notification; another one is left as it is.

    Raises:
        NotificationNotFound: There is none.
    """
    if store.update_parked(tx, notification_id):
        job = _job(notification_id)
        jobs.replay(tx, [job.key])
        jobs.enqueue(tx, [job])  # for one whose job an operator has removed
    return store.get_notification(tx, notification_id)


def _job(notification_id: UUID) -> NewJob:
    return NewJob(DELIVER, key=f"{DELIVER}:{notification_id}", args={"notification_id": str(notification_id)})
