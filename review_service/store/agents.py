"""Statements over agents."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, text

from review_service.domain import Agent, AgentNotFound, Profile

_PROFILE = "name, email, phone, manager_id, is_available, approval_limit"
_COLUMNS = f"agent_id, {_PROFILE}, open_review_count, created_at, updated_at"

# Whoever shares out reviews, or changes what sharing out depends on, does it alone: what one leaves waiting because
# nobody is available, the next one sees. The number is "revi".
LOCK_ASSIGNING = text("SELECT pg_advisory_xact_lock(1919252073)")

INSERT_AGENT = text(f"""
INSERT INTO agents ({_PROFILE}) VALUES (:name, :email, :phone, :manager_id, :is_available, :approval_limit)
RETURNING {_COLUMNS}
""")  # noqa: S608 -- constants of this module

UPDATE_AGENT = text("""
UPDATE agents
SET name = :name, email = :email, phone = :phone, manager_id = :manager_id, is_available = :is_available,
    approval_limit = :approval_limit, updated_at = now()
WHERE agent_id = :agent_id
""")

GET_AGENT = text(f"SELECT {_COLUMNS} FROM agents WHERE agent_id = :agent_id")  # noqa: S608 -- constants of this module

FIND_AGENT_BY_EMAIL = text(f"SELECT {_COLUMNS} FROM agents WHERE email = :email")  # noqa: S608 -- constants

LIST_AGENTS = text(f"""
SELECT {_COLUMNS} FROM agents WHERE agent_id > :after ORDER BY agent_id LIMIT :size
""")  # noqa: S608 -- constants of this module

LIST_AVAILABLE_AGENTS = text(f"SELECT {_COLUMNS} FROM agents WHERE is_available ORDER BY agent_id")  # noqa: S608 -- constants

LIST_MANAGER_IDS = text("SELECT agent_id, manager_id FROM agents WHERE manager_id IS NOT NULL")

# Every transaction locks agents by ascending id, all in one statement: no deadlock.
LOCK_AGENT_AMONG_AVAILABLE = text(f"""
SELECT {_COLUMNS} FROM agents WHERE is_available OR agent_id = :agent_id ORDER BY agent_id FOR NO KEY UPDATE
""")  # noqa: S608 -- constants of this module

LIST_CHAIN = text(f"""
WITH RECURSIVE chain (id, above, height) AS (
    SELECT agent_id, manager_id, 0 FROM agents WHERE agent_id = :agent_id
    UNION ALL
    SELECT agent_id, manager_id, height + 1 FROM agents JOIN chain ON agent_id = above
)
SELECT {_COLUMNS} FROM chain JOIN agents ON agent_id = id ORDER BY height
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


def lock_assigning(tx: Connection) -> None:
    """Be the only one who assigns reviews or changes agents until the transaction ends; taken before anything else."""
    tx.execute(LOCK_ASSIGNING)


def insert_agent(tx: Connection, profile: Profile) -> Agent:
    """Store a new agent."""
    return _agent(tx.execute(INSERT_AGENT, _values(profile)).one())


def update_agent(tx: Connection, agent: Agent) -> None:
    """Write an agent's profile; the count of open reviews is not part of it."""
    tx.execute(UPDATE_AGENT, {**_values(agent), "agent_id": agent.agent_id})


def get_agent(tx: Connection, agent_id: int) -> Agent:
    """One agent.

    Raises:
        AgentNotFound: There is none.
    """
    return _one(_agents(tx.execute(GET_AGENT, {"agent_id": agent_id})), agent_id)


def find_agent_by_email(tx: Connection, email: str) -> Agent | None:
    """The agent with this address."""
    row = tx.execute(FIND_AGENT_BY_EMAIL, {"email": email}).one_or_none()
    return None if row is None else _agent(row)


def list_agents(tx: Connection, *, after: int, size: int) -> list[Agent]:
    """Agents by ascending id, those after an id."""
    return _agents(tx.execute(LIST_AGENTS, {"after": after, "size": size}))


def list_available_agents(tx: Connection) -> list[Agent]:
    """The agents to whom reviews may be assigned."""
    return _agents(tx.execute(LIST_AVAILABLE_AGENTS))


def list_manager_ids(tx: Connection) -> dict[int, int]:
    """The manager of every agent who has one."""
    return {row.agent_id: row.manager_id for row in tx.execute(LIST_MANAGER_IDS)}


def list_chain(tx: Connection, agent_id: int | None) -> list[Agent]:
    """An agent, their manager, and so on to the top; empty if there is no such agent."""
    return _agents(tx.execute(LIST_CHAIN, {"agent_id": agent_id}))


def lock_agent_among_available(tx: Connection, agent_id: int) -> Agent:
    """One agent, locked until the transaction ends together with everybody to whom reviews may then be assigned.

    Raises:
        AgentNotFound: There is none.
    """
    locked = _agents(tx.execute(LOCK_AGENT_AMONG_AVAILABLE, {"agent_id": agent_id}))
    return _one([agent for agent in locked if agent.agent_id == agent_id], agent_id)


def add_open_reviews(tx: Connection, changes: Mapping[int, int]) -> None:
    """Change agents' counts of open reviews.

    Comes before the reviews themselves are written: a foreign key's look at an agent must not precede the lock.
    """
    tx.execute(ADD_OPEN_REVIEWS, {"agent_ids": list(changes), "changes": list(changes.values())})


def _values(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "email": profile.email,
        "phone": profile.phone,
        "manager_id": profile.manager_id,
        "is_available": profile.is_available,
        "approval_limit": profile.approval_limit,
    }


def _one(found: list[Agent], agent_id: int) -> Agent:
    if not found:
        raise AgentNotFound(f"there is no agent {agent_id}")
    return found[0]


def _agents(rows: Iterable[Row[Any]]) -> list[Agent]:
    return [_agent(row) for row in rows]


def _agent(row: Row[Any]) -> Agent:
    return Agent(**row._asdict())
