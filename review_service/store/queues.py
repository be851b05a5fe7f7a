"""Statements over the queues of reviews that agents have, and over who stands in for whom."""

from typing import Any

from sqlalchemy import Connection, text

from review_service.domain import Place, Queue, Review
from review_service.store.reviews import COLUMNS, review_of
from review_service.store.steps import IS_RECOMMENDATION

_RECOMMENDED_BY = f"""ARRAY(
    SELECT CAST(substr(actor, 7) AS int) FROM review_steps
    WHERE review_steps.loan_id = reviews.loan_id AND {IS_RECOMMENDATION} ORDER BY number
)"""  # noqa: S608 -- constants of these modules

# The agent, and everybody below if they are wanted.
_MEMBERS = """
WITH RECURSIVE members (agent_id) AS (
    SELECT agent_id FROM agents WHERE agent_id = :agent_id
    UNION ALL
    SELECT agents.agent_id FROM agents JOIN members ON agents.manager_id = members.agent_id WHERE :with_subtree
)
"""

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

LIST_ABSENT_IDS = text("""
WITH RECURSIVE now AS MATERIALIZED (
    SELECT agent_id, substitute_id FROM covers
    WHERE starts_at <= statement_timestamp() AND statement_timestamp() < ends_at
), absent (agent_id) AS (
    SELECT agent_id FROM now WHERE substitute_id = :agent_id
    UNION
    SELECT now.agent_id FROM now JOIN absent ON now.substitute_id = absent.agent_id
)
SELECT agent_id FROM absent ORDER BY agent_id
""")


def list_queue(tx: Connection, queue: Queue, *, after: Place | None, size: int) -> list[Review]:
    """The open reviews of a queue, oldest first, after a place in it."""
    values: dict[str, Any] = {"agent_id": queue.agent_id, "with_subtree": queue.with_subtree, "size": size}
    if after is None:
        rows = tx.execute(LIST_QUEUE, values)
    else:
        rows = tx.execute(LIST_QUEUE_AFTER, values | {"opened_at": after.opened_at, "loan_id": after.loan_id})
    return [review_of(row, tuple(row.recommended_by)) for row in rows]


def count_queue(tx: Connection, queue: Queue) -> int:
    """The number of all open reviews of a queue."""
    return int(
        tx.execute(COUNT_QUEUE, {"agent_id": queue.agent_id, "with_subtree": queue.with_subtree}).scalar_one() or 0
    )


def list_absent_ids(tx: Connection, agent_id: int) -> list[int]:
    """For whom an agent stands in now, also as the substitute of a substitute."""
    return list(tx.scalars(LIST_ABSENT_IDS, {"agent_id": agent_id}))
