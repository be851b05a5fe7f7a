"""Statements over covers."""

from datetime import datetime

from sqlalchemy import Connection, text

from review_service.domain import ALL, Absence, Cover, CoverNotFound, Sight
from review_service.store import sight as sights

_SELECT = "SELECT agent_id, substitute_id, starts_at, ends_at, cover_id FROM covers"

INSERT_COVER = text("""
INSERT INTO covers (agent_id, substitute_id, starts_at, ends_at)
VALUES (:agent_id, :substitute_id, :starts_at, :ends_at)
RETURNING agent_id, substitute_id, starts_at, ends_at, cover_id
""")

GET_COVER = text(f"""
{_SELECT} JOIN agents USING (agent_id) WHERE cover_id = :cover_id AND agent_id = :agent_id AND {sights.AGENT_IS_SEEN}
""")

LIST_COVERS = text(f"{_SELECT} WHERE agent_id = :agent_id ORDER BY starts_at, cover_id")

LIST_COVERS_BETWEEN = text(f"""
{_SELECT} WHERE ends_at > :starts_at AND starts_at < :ends_at ORDER BY cover_id
""")

# What has not begun becomes an empty time.
END_COVER = text("UPDATE covers SET ends_at = greatest(starts_at, :now) WHERE cover_id = :cover_id AND ends_at > :now")

END_COVERS_OF = text("""
UPDATE covers SET ends_at = greatest(starts_at, :now)
WHERE :agent_id IN (agent_id, substitute_id) AND ends_at > :now AND ends_at > starts_at
""")

# Whoever is absent now and yet has reviews: their cover has just begun.
LIST_ABSENT_WITH_REVIEWS = text("""
SELECT agent_id FROM covers
WHERE starts_at <= statement_timestamp() AND ends_at > statement_timestamp()
  AND EXISTS (SELECT FROM reviews WHERE state = 'OPEN' AND assigned_agent_id = covers.agent_id)
ORDER BY agent_id
""")


def insert_cover(tx: Connection, absence: Absence) -> Cover:
    """Store a cover."""
    values = {
        "agent_id": absence.agent_id,
        "substitute_id": absence.substitute_id,
        "starts_at": absence.starts_at,
        "ends_at": absence.ends_at,
    }
    return Cover(*tx.execute(INSERT_COVER, values).one())


def get_cover(tx: Connection, agent_id: int, cover_id: int, sight: Sight = ALL) -> Cover:
    """One cover of an agent.

    Raises:
        CoverNotFound: The agent has none with this id, or is out of sight.
    """
    wanted = {"agent_id": agent_id, "cover_id": cover_id, **sights.values(sight)}
    row = tx.execute(GET_COVER, wanted).one_or_none()
    if row is None:
        raise CoverNotFound(f"agent {agent_id} has no cover {cover_id}")
    return Cover(*row)


def list_covers(tx: Connection, agent_id: int) -> list[Cover]:
    """All covers of an agent, the earliest first."""
    return [Cover(*row) for row in tx.execute(LIST_COVERS, {"agent_id": agent_id})]


def list_covers_between(tx: Connection, starts_at: datetime, ends_at: datetime) -> list[Cover]:
    """The covers of everybody that have a moment in common with a time."""
    return [Cover(*row) for row in tx.execute(LIST_COVERS_BETWEEN, {"starts_at": starts_at, "ends_at": ends_at})]


def list_absent_with_reviews(tx: Connection) -> list[int]:
    """The agents for whom somebody stands in now, and who have open reviews all the same."""
    return list(tx.scalars(LIST_ABSENT_WITH_REVIEWS))


def update_ended(tx: Connection, cover_id: int, now: datetime) -> None:
    """End a cover, or take it back; one that has ended is left as it is."""
    tx.execute(END_COVER, {"cover_id": cover_id, "now": now})


def update_all_ended(tx: Connection, agent_id: int, now: datetime) -> None:
    """End, or take back, every cover of an agent and every one in which they stand in."""
    tx.execute(END_COVERS_OF, {"agent_id": agent_id, "now": now})
