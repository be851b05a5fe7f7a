"""Statements over agents."""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from chassis.personal import Email, Name, Phone
from review_service.domain import ALL, Agent, AgentNotFound, Profile, Sight
from review_service.store import sight as sights

# Amounts travel as text: a number in JSON would be read as a float.
_SELECT = """
SELECT agent_id, name, email, phone, manager_id, is_active, is_available, max_open_reviews, loan_types,
       open_review_count, last_assigned_at, created_at, updated_at, statement_timestamp() AS as_of,
       (SELECT CAST(jsonb_object_agg(coalesce(loan_type, ''), CAST(amount AS text)) AS text) FROM (
           SELECT DISTINCT ON (loan_type) loan_type, amount FROM approval_limits
           WHERE approval_limits.agent_id = agents.agent_id AND valid_from <= statement_timestamp()
           ORDER BY loan_type, valid_from DESC
       ) AS latest) AS limits,
       (SELECT substitute_id FROM covers
        WHERE covers.agent_id = agents.agent_id
          AND starts_at <= statement_timestamp() AND statement_timestamp() < ends_at
       ) AS substitute_id
FROM agents"""

# Whoever changes who is above whom, or who stands in for whom, does it alone: two changes that are fine one by one may
# close a circle together. The number is "tree".
LOCK_TREE = text("SELECT pg_advisory_xact_lock(1953654117)")

INSERT_AGENT = text("""
INSERT INTO agents (name, email, phone, manager_id, is_available, max_open_reviews, loan_types)
VALUES (:name, :email, :phone, :manager_id, :is_available, :max_open_reviews, CAST(:loan_types AS text[]))
RETURNING agent_id
""")

UPDATE_AGENT = text("""
UPDATE agents
SET name = :name, email = :email, phone = :phone, manager_id = :manager_id, is_available = :is_available,
    max_open_reviews = :max_open_reviews, loan_types = CAST(:loan_types AS text[]), updated_at = now()
WHERE agent_id = :agent_id
""")

UPDATE_ACTIVE = text("UPDATE agents SET is_active = :is_active, updated_at = now() WHERE agent_id = :agent_id")

UPDATE_MANAGERS = text("""
UPDATE agents SET manager_id = :manager_id, updated_at = now() WHERE agent_id = ANY (CAST(:agent_ids AS int[]))
""")

GET_AGENT = text(f"{_SELECT} WHERE agent_id = :agent_id AND {sights.AGENT_IS_SEEN}")

FIND_AGENT_BY_EMAIL = text(f"{_SELECT} WHERE email = :email")

LIST_AGENTS = text(f"""
{_SELECT} WHERE agent_id > :after AND {sights.AGENT_IS_SEEN} ORDER BY agent_id LIMIT :size
""")

LIST_AGENTS_BY_ID = text(f"{_SELECT} WHERE agent_id = ANY (CAST(:agent_ids AS int[])) ORDER BY agent_id")

LIST_ROSTER = text(f"{_SELECT} WHERE is_active ORDER BY agent_id")

LIST_REPORT_IDS = text("SELECT agent_id FROM agents WHERE manager_id = :agent_id ORDER BY agent_id")

LIST_BRANCH_IDS = text("""
WITH RECURSIVE branch (agent_id) AS (
    SELECT agent_id FROM agents WHERE agent_id = :agent_id AND is_active
    UNION
    SELECT agents.agent_id FROM agents JOIN branch ON agents.manager_id = branch.agent_id
)
SELECT agent_id FROM branch ORDER BY agent_id
""")

LIST_MANAGER_IDS = text("SELECT agent_id, manager_id FROM agents WHERE manager_id IS NOT NULL")

# Every transaction locks agents by ascending id, all in one statement: no deadlock.
LOCK_AGENTS = text("""
SELECT agent_id FROM agents WHERE agent_id = ANY (CAST(:agent_ids AS int[])) ORDER BY agent_id FOR NO KEY UPDATE
""")

LOCK_AGENTS_SKIPPING = text("""
SELECT agent_id FROM agents WHERE agent_id = ANY (CAST(:agent_ids AS int[]))
ORDER BY agent_id FOR NO KEY UPDATE SKIP LOCKED
""")

LIST_CHAIN = text(f"""
WITH RECURSIVE chain (id, above, height) AS (
    SELECT agent_id, manager_id, 0 FROM agents WHERE agent_id = :agent_id
    UNION ALL
    SELECT agent_id, manager_id, height + 1 FROM agents JOIN chain ON agent_id = above
)
{_SELECT} JOIN chain ON agent_id = id ORDER BY height
""")  # noqa: S608 -- constants of this module

ADD_OPEN_REVIEWS = text("""
WITH changed AS MATERIALIZED (
    SELECT agents.agent_id, change
    FROM agents JOIN unnest(CAST(:agent_ids AS int[]), CAST(:changes AS int[])) AS wanted (agent_id, change)
         ON agents.agent_id = wanted.agent_id
    ORDER BY agents.agent_id FOR NO KEY UPDATE OF agents
)
UPDATE agents SET open_review_count = open_review_count + change FROM changed WHERE agents.agent_id = changed.agent_id
""")

# A microsecond apart, so that the order within one transaction counts as well.
UPDATE_LAST_ASSIGNED = text("""
UPDATE agents SET last_assigned_at = statement_timestamp() + place * interval '1 microsecond'
FROM unnest(CAST(:agent_ids AS int[])) WITH ORDINALITY AS given (agent_id, place)
WHERE agents.agent_id = given.agent_id
""")


def lock_tree(tx: Connection) -> None:
    """Be the only one who changes managers, covers, or who is active, until the transaction ends; taken first."""
    tx.execute(LOCK_TREE)


def insert_agent(tx: Connection, profile: Profile) -> int:
    """Store a new agent; answer the id."""
    agent_id: int = tx.execute(INSERT_AGENT, _values(profile)).scalar_one()
    return agent_id


def update_agent(tx: Connection, agent: Agent) -> None:
    """Write an agent's profile; the counts, limits and covers are not part of it."""
    tx.execute(UPDATE_AGENT, {**_values(agent), "agent_id": agent.agent_id})


def update_active(tx: Connection, agent_id: int, *, is_active: bool) -> None:
    """Write whether an agent works here."""
    tx.execute(UPDATE_ACTIVE, {"agent_id": agent_id, "is_active": is_active})


def update_managers(tx: Connection, agent_ids: Iterable[int], manager_id: int | None) -> None:
    """Put agents below a manager, or at the top; the caller has locked the tree and them."""
    tx.execute(UPDATE_MANAGERS, {"agent_ids": list(agent_ids), "manager_id": manager_id})


def get_agent(tx: Connection, agent_id: int, sight: Sight = ALL) -> Agent:
    """One agent.

    Raises:
        AgentNotFound: There is none in sight.
    """
    return _one(_agents(tx.execute(GET_AGENT, {"agent_id": agent_id, **sights.values(sight)})), agent_id)


def find_agent_by_email(tx: Connection, email: Email) -> Agent | None:
    """The agent with this address."""
    row = tx.execute(FIND_AGENT_BY_EMAIL, {"email": email}).one_or_none()
    return None if row is None else _agent(row)


def list_agents(tx: Connection, *, after: int, size: int, sight: Sight = ALL) -> list[Agent]:
    """The agents in sight by ascending id, those after an id."""
    return _agents(tx.execute(LIST_AGENTS, {"after": after, "size": size, **sights.values(sight)}))


def list_agents_by_id(tx: Connection, agent_ids: Iterable[int]) -> list[Agent]:
    """Those of the agents that there are, by ascending id."""
    return _agents(tx.execute(LIST_AGENTS_BY_ID, {"agent_ids": list(agent_ids)}))


def list_roster(tx: Connection) -> list[Agent]:
    """All active agents, by ascending id."""
    return _agents(tx.execute(LIST_ROSTER))


def list_report_ids(tx: Connection, agent_id: int) -> list[int]:
    """Who reports to an agent, by ascending id."""
    return list(tx.scalars(LIST_REPORT_IDS, {"agent_id": agent_id}))


def list_branch_ids(tx: Connection, agent_id: int) -> list[int]:
    """An agent and everybody below, by ascending id; nobody if there is no such agent, or not any more."""
    return list(tx.scalars(LIST_BRANCH_IDS, {"agent_id": agent_id}))


def list_manager_ids(tx: Connection) -> dict[int, int]:
    """The manager of every agent who has one."""
    return {row.agent_id: row.manager_id for row in tx.execute(LIST_MANAGER_IDS)}


def list_chain(tx: Connection, agent_id: int | None) -> list[Agent]:
    """An agent, their manager, and so on to the top; empty if there is no such agent."""
    return _agents(tx.execute(LIST_CHAIN, {"agent_id": agent_id}))


def lock_agents(tx: Connection, agent_ids: Iterable[int]) -> dict[int, Agent]:
    """Agents by id, locked until the transaction ends and read after that; those that there are not are left out."""
    wanted = {"agent_ids": list(agent_ids)}
    tx.execute(LOCK_AGENTS, wanted)
    return {agent.agent_id: agent for agent in _agents(tx.execute(LIST_AGENTS_BY_ID, wanted))}


def lock_agent(tx: Connection, agent_id: int) -> Agent:
    """One agent, locked until the transaction ends.

    Raises:
        AgentNotFound: There is none.
    """
    return _one(list(lock_agents(tx, [agent_id]).values()), agent_id)


def lock_agents_skipping(tx: Connection, agent_ids: Iterable[int]) -> dict[int, Agent]:
    """As `lock_agents`, without those that somebody else holds."""
    free = list(tx.scalars(LOCK_AGENTS_SKIPPING, {"agent_ids": list(agent_ids)}))
    return {agent.agent_id: agent for agent in list_agents_by_id(tx, free)} if free else {}


def add_open_reviews(tx: Connection, changes: Mapping[int, int]) -> None:
    """Change agents' counts of open reviews.

    Comes before the reviews themselves are written: a foreign key's look at an agent must not precede the lock.
    """
    tx.execute(ADD_OPEN_REVIEWS, {"agent_ids": list(changes), "changes": list(changes.values())})


def update_last_assigned(tx: Connection, agent_ids: Sequence[int]) -> None:
    """Remember that reviews were assigned just now, to the first of the agents first; the caller has locked them."""
    tx.execute(UPDATE_LAST_ASSIGNED, {"agent_ids": list(agent_ids)})


def _values(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "email": profile.email,
        "phone": profile.phone,
        "manager_id": profile.manager_id,
        "is_available": profile.is_available,
        "max_open_reviews": profile.max_open_reviews,
        "loan_types": sorted(profile.loan_types),
    }


def _one(found: list[Agent], agent_id: int) -> Agent:
    if not found:
        raise AgentNotFound(f"there is no agent {agent_id}")
    return found[0]


def _agents(rows: Iterable[Row[Any]]) -> list[Agent]:
    return [_agent(row) for row in rows]


def _agent(row: Row[Any]) -> Agent:
    limits: dict[str, str | None] = json.loads(row.limits) if row.limits is not None else {}
    read = {
        "name": Name(row.name),
        "email": Email(row.email),
        "phone": Phone(row.phone),
        "loan_types": frozenset(row.loan_types),
        "limits": {loan_type: None if amount is None else Decimal(amount) for loan_type, amount in limits.items()},
    }
    return Agent(**{**row._asdict(), **read})
