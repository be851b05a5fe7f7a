"""Adding and changing agents, and what they may approve."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from chassis.personal import Email
from review_service import domain, store
from review_service.domain import (
    Agent,
    AgentChanges,
    ApprovalLimit,
    EmailAlreadyTaken,
    LimitAlreadySet,
    Profile,
    ReviewPolicy,
)
from review_service.usecases import assigning, telling

_TAKING = frozenset({"is_available", "max_open_reviews", "loan_types", "phone", "manager_id"})
"""The fields that tell who can be given which review."""


def create_agent(
    tx: Connection, profile: Profile, policy: ReviewPolicy, approval_limit: Decimal | None = None
) -> Agent:
    """Add an agent, who gets waiting reviews at once if available.

    Raises:
        AgentNotFound: There is no such manager.
        AgentNotActive: The manager is inactive.
        EmailAlreadyTaken: Another agent has the address.
    """
    store.lock_tree(tx)
    if profile.manager_id is not None:
        domain.refuse_inactive(store.get_agent(tx, profile.manager_id))
    _refuse_taken_email(tx, profile.email)
    agent_id = store.insert_agent(tx, profile)
    if approval_limit is not None:
        store.insert_limit(tx, agent_id, None, approval_limit, store.get_time(tx))
    _offer_waiting(tx, policy)
    return store.get_agent(tx, agent_id)


def create_first_agents(tx: Connection, policy: ReviewPolicy) -> int:
    """Add the agents that a new system begins with, those whose e-mail address nobody has; answer how many."""
    store.lock_tree(tx)
    created = 0
    for profile, manager_email, approval_limit in domain.first_agents():
        if store.find_agent_by_email(tx, profile.email) is None:
            manager = store.find_agent_by_email(tx, manager_email)
            manager_id = None if manager is None else manager.agent_id
            create_agent(tx, replace(profile, manager_id=manager_id), policy, approval_limit)
            created += 1
    return created


def update_agent(tx: Connection, agent_id: int, changes: AgentChanges, policy: ReviewPolicy) -> Agent:
    """Change an agent, who gets waiting reviews at once if available.

    Raises:
        AgentNotFound: There is no such agent, or no such manager.
        AgentNotActive: The new manager is inactive.
        EmailAlreadyTaken: Another agent has the address.
        ManagerCycle: The agent would become their own manager.
    """
    if "manager_id" in changes or "email" in changes:
        store.lock_tree(tx)
    if "manager_id" in changes:
        store.update_not_at_top(tx)
    before = store.lock_agent(tx, agent_id)
    after = before.changed(changes)
    has_new_limit = "approval_limit" in changes and changes["approval_limit"] != before.limits.get("")
    if after == before and not has_new_limit:
        return before
    if after.manager_id is not None and after.manager_id != before.manager_id:
        _refuse_manager(tx, agent_id, after.manager_id)
    if after.email != before.email:
        _refuse_taken_email(tx, after.email)
    store.update_agent(tx, after)
    if has_new_limit:
        store.insert_limit(tx, agent_id, None, changes["approval_limit"], store.get_time(tx))
    if _TAKING & changes.keys():
        _offer_waiting(tx, policy)
    return store.get_agent(tx, agent_id)


def set_approval_limit(
    tx: Connection, agent_id: int, loan_type: str | None, amount: Decimal | None, valid_from: datetime | None
) -> ApprovalLimit:
    """Set what an agent may approve from a time on, now if None.

    The agent's row is locked before the clock is read: whoever decides as this agent holds it, too, so that every
    decision was made either before the limit began or within it.

    Raises:
        AgentNotFound: There is no such agent.
        InvalidArgument: The time has passed.
        LimitAlreadySet: Another limit begins at the same time.
    """
    store.lock_agent(tx, agent_id)
    now = store.get_time(tx)
    limit = ApprovalLimit(agent_id, loan_type, amount, valid_from or now)
    domain.refuse_past(limit.valid_from, now)
    if not store.insert_limit(tx, agent_id, loan_type, amount, limit.valid_from):
        raise LimitAlreadySet(f"another limit of agent {agent_id} begins at {limit.valid_from.isoformat()}")
    return limit


def _offer_waiting(tx: Connection, policy: ReviewPolicy) -> None:
    """Assign what waits, now that somebody may be able to take it; what is left at once is left to the job."""
    if assigning.assign_waiting(tx, policy):
        telling.offer_waiting(tx)


def _refuse_manager(tx: Connection, agent_id: int, manager_id: int) -> None:
    """Nobody else changes the tree meanwhile."""
    manager = store.get_agent(tx, manager_id)
    domain.refuse_cycle(agent_id, store.list_chain(tx, manager_id))
    domain.refuse_inactive(manager)


def _refuse_taken_email(tx: Connection, email: Email) -> None:
    """Nobody else can take it meanwhile: whoever writes addresses has the tree."""
    if store.find_agent_by_email(tx, email) is not None:
        raise EmailAlreadyTaken("another agent has this e-mail address")
