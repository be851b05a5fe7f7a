"""Statements over the queues of reviews that agents have, and over who stands in for whom."""

from typing import Any

from sqlalchemy import Connection, text

from review_service.domain import ALL, Place, Queue, Review, Sight
from review_service.store import sight as sights
from review_service.store.reviews import COLUMNS, review_of
from review_service.store.steps import IS_RECOMMENDATION

_RECOMMENDED_BY = f"""ARRAY(
    SELECT CAST(substr(actor, 7) AS int) FROM review_steps
    WHERE review_steps.loan_id = reviews.loan_id AND {IS_RECOMMENDATION} ORDER BY number
)"""  # noqa: S608 -- constants of these modules

# The agent, and everybody below if they are wanted; of all these who are in sight.
_MEMBERS = f"""
WITH RECURSIVE wanted (agent_id) AS (
    SELECT agent_id FROM agents WHERE agent_id = :agent_id
    UNION ALL
    SELECT agents.agent_id FROM agents JOIN wanted ON agents.manager_id = wanted.agent_id WHERE :with_subtree
), members (agent_id) AS (
    SELECT agents.agent_id FROM agents JOIN wanted USING (agent_id) WHERE {sights.AGENT_IS_SEEN}
)
"""  # noqa: S608 -- constants of these modules

# From each agent no more than a page can hold, in the order of the index: a queue costs its page, however long it is.
_LIST_QUEUE = f"""{_MEMBERS}
SELECT {COLUMNS}, {_RECOMMENDED_BY} AS recommended_by
FROM members CROSS JOIN LATERAL (
    SELECT * FROM reviews
    WHERE assigned_agent_id = members.agent_id AND state = 'OPEN' %s
    ORDER BY opened_at, loan_id LIMIT :size
) AS reviews
ORDER BY opened_at, loan_id LIMIT :size
"""  # noqa: S608 -- constants of this module

LIST_QUEUE = text(_LIST_QUEUE % "")

LIST_QUEUE_AFTER = text(_LIST_QUEUE % "AND (opened_at, loan_id) > (:opened_at, :loan_id)")

COUNT_QUEUE = text(f"{_MEMBERS} SELECT sum(open_review_count) FROM members JOIN agents USING (agent_id)")  # noqa: S608 -- constants

LIST_ABSENT_IDS = text(f"{sights.ABSENT} ORDER BY agent_id")


def list_queue(tx: Connection, queue: Queue, *, after: Place | None, size: int, sight: Sight = ALL) -> list[Review]:
    """The open reviews of a queue that are in sight, oldest first, after a place in it."""
    values = _values(queue, sight) | {"size": size}
    if after is None:
        rows = tx.execute(LIST_QUEUE, values)
    else:
        rows = tx.execute(LIST_QUEUE_AFTER, values | {"opened_at": after.opened_at, "loan_id": after.loan_id})
    return [review_of(row, tuple(row.recommended_by)) for row in rows]


def count_queue(tx: Connection, queue: Queue, sight: Sight = ALL) -> int:
    """The number of all open reviews of a queue that are in sight."""
    return int(tx.execute(COUNT_QUEUE, _values(queue, sight)).scalar_one() or 0)


def list_absent_ids(tx: Connection, agent_id: int) -> list[int]:
    """For whom an agent stands in now, also as the substitute of a substitute."""
    return list(tx.scalars(LIST_ABSENT_IDS, {"agent_id": agent_id}))


def _values(queue: Queue, sight: Sight) -> dict[str, Any]:
    return {"agent_id": queue.agent_id, "with_subtree": queue.with_subtree, **sights.values(sight)}
