"""Who stands in for whom, and when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FailedPrecondition, InvalidArgument, NotFound, Violation


class CoverNotFound(NotFound):
    """The agent has no cover with this id."""


class CoverOverlaps(FailedPrecondition):
    """The agent has another substitute in that time."""


class CoverCircle(FailedPrecondition):
    """Substitutes would stand in for one another in a circle, and nobody would be there."""


@dataclass(frozen=True, slots=True)
class Absence:
    """A time in which one agent stands in for another: from its start until just before its end.

    Attributes:
        agent_id: Who is absent.
        substitute_id: Who stands in.
        starts_at: When it begins.
        ends_at: When it ends; equal to the start if it was taken back before it began.
    """

    agent_id: int
    substitute_id: int
    starts_at: datetime
    ends_at: datetime

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether it has a moment in common with another time."""
        return max(self.starts_at, starts_at) < min(self.ends_at, ends_at)


@dataclass(frozen=True, slots=True)
class Cover(Absence):
    """A stored absence."""

    cover_id: int


def absence(
    agent_id: int, substitute_id: int, starts_at: datetime | None, ends_at: datetime, *, now: datetime
) -> Absence:
    """An absence that begins now or later.

    Args:
        agent_id: Who is absent.
        substitute_id: Who stands in.
        starts_at: When it begins; now if None or passed.
        ends_at: When it ends.
        now: The time.

    Raises:
        InvalidArgument: It would end before it begins, or the agent would stand in for themself.
    """
    begins_at = now if starts_at is None else max(starts_at, now)
    violations = []
    if substitute_id == agent_id:
        violations.append(Violation("substitute_agent_id", "must be another agent"))
    if ends_at <= begins_at:
        violations.append(Violation("ends_at", "must be later than it begins, and in the future"))
    if violations:
        raise InvalidArgument(violations)
    return Absence(agent_id, substitute_id, begins_at, ends_at)


def refuse_second_substitute(wanted: Absence, others: Iterable[Absence]) -> None:
    """Make sure that an agent has one substitute at a time.

    Raises:
        CoverOverlaps: One of the other absences of the agent has a moment in common with this one.
    """
    for other in others:
        if other.agent_id == wanted.agent_id and other.overlaps(wanted.starts_at, wanted.ends_at):
            raise CoverOverlaps(f"agent {wanted.agent_id} has another substitute in that time")


def refuse_circle(wanted: Absence, others: Iterable[Absence]) -> None:
    """Make sure that at every moment somebody is there who stands in for the agent.

    Args:
        wanted: The absence.
        others: All others that have a moment in common with it; among them there is no circle yet.

    Raises:
        CoverCircle: There is a moment at which following the substitutes leads back to the agent.
    """
    of_agent: dict[int, list[Absence]] = {}
    for other in others:
        of_agent.setdefault(other.agent_id, []).append(other)
    left = [wanted]
    while left:
        reached = left.pop()
        if reached.substitute_id == wanted.agent_id:
            raise CoverCircle(f"agent {wanted.agent_id} would in the end stand in for themself")
        left += [
            Absence(
                wanted.agent_id,
                following.substitute_id,
                max(reached.starts_at, following.starts_at),
                min(reached.ends_at, following.ends_at),
            )
            for following in of_agent.get(reached.substitute_id, [])
            if following.overlaps(reached.starts_at, reached.ends_at)
        ]
