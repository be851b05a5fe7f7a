"""Tables of the notification context, and the statements over them. All of them work on sets."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    Uuid,
    text,
)

from chassis import db, jobs
from chassis.personal import Personal, Recipient
from notification_service.domain import (
    Attempt,
    Channel,
    Message,
    NoticePlace,
    Notification,
    NotificationNotFound,
    State,
)

METADATA = db.metadata()

_TIME = DateTime(timezone=True)
ERASED = "erased"
"""Stands for why a delivery failed, once nobody may know to whom it was."""

_STATES = ", ".join(f"'{state}'" for state in State)

NOTIFICATIONS = Table(
    "notifications",
    METADATA,
    Column("notification_id", Uuid, primary_key=True),
    Column("dedupe_key", Text, nullable=False),
    Column("loan_id", Uuid, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="PENDING"),
    Column("attempt_count", Integer, nullable=False, server_default="0"),
    Column("last_error", Text, nullable=False, server_default=""),
    Column("created_at", _TIME, nullable=False, server_default=text("now()")),
    Column("sent_at", _TIME),
    Column("due_at", _TIME),
    UniqueConstraint("dedupe_key"),
    CheckConstraint(f"state IN ({_STATES})", name="state"),
    CheckConstraint(
        "channel = 'SMS' AND recipient ~ '^([+][1-9][0-9]{2,14}|erased:[0-9a-f]{32})$'"
        " OR channel = 'PUSH' AND recipient ~ '^agent:[1-9][0-9]{0,9}$'",
        name="recipient",
    ),
    CheckConstraint("(state = 'SENT') = (sent_at IS NOT NULL)", name="sent"),
    CheckConstraint("state <> 'PARKED' OR last_error <> ''", name="parked_with_reason"),
    CheckConstraint("attempt_count >= CASE WHEN state IN ('SENDING', 'SENT') THEN 1 ELSE 0 END", name="attempt_count"),
    Index("notifications_loan_index", "loan_id", "notification_id"),
    Index("notifications_recipient_index", "recipient", "notification_id"),
    Index("notifications_state_index", "state", "notification_id"),
    Index("notifications_due_index", "due_at", "notification_id", postgresql_where=text("due_at IS NOT NULL")),
    Index(
        "notifications_unsent_due_index",
        "due_at",
        "notification_id",
        postgresql_where=text("due_at IS NOT NULL AND state <> 'SENT'"),
    ),
    postgresql_with={"fillfactor": "80"},
)

DELIVERY_ATTEMPTS = Table(
    "delivery_attempts",
    METADATA,
    Column("notification_id", Uuid, ForeignKey("notifications.notification_id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", _TIME, nullable=False, server_default=text("now()")),
    Column("finished_at", _TIME),
    Column("error", Text, nullable=False, server_default=""),
    Column("away", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("error = '' OR finished_at IS NOT NULL", name="error"),
    CheckConstraint("NOT away OR error <> ''", name="away"),
)

JOBS = jobs.table(METADATA)

_COLUMNS = """notification_id, dedupe_key, loan_id, channel, recipient, template, body, due_at, state, last_error,
    created_at, sent_at"""

# One order for all transactions: no deadlock on the unique key.
INSERT_NOTIFICATIONS = text("""
INSERT INTO notifications (notification_id, dedupe_key, loan_id, channel, recipient, template, body, due_at)
SELECT notification_id, dedupe_key, loan_id, channel, recipient, template, body, due_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:keys AS text[]), CAST(:loan_ids AS uuid[]), CAST(:channels AS text[]),
            CAST(:recipients AS text[]), CAST(:templates AS text[]), CAST(:bodies AS text[]),
            CAST(:due_ats AS timestamptz[]))
     AS new (notification_id, dedupe_key, loan_id, channel, recipient, template, body, due_at)
ORDER BY dedupe_key
ON CONFLICT (dedupe_key) DO NOTHING
RETURNING notification_id
""")

# SENDING as well: an attempt whose process died is followed by another. PARKED as well: somebody replayed the job.
# But nothing is sent of which the text is erased.
START_ATTEMPTS = text(f"""
WITH started AS (
    UPDATE notifications SET state = 'SENDING', attempt_count = attempt_count + 1
    WHERE notification_id = ANY (CAST(:ids AS uuid[])) AND state <> 'SENT' AND body <> ''
    RETURNING {_COLUMNS}, attempt_count
), remembered AS (
    INSERT INTO delivery_attempts (notification_id, number) SELECT notification_id, attempt_count FROM started
)
SELECT {_COLUMNS} FROM started
""")  # noqa: S608 -- constants of this module

# An attempt is over, well or not; its notification goes on as it says. PENDING as well: an attempt that could not even
# begin has no row here, and its notification must not wait for ever.
FINISH_ATTEMPTS = text("""
WITH over AS (
    UPDATE notifications SET state = :state, last_error = done.error, sent_at = CASE WHEN :state = 'SENT' THEN now() END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:errors AS text[])) AS done (notification_id, error)
    WHERE notifications.notification_id = done.notification_id AND state <> 'SENT'
    RETURNING notifications.notification_id, attempt_count, done.error
)
UPDATE delivery_attempts SET finished_at = now(), error = over.error, away = :away
FROM over
WHERE delivery_attempts.notification_id = over.notification_id AND delivery_attempts.number = over.attempt_count
    AND finished_at IS NULL
""")

# However long an outage is, it leaves one attempt: the earlier of two that found the provider away takes the end of the
# later.
MERGE_ATTEMPTS = text("""
WITH later AS (
    DELETE FROM delivery_attempts USING notifications, delivery_attempts AS earlier
    WHERE notifications.notification_id = ANY (CAST(:ids AS uuid[]))
        AND delivery_attempts.notification_id = notifications.notification_id
        AND delivery_attempts.number = notifications.attempt_count AND delivery_attempts.away
        AND earlier.notification_id = notifications.notification_id
        AND earlier.number = notifications.attempt_count - 1 AND earlier.away
    RETURNING delivery_attempts.notification_id, earlier.number, delivery_attempts.finished_at, delivery_attempts.error
), prolonged AS (
    UPDATE delivery_attempts SET finished_at = later.finished_at, error = later.error
    FROM later
    WHERE delivery_attempts.notification_id = later.notification_id AND delivery_attempts.number = later.number
)
UPDATE notifications SET attempt_count = later.number
FROM later WHERE notifications.notification_id = later.notification_id
""")

UPDATE_PARKED = text("""
UPDATE notifications SET state = 'PENDING' WHERE notification_id = :id AND state = 'PARKED' AND body <> ''
""")

# One order for all transactions: no deadlock.
LOCK_OF_LOANS = text("""
SELECT notification_id, loan_id, state FROM notifications WHERE loan_id = ANY (CAST(:loan_ids AS uuid[]))
ORDER BY notification_id FOR UPDATE
""")

# Why something failed is what a provider said of it, in words of its own.
ERASE_NOTIFICATIONS = text("""
WITH erased AS (
    UPDATE notifications
    SET recipient = CASE channel WHEN 'SMS' THEN pseudonym ELSE recipient END, body = '',
        last_error = CASE last_error WHEN '' THEN '' ELSE :erased END
    FROM unnest(CAST(:loan_ids AS uuid[]), CAST(:pseudonyms AS text[])) AS given (loan_id, pseudonym)
    WHERE notifications.loan_id = given.loan_id
    RETURNING notification_id
)
UPDATE delivery_attempts SET error = :erased
FROM erased WHERE delivery_attempts.notification_id = erased.notification_id AND error <> ''
""")

# A job that somebody is just replaying is passed over: it finds nothing to be sent.
DELETE_PARKED_JOBS = text("""
DELETE FROM jobs
WHERE id IN (SELECT id FROM jobs WHERE key = ANY (CAST(:keys AS text[])) AND state = 'PARKED' FOR UPDATE SKIP LOCKED)
""")

# Notifications and their attempts are read in one statement: they are of one moment.
_READ = f"""
SELECT {_COLUMNS}, numbers, starts, ends, errors
FROM chosen LEFT JOIN LATERAL (
    SELECT array_agg(number ORDER BY number) AS numbers, array_agg(started_at ORDER BY number) AS starts,
        array_agg(finished_at ORDER BY number) AS ends, array_agg(error ORDER BY number) AS errors
    FROM delivery_attempts WHERE delivery_attempts.notification_id = chosen.notification_id
) AS attempts ON TRUE
"""  # noqa: S608 -- constants of this module

GET_NOTIFICATION = text(f"""
WITH chosen AS (SELECT {_COLUMNS} FROM notifications WHERE notification_id = :id)
{_READ}
""")  # noqa: S608 -- constants of this module

# Read at every look at the metrics: no more than so many entries of the index on states.
COUNT_IN_STATES = text("""
SELECT state,
       (SELECT count(*) FROM (SELECT FROM notifications WHERE state = wanted.state LIMIT :most) AS counted) AS number
FROM unnest(CAST(:states AS text[])) AS wanted (state)
""")

# Read at every look at the metrics: no more than so many entries of the index on notices that are not sent.
COUNT_NOTICES = text("""
SELECT due, (SELECT count(*) FROM (SELECT FROM notifications
                                   WHERE due_at IS NOT NULL AND state <> 'SENT' AND due_at >= begins AND due_at < ends
                                   LIMIT :most) AS counted) AS number
FROM (VALUES ('overdue', CAST('-infinity' AS timestamptz), now()),
             ('within_3_days', now(), now() + interval '3 days'),
             ('later', now() + interval '3 days', 'infinity')) AS wanted (due, begins, ends)
""")


def insert_notifications(tx: Connection, messages: Sequence[Message]) -> set[UUID]:
    """Store messages as PENDING; answer the ids of those whose key nobody had used."""
    values = {
        "ids": [message.notification_id for message in messages],
        "keys": [message.dedupe_key for message in messages],
        "loan_ids": [message.loan_id for message in messages],
        "channels": [str(message.channel) for message in messages],
        "recipients": [message.recipient for message in messages],
        "templates": [message.template for message in messages],
        "bodies": [message.body for message in messages],
        "due_ats": [message.due_at for message in messages],
    }
    return {row[0] for row in tx.execute(INSERT_NOTIFICATIONS, values)}


def insert_attempts(tx: Connection, ids: Sequence[UUID]) -> dict[UUID, Message]:
    """Begin an attempt for each notification that is not sent; answer what these say."""
    return {row[0]: _message(row) for row in tx.execute(START_ATTEMPTS, {"ids": list(ids)})}


def update_attempts(tx: Connection, errors: dict[UUID, str], state: State, *, away: bool = False) -> None:
    """End the attempts of notifications.

    Args:
        tx: The transaction.
        errors: Why each attempt failed; empty if it did not.
        state: What the notifications become.
        away: The attempts failed because the provider was away; those of one outage become one.
    """
    ids = list(errors)
    tx.execute(FINISH_ATTEMPTS, {"ids": ids, "errors": list(errors.values()), "state": str(state), "away": away})
    if away:
        tx.execute(MERGE_ATTEMPTS, {"ids": ids})


def update_parked(tx: Connection, notification_id: UUID) -> bool:
    """Make a parked notification pending, if there still is anything to be sent; answer whether it was."""
    return tx.execute(UPDATE_PARKED, {"id": notification_id}).rowcount == 1


def lock_states(tx: Connection, loan_ids: Iterable[UUID]) -> dict[UUID, dict[UUID, State]]:
    """How far all notifications about loans are, by loan and notification, locked until the transaction ends."""
    states: dict[UUID, dict[UUID, State]] = {loan_id: {} for loan_id in loan_ids}
    for row in tx.execute(LOCK_OF_LOANS, {"loan_ids": list(states)}):
        states[row.loan_id][row.notification_id] = State(row.state)
    return states


def erase_notifications(tx: Connection, pseudonyms: Mapping[UUID, str]) -> None:
    """Empty all notifications about loans; those to the customer get the loan's pseudonym as recipient."""
    values = {"loan_ids": list(pseudonyms), "pseudonyms": list(pseudonyms.values()), "erased": ERASED}
    tx.execute(ERASE_NOTIFICATIONS, values)


def delete_parked_jobs(tx: Connection, keys: Sequence[str]) -> None:
    """Forget jobs that were given up."""
    tx.execute(DELETE_PARKED_JOBS, {"keys": list(keys)})


def get_notification(tx: Connection, notification_id: UUID) -> Notification:
    """One notification with its attempts.

    Raises:
        NotificationNotFound: There is none.
    """
    row = tx.execute(GET_NOTIFICATION, {"id": notification_id}).one_or_none()
    if row is None:
        raise NotificationNotFound(f"there is no notification {notification_id}")
    return _notification(row)


def list_notifications(  # noqa: PLR0913 -- the filters of a listing
    tx: Connection, *, loan_id: UUID | None, recipient: str, state: State | None, before: UUID | None, size: int
) -> list[Notification]:
    """Notifications with their attempts, newest first, those older than `before`."""
    given = {"loan_id": loan_id, "recipient": recipient, "state": state and str(state), "before": before}
    filters = {name: value for name, value in given.items() if value}
    return [_notification(row) for row in tx.execute(listing(*filters), {**filters, "size": size})]


def count_unsent(tx: Connection, most: int) -> dict[str, float]:
    """How many notifications are in each state but SENT; counting ends at so many."""
    unsent = [state.value for state in State if state is not State.SENT]
    return {row.state: row.number for row in tx.execute(COUNT_IN_STATES, {"states": unsent, "most": most})}


def list_notices(tx: Connection, *, overdue: bool | None, after: NoticePlace | None, size: int) -> list[Notification]:
    """Messages that must be sent by a certain time, by that time, those after a place.

    Args:
        tx: The transaction.
        overdue: Only those that are not sent although their time has passed; or only the others; None for all.
        after: The last one of the page before.
        size: How many at most.
    """
    place = {"due_at": after.due_at, "after": after.notification_id} if after else {}
    return [_notification(row) for row in tx.execute(notices(overdue, *place), {**place, "size": size})]


def count_unsent_notices(tx: Connection, most: int) -> dict[str, float]:
    """How many notices are not sent, by when they are due; counting ends at so many."""
    return {row.due: row.number for row in tx.execute(COUNT_NOTICES, {"most": most})}


@cache
def notices(overdue: bool | None, *place: str) -> TextClause:
    """The listing of notices, overdue or not, from the first or after a place, each with a plan of its own."""
    conditions = ["due_at IS NOT NULL"]
    if overdue is not None:
        conditions.append("state <> 'SENT' AND due_at < now()" if overdue else "(state = 'SENT' OR due_at >= now())")
    if place:
        conditions.append("(due_at, notification_id) > (:due_at, :after)")
    return text(f"""
WITH chosen AS (
    SELECT {_COLUMNS} FROM notifications WHERE {" AND ".join(conditions)} ORDER BY due_at, notification_id LIMIT :size
)
{_READ}
ORDER BY due_at, notification_id
""")  # noqa: S608 -- constants of this module


@cache
def listing(*filters: str) -> TextClause:
    """The listing with these filters, each with a plan of its own."""
    conditions = {
        "loan_id": "loan_id = :loan_id",
        "recipient": "recipient = :recipient",
        "state": "state = :state",
        "before": "notification_id < :before",
    }
    where = " AND ".join(["TRUE", *(conditions[name] for name in filters)])
    return text(f"""
WITH chosen AS (
    SELECT {_COLUMNS} FROM notifications WHERE {where} ORDER BY notification_id DESC LIMIT :size
)
{_READ}
ORDER BY notification_id DESC
""")  # noqa: S608 -- constants of this module


def _notification(row: Sequence[Any]) -> Notification:
    """A row as a value."""
    attempts = tuple(Attempt(*attempt) for attempt in zip(*row[12:16], strict=True)) if row[12] else ()
    return Notification(_message(row), State(row[8]), attempts, row[9], row[10], row[11])


def _message(row: Sequence[Any]) -> Message:
    return Message(row[0], row[1], row[2], Channel(row[3]), Recipient(row[4]), row[5], Personal(row[6]), row[7])
