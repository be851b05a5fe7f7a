"""Agents and the tree of their managers."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound

_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})  # Unicode's categories of controls, of format, and of spaces


class AgentNotFound(NotFound):
    """There is no agent with this id."""


class EmailAlreadyTaken(AlreadyExists):
    """Another agent has this e-mail address."""


class ManagerCycle(FailedPrecondition):
    """The agent would become their own manager, however indirectly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of a person who decides loans, in canonical form.

    Attributes:
        name: NFC, no space around it.
        email: In lower case; unique.
        phone: E.164.
        manager_id: To whom the agent reports; None at the top.
        is_available: Whether new reviews may be assigned to the agent.
        approval_limit: The largest amount the agent may approve; None means unlimited.
    """

    name: str
    email: str
    phone: str
    manager_id: int | None = None
    is_available: bool = True
    approval_limit: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent(Profile):
    """A stored agent. `open_review_count` is the number of open reviews that are assigned to the agent."""

    agent_id: int
    open_review_count: int
    created_at: datetime
    updated_at: datetime

    def may_approve(self, amount: Decimal) -> bool:
        """Whether the amount is within the agent's approval limit."""
        return self.approval_limit is None or amount <= self.approval_limit


class AgentChanges(TypedDict, total=False):
    """New values for some of the fields of a Profile."""

    name: str
    email: str
    phone: str
    manager_id: int | None
    is_available: bool
    approval_limit: Decimal | None


def refuse_cycle(agent_id: int, chain: Sequence[Agent]) -> None:
    """Make sure that an agent can be put below a manager.

    Args:
        agent_id: The agent.
        chain: The new manager, the manager's manager, and so on to the top.

    Raises:
        ManagerCycle: The agent is one of them.
    """
    if any(manager.agent_id == agent_id for manager in chain):
        raise ManagerCycle(f"agent {agent_id} would become their own manager")


def canonical_name(name: str) -> str:
    """A name in Unicode NFC without space around it."""
    return unicodedata.normalize("NFC", name).strip()


def is_blank(name: str) -> bool:
    """Tell whether nothing of a name can be seen: it holds only spaces of any kind and signs without a shape."""
    return all(unicodedata.category(sign) in _UNSEEN for sign in name)
