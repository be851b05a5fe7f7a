"""What the notification service can do. Every function works inside the transaction that it is handed."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection

from chassis import jobs
from chassis.jobs import NewJob
from notification_service import store
from notification_service.domain import Channel, Message, MessagesNotSent, Notification, State

DELIVER = {Channel.SMS: "deliver_sms", Channel.PUSH: "deliver_push"}
"""The kind of the jobs of each channel: one whose provider is away does not hold up the other."""


def send_notifications(tx: Connection, messages: Sequence[Message]) -> None:
    """Accept messages for delivery; those whose key was accepted before are not sent again."""
    accepted = store.insert_notifications(tx, messages)
    jobs.enqueue(tx, [_job(message) for message in messages if message.notification_id in accepted])


def start_attempts(tx: Connection, ids: Sequence[UUID]) -> dict[UUID, Message]:
    """Begin to deliver; answer what is to be sent: a notification that is sent already is not."""
    return store.insert_attempts(tx, ids)


def record_sent(tx: Connection, ids: Sequence[UUID]) -> None:
    """The provider has accepted messages."""
    store.update_attempts(tx, dict.fromkeys(ids, ""), State.SENT)


def record_failed(tx: Connection, errors: dict[UUID, str]) -> None:
    """Attempts have failed; others will follow."""
    store.update_attempts(tx, errors, State.PENDING)


def record_away(tx: Connection, errors: dict[UUID, str]) -> None:
    """The provider was away; others will follow, and those of one outage are remembered as one attempt."""
    store.update_attempts(tx, errors, State.PENDING, away=True)


def park_notifications(tx: Connection, errors: dict[UUID, str]) -> None:
    """The last attempts have failed; only a person starts others."""
    store.update_attempts(tx, errors, State.PARKED)


def retry_notification(tx: Connection, notification_id: UUID) -> Notification:
    """Start anew with a parked notification; another one is left as it is, and so is one whose customer is erased.

    Raises:
        NotificationNotFound: There is none.
    """
    was_parked = store.update_parked(tx, notification_id)
    notification = store.get_notification(tx, notification_id)
    if was_parked:
        job = _job(notification.message)
        jobs.replay(tx, [job.key])
        jobs.enqueue(tx, [job])  # for one whose job an operator has removed
    return notification


def erase_loans(tx: Connection, pseudonyms: Mapping[UUID, str]) -> dict[UUID, MessagesNotSent]:
    """Have pseudonyms stand for the customers in all messages about loans, to them and to staff.

    What is parked is not to be sent: it was given up, and nobody can take it up again.

    Returns:
        Why not, for the loans that have to wait.
    """
    states = store.lock_states(tx, pseudonyms)
    waiting = {
        loan_id: MessagesNotSent(f"messages about loan {loan_id} are still to be sent")
        for loan_id, of_loan in states.items()
        if not {State.SENT, State.PARKED}.issuperset(of_loan.values())
    }
    erasable = {loan_id: pseudonym for loan_id, pseudonym in pseudonyms.items() if loan_id not in waiting}
    store.erase_notifications(tx, erasable)
    store.delete_parked_jobs(tx, [_key(notification_id) for loan_id in erasable for notification_id in states[loan_id]])
    return waiting


def _job(message: Message) -> NewJob:
    notification_id = str(message.notification_id)
    key = _key(message.notification_id)
    return NewJob(DELIVER[message.channel], key=key, args={"notification_id": notification_id})


def _key(notification_id: UUID) -> str:
    return f"deliver:{notification_id}"
