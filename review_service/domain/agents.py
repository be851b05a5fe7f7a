"""Agents and the tree of their managers."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from chassis.errors import Aborted, AlreadyExists, FailedPrecondition, NotFound
from chassis.personal import Email, Name, Phone

_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})  # Unicode's categories of controls, of format, and of spaces


class AgentNotFound(NotFound):
    """There is no agent with this id."""


class EmailAlreadyTaken(AlreadyExists):
    """Another agent has this e-mail address."""


class ManagerCycle(FailedPrecondition):
    """The agent would become their own manager, however indirectly."""


class AgentNotActive(FailedPrecondition):
    """The agent does not work here any more."""


class AgentStillNeeded(FailedPrecondition):
    """The agent has open reviews or reports, and nobody is named who takes them over."""


class AgentBusy(Aborted):
    """The agent is given one review after the other just now; the same request may succeed a moment later."""


class ApplicantIsAgent(FailedPrecondition):
    """The agent who would get a review is its applicant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of a person who decides loans, in canonical form.

    Attributes:
        name: NFC, no space around it.
        email: In lower case; unique.
        phone: E.164.
        manager_id: To whom the agent reports; None at the top.
        is_available: Whether new reviews may be assigned to the agent.
        max_open_reviews: The most open reviews that the system assigns to the agent; None means as many as come.
        loan_types: What the agent can review, in the words of the loan context; empty means all.
    """

    name: Name
    email: Email
    phone: Phone
    manager_id: int | None = None
    is_available: bool = True
    max_open_reviews: int | None = None
    loan_types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent(Profile):
    """A stored agent.

    Attributes:
        agent_id: Counted from 1.
        is_active: Whether the agent works here.
        open_review_count: The open reviews that are assigned to the agent.
        last_assigned_at: When a review was assigned to the agent last; None if never.
        limits: The approval limits that hold at `as_of` by loan type, "" for all types without one of their own;
            None is unlimited.
        substitute_id: Who stands in for the agent at `as_of`.
        created_at: When the agent was added.
        updated_at: When the profile was last changed.
        as_of: When the agent was read, by the database's clock.
    """

    agent_id: int
    is_active: bool
    open_review_count: int
    last_assigned_at: datetime | None
    limits: Mapping[str, Decimal | None]
    substitute_id: int | None
    created_at: datetime
    updated_at: datetime
    as_of: datetime = field(compare=False)

    @property
    def has_limits(self) -> bool:
        """Whether there is a limit to anything that the agent approves."""
        return any(limit is not None for limit in self.limits.values())

    def limit_for(self, loan_type: str) -> Decimal | None:
        """The largest amount the agent may approve for loans of a type; None means unlimited."""
        return self.limits[loan_type] if loan_type in self.limits else self.limits.get("")

    def may_approve(self, loan_type: str, amount: Decimal) -> bool:
        """Whether the amount is within the agent's approval limit for loans of this type."""
        limit = self.limit_for(loan_type)
        return limit is None or amount <= limit

    def changed(self, changes: "AgentChanges") -> "Agent":
        """The agent with another profile; limits are no part of it."""
        return replace(
            self,
            name=changes.get("name", self.name),
            email=changes.get("email", self.email),
            phone=changes.get("phone", self.phone),
            manager_id=changes.get("manager_id", self.manager_id),
            is_available=changes.get("is_available", self.is_available),
            max_open_reviews=changes.get("max_open_reviews", self.max_open_reviews),
            loan_types=changes.get("loan_types", self.loan_types),
        )


class AgentChanges(TypedDict, total=False):
    """New values for some of the fields of a Profile, and a new approval limit for all types, None for unlimited."""

    name: Name
    email: Email
    phone: Phone
    manager_id: int | None
    is_available: bool
    max_open_reviews: int | None
    loan_types: frozenset[str]
    approval_limit: Decimal | None


def refuse_inactive(agent: Agent) -> None:
    """Make sure that an agent works here.

    Raises:
        AgentNotActive: Not any more.
    """
    if not agent.is_active:
        raise AgentNotActive(f"agent {agent.agent_id} is not active")


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


def canonical_name(name: str) -> Name:
    """A name in Unicode NFC without space around it."""
    return Name(unicodedata.normalize("NFC", name).strip())


def is_blank(name: str) -> bool:
    """Tell whether nothing of a name can be seen: it holds only spaces of any kind and signs without a shape."""
    return all(unicodedata.category(sign) in _UNSEEN for sign in name)
