"""Agents, their managers, limits and substitutes, as docs/review.md says: the first half of the model.

Time is counted in hours; what happens within one hour happens in the order of the ticks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from chassis.errors import ServiceError
from review_service.domain import AgentNotActive, CoverCircle, CoverOverlaps, ManagerCycle

Refusal = type[ServiceError]


class Moment(NamedTuple):
    """A time: what was announced for an hour happens then in the order in which it was announced."""

    hour: int
    tick: int


class Limit(NamedTuple):
    """What somebody may approve from a time on; None is unlimited."""

    loan_type: str | None
    amount: Decimal | None
    valid_from: Moment


@dataclass
class Person:
    """An agent."""

    agent_id: int
    phone: str
    manager_id: int | None = None
    is_active: bool = True
    is_available: bool = True
    most: int | None = None
    skills: frozenset[str] = frozenset()
    limits: list[Limit] = field(default_factory=list)
    last_given: float = -1.0


@dataclass
class Absence:
    """A cover."""

    agent_id: int
    substitute_id: int
    starts: Moment
    ends: Moment


@dataclass
class Staff:
    """All agents, and who stands in for whom."""

    people: dict[int, Person] = field(default_factory=dict)
    covers: dict[int, Absence] = field(default_factory=dict)
    hour: int = 0
    tick: int = 0

    @property
    def now(self) -> Moment:
        return Moment(self.hour, self.tick)

    def active(self) -> list[Person]:
        return [person for person in self.people.values() if person.is_active]

    def chain(self, agent_id: int | None) -> list[int]:
        """An agent, their manager, and so on."""
        chain: list[int] = []
        while agent_id is not None:
            assert agent_id not in chain, "a circle of managers"
            chain.append(agent_id)
            agent_id = self.people[agent_id].manager_id
        return chain

    def substitute(self, agent_id: int) -> int | None:
        found = [
            cover.substitute_id
            for cover in self.covers.values()
            if cover.agent_id == agent_id and cover.starts <= self.now < cover.ends
        ]
        assert len(found) <= 1, "two substitutes at a time"
        return found[0] if found else None

    def taker(self, seat_id: int) -> int:
        """Who acts for an agent now."""
        passed = [seat_id]
        while (substitute := self.substitute(passed[-1])) is not None:
            assert substitute not in passed, "a circle of covers"
            passed.append(substitute)
        return passed[-1]

    def limit(self, agent_id: int, loan_type: str) -> Decimal | None:
        """What somebody may approve now."""
        begun = [limit for limit in self.people[agent_id].limits if limit.valid_from <= self.now]
        own = [limit for limit in begun if limit.loan_type == loan_type]
        held = own or [limit for limit in begun if limit.loan_type is None]
        return max(held, key=lambda limit: limit.valid_from).amount if held else None

    def acting_for(self, seat_id: int) -> Iterator[int]:
        """The substitute, the substitute's substitute, and so on."""
        substitute = self.substitute(seat_id)
        while substitute is not None:
            yield substitute
            substitute = self.substitute(substitute)

    def is_skilled(self, agent_id: int, loan_type: str) -> bool:
        """Whether somebody can review loans of a type."""
        skills = self.people[agent_id].skills
        return not skills or loan_type in skills

    def move(self, agent_id: int, manager_id: int | None) -> Refusal | None:
        """Put somebody below another manager."""
        if self.people[agent_id].manager_id == manager_id:
            return None
        if agent_id in self.chain(manager_id):
            return ManagerCycle
        if manager_id is not None and not self.people[manager_id].is_active:
            return AgentNotActive
        self.people[agent_id].manager_id = manager_id
        return None

    def hand_over_reports(self, person: Person, reports: Sequence[Person], successor_id: int | None) -> None:
        """Put the reports of somebody who leaves below somebody else."""
        if successor_id is not None and person.agent_id in self.chain(successor_id):
            self.people[successor_id].manager_id = person.manager_id
        for report in reports:
            if report.agent_id != successor_id:
                report.manager_id = person.manager_id if successor_id is None else successor_id

    def cover(self, cover: Absence) -> Refusal | None:
        """Whether somebody may stand in for another."""
        if not (self.people[cover.agent_id].is_active and self.people[cover.substitute_id].is_active):
            return AgentNotActive
        if any(other.agent_id == cover.agent_id for other in self._meeting(cover.starts, cover.ends)):
            return CoverOverlaps
        if self._leads_to(cover.agent_id, cover.substitute_id, cover.starts, cover.ends):
            return CoverCircle
        return None

    def _meeting(self, starts: Moment, ends: Moment) -> list[Absence]:
        return [each for each in self.covers.values() if max(each.starts, starts) < min(each.ends, ends)]

    def _leads_to(self, target: int, agent_id: int, starts: Moment, ends: Moment) -> bool:
        """Whether at some moment of a time whoever stands in for an agent is a certain one."""
        return agent_id == target or any(
            self._leads_to(target, each.substitute_id, max(each.starts, starts), min(each.ends, ends))
            for each in self._meeting(starts, ends)
            if each.agent_id == agent_id
        )
