"""Adding and changing agents."""

from dataclasses import replace
from decimal import Decimal

from sqlalchemy import Connection

from review_service import domain, store
from review_service.domain import Agent, AgentChanges, AgentNotFound, EmailAlreadyTaken, Profile
from review_service.usecases.reviews import assign_waiting


def create_agent(tx: Connection, profile: Profile, approval_limit: Decimal | None = None) -> Agent:
    """Add an agent, who gets waiting reviews at once if available.

    Raises:
        AgentNotFound: There is no such manager.
        EmailAlreadyTaken: Another agent has the address.
    """
    store.lock_assigning(tx)
    store.lock_tree(tx)
    if profile.manager_id is not None:
        store.get_agent(tx, profile.manager_id)
    _refuse_taken_email(tx, profile.email)
    agent_id = store.insert_agent(tx, profile)
    if approval_limit is not None:
        store.insert_limit(tx, agent_id, None, approval_limit)
    assign_waiting(tx)
    return store.get_agent(tx, agent_id)


def create_first_agents(tx: Connection) -> int:
    """Add the agents that a new system begins with, those whose e-mail address nobody has; answer how many."""
    store.lock_assigning(tx)
    store.lock_tree(tx)
    created = 0
    for profile, manager_email, approval_limit in domain.first_agents():
        if store.find_agent_by_email(tx, profile.email) is None:
            manager = store.find_agent_by_email(tx, manager_email)
            manager_id = None if manager is None else manager.agent_id
            create_agent(tx, replace(profile, manager_id=manager_id), approval_limit)
            created += 1
    return created


def update_agent(tx: Connection, agent_id: int, changes: AgentChanges) -> Agent:
    """Change an agent, who gets waiting reviews at once if available.

    Raises:
        AgentNotFound: There is no such agent, or no such manager.
        EmailAlreadyTaken: Another agent has the address.
        ManagerCycle: The agent would become their own manager.
    """
    store.lock_assigning(tx)
    store.lock_tree(tx)
    before = store.lock_agent(tx, agent_id)
    after = before.changed(changes)
    if "approval_limit" in changes and changes["approval_limit"] != before.limits.get(""):
        store.insert_limit(tx, agent_id, None, changes["approval_limit"])
    if after == before:
        return store.get_agent(tx, agent_id)
    if after.manager_id is not None and after.manager_id != before.manager_id:
        chain = store.list_chain(tx, after.manager_id)
        if not chain:
            raise AgentNotFound(f"there is no agent {after.manager_id}")
        domain.refuse_cycle(agent_id, chain)
    if after.email != before.email:
        _refuse_taken_email(tx, after.email)
    store.update_agent(tx, after)
    assign_waiting(tx)
    return store.get_agent(tx, agent_id)


def _refuse_taken_email(tx: Connection, email: str) -> None:
    """Nobody else can take it meanwhile: whoever writes agents has the tree."""
    if store.find_agent_by_email(tx, email) is not None:
        raise EmailAlreadyTaken(f"another agent has the e-mail address {email}")
