"""Statements over the histories of loans."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from chassis.personal import Personal
from loan_service.domain import (
    ALL,
    NO_AUTHORITY,
    Authority,
    Event,
    EventKind,
    Head,
    LoanNotFound,
    Position,
    Right,
    Sight,
    Status,
    StoredEvent,
)
from loan_service.store import sight as sights

VERSION_MOST = 999_999_999
"""More events than a loan ever has; the most digits that the text form of a position may have."""

_EVENT_COLUMNS = """loan_id, version, kind, from_status, to_status, occurred_at, actor, reason_codes, comment,
    assigned_agent_id, actor_right, on_behalf_of_agent_id, approval_limit, customer_exposure, subject, personal_digest,
    hash"""

INSERT_EVENTS = text(f"""
INSERT INTO loan_events ({_EVENT_COLUMNS})
SELECT loan_id, version, kind, from_status, to_status, occurred_at, actor, string_to_array(reason_codes, ','), comment,
       assigned_agent_id, actor_right, on_behalf_of_agent_id, approval_limit, customer_exposure, subject,
       personal_digest, hash
FROM unnest(CAST(:loan_ids AS uuid[]), CAST(:versions AS int[]), CAST(:kinds AS text[]), CAST(:from_statuses AS text[]),
            CAST(:to_statuses AS text[]), CAST(:occurred_ats AS timestamptz[]), CAST(:actors AS text[]),
            CAST(:reason_codes AS text[]), CAST(:comments AS text[]), CAST(:agent_ids AS int[]),
            CAST(:rights AS text[]), CAST(:absent_ids AS int[]), CAST(:limits AS numeric[]),
            CAST(:exposures AS numeric[]), CAST(:subjects AS text[]), CAST(:personal_digests AS bytea[]),
            CAST(:hashes AS bytea[]))
     AS new ({_EVENT_COLUMNS})
""")  # noqa: S608 -- constants of this module

GET_HISTORY = text(f"""
SELECT transaction::text, {_EVENT_COLUMNS} FROM loan_events
WHERE loan_id = :loan_id
  AND (:sees_all OR EXISTS (SELECT FROM loans WHERE loans.loan_id = loan_events.loan_id AND {sights.IS_SEEN}))
ORDER BY version
""")  # noqa: S608 -- constants of this module

LIST_HISTORIES = text(f"""
SELECT transaction::text, {_EVENT_COLUMNS} FROM loan_events
WHERE loan_id BETWEEN :first AND :last ORDER BY loan_id, version
""")  # noqa: S608 -- constants of this module

# Only events of transactions before which nothing is still running: nothing can appear later in front of them.
# The order names the table: a bare `transaction` would mean the text that is selected, where 1000 comes before 999.
LIST_EVENTS_AFTER = text(f"""
SELECT transaction::text, {_EVENT_COLUMNS} FROM loan_events
WHERE (transaction, loan_id, version) > (CAST(:transaction AS text)::xid8, :loan_id, :version)
  AND transaction < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY loan_events.transaction, loan_events.loan_id, loan_events.version LIMIT :most
""")  # noqa: S608 -- constants of this module

# One digest over the hashes of a day's events, of transactions that had all ended when it was first taken: whatever is
# recorded later leaves it as it is. Read as a whole, which nobody does often.
GET_HEAD = text("""
SELECT count(*), encode(sha256(coalesce(string_agg(hash, CAST('' AS bytea) ORDER BY loan_id, version), '')), 'hex')
FROM loan_events
WHERE occurred_at >= CAST(:day AS date) AND occurred_at < CAST(:day AS date) + 1
  AND transaction < CAST(CAST(:until AS text) AS xid8)
""")

GET_HORIZON = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")


def insert_events(tx: Connection, events: Sequence[Event]) -> None:
    """Add to the histories."""
    if not events:
        return
    # Where no person acted, which is everywhere on the way to a decision of the system, nothing is sent of any: unnest
    # fills up what is shorter with NULL.
    acted = any(event.authority is not NO_AUTHORITY for event in events)
    authorities = [event.authority for event in events] if acted else []
    tx.execute(
        INSERT_EVENTS,
        {
            "loan_ids": [event.loan_id for event in events],
            "versions": [event.version for event in events],
            "kinds": [str(event.kind) for event in events],
            "from_statuses": [event.from_status and str(event.from_status) for event in events],
            "to_statuses": [str(event.to_status) for event in events],
            "occurred_ats": [event.occurred_at for event in events],
            "actors": [event.actor for event in events],
            "reason_codes": [",".join(event.reason_codes) for event in events],
            "comments": [event.comment for event in events],
            "agent_ids": [event.assigned_agent_id for event in events],
            "rights": [authority.right and str(authority.right) for authority in authorities],
            "absent_ids": [authority.on_behalf_of_agent_id for authority in authorities],
            "limits": [authority.approval_limit for authority in authorities],
            "exposures": [authority.customer_exposure for authority in authorities],
            "subjects": [event.subject for event in events],
            "personal_digests": [event.personal_digest for event in events],
            "hashes": [event.hash for event in events],
        },
    )


def get_history(tx: Connection, loan_id: UUID, sight: Sight = ALL) -> list[StoredEvent]:
    """All events of a loan, oldest first.

    Raises:
        LoanNotFound: There is no such loan in sight: each has one event at least.
    """
    history = _events(tx.execute(GET_HISTORY, {"loan_id": loan_id, **sights.values(sight)}))
    if not history:
        raise LoanNotFound(f"there is no loan {loan_id}")
    return history


def list_histories(tx: Connection, first: UUID, last: UUID) -> dict[UUID, list[Event]]:
    """All events of the loans from one to another, both included, oldest first."""
    histories: dict[UUID, list[Event]] = {}
    for stored in _events(tx.execute(LIST_HISTORIES, {"first": first, "last": last})):
        histories.setdefault(stored.event.loan_id, []).append(stored.event)
    return histories


def list_events_after(tx: Connection, position: Position, most: int) -> list[StoredEvent]:
    """What all watchers see next after a position; nothing can ever appear in between."""
    values = {
        "transaction": str(position.transaction), "loan_id": position.loan_id, "version": position.version, "most": most
    }  # fmt: skip
    return _events(tx.execute(LIST_EVENTS_AFTER, values))


def get_horizon(tx: Connection) -> Position:
    """The position after everything that watchers can see at this moment."""
    return Position(int(tx.execute(GET_HORIZON).scalar_one()) - 1, UUID(int=2**128 - 1), VERSION_MOST)


def get_head(tx: Connection, day: date, until: int | None = None) -> Head:
    """The head of a day, in UTC.

    Args:
        tx: The transaction.
        day: Which.
        until: The transaction before which an event must have been recorded; None is the present horizon.
    """
    if until is None:
        until = get_horizon(tx).transaction + 1
    count, digest = tx.execute(GET_HEAD, {"day": day, "until": str(until)}).one()
    return Head(day, count, digest, until)


def _events(rows: Iterable[Sequence[Any]]) -> list[StoredEvent]:
    return [
        StoredEvent(
            int(row[0]),
            Event(
                row[1], row[2], EventKind(row[3]), row[4] and Status(row[4]), Status(row[5]), row[6], row[7],
                tuple(row[8]), Personal(row[9]), row[10],
                Authority(row[11] and Right(row[11]), row[12], row[13], row[14]), row[15], bytes(row[16]),
                bytes(row[17]),
            ),
        )
        for row in rows
    ]  # fmt: skip
