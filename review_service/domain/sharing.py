"""How reviews are shared out among agents.

Every active agent is a seat in the tree. The taker of a seat is the agent who sits there or, while that one is absent,
the substitute, who takes on behalf of the absent agent. Reviews go to the leaves of the tree first: to a seat only if
no seat below it has a taker who can take them.
"""

import heapq
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from review_service.domain.agents import Agent
from review_service.domain.reviews import Application, Holder

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FROM_NOW_ON = 2**62
"""Later than any microsecond at which somebody was assigned a review before."""


@dataclass(frozen=True, slots=True, order=True)
class _Turn:
    """A taker's place in the line: fewest open reviews first, then who has waited longest, then the lowest id."""

    open_count: int
    last_us: int
    agent_id: int
    seat_id: int


def stand_in(seat: Agent, staff: Mapping[int, Agent]) -> Agent:
    """Who acts for an agent now: themselves or, if they are absent, their substitute, or the substitute's substitute.

    Args:
        seat: The agent.
        staff: All active agents by id; a substitute who is not among them stands in for nobody.
    """
    passed = {seat.agent_id}
    taker = seat
    while (substitute := staff.get(taker.substitute_id or 0)) is not None and substitute.agent_id not in passed:
        passed.add(substitute.agent_id)
        taker = substitute
    return taker


def holder_of(seat: Agent, staff: Mapping[int, Agent]) -> Holder:
    """Who gets a review that is meant for an agent."""
    taker = stand_in(seat, staff)
    return Holder(taker.agent_id, None if taker is seat else seat.agent_id)


def is_skilled(agent: Agent, loan_type: str) -> bool:
    """Whether an agent can review loans of a type."""
    return not agent.loan_types or loan_type in agent.loan_types


def can_take(taker: Agent, application: Application, open_count: int | None = None) -> bool:
    """Whether an agent can be given a review by the system.

    Args:
        taker: The agent.
        application: The loan to be reviewed.
        open_count: How many open reviews they have; as stored if None.
    """
    count = taker.open_review_count if open_count is None else open_count
    return (
        taker.is_active
        and taker.is_available
        and (taker.max_open_reviews is None or count < taker.max_open_reviews)
        and is_skilled(taker, application.loan_type)
        and taker.phone != application.customer_phone
    )


def types_taken(staff: Iterable[Agent]) -> frozenset[str] | None:
    """The types of loans that somebody could be given now; None means all."""
    free = [
        agent
        for agent in staff
        if agent.is_available and (agent.max_open_reviews is None or agent.open_review_count < agent.max_open_reviews)
    ]
    if any(not agent.loan_types for agent in free):
        return None
    return frozenset().union(*(agent.loan_types for agent in free))


def share_out(
    applications: Sequence[Application], staff: Sequence[Agent], only: Container[int] | None = None
) -> dict[UUID, Holder]:
    """Give each application to whose turn it is, one after the other.

    Args:
        applications: To be given away, in this order.
        staff: All active agents.
        only: Those who are given anything, although the others count as able to take it; None means all.

    Returns:
        Who gets each application; those that nobody can take are not in it.
    """
    office = _Office(staff, only)
    given: dict[UUID, Holder] = {}
    for application in applications:
        if (holder := office.next_for(application)) is not None:
            given[application.loan_id] = holder
    return given


class _Office:
    """The staff while reviews are shared out: the counts grow, and lines form for each kind of loan."""

    def __init__(self, staff: Sequence[Agent], only: Container[int] | None) -> None:
        self._staff = {agent.agent_id: agent for agent in staff}
        self._phones = {agent.phone for agent in staff}
        self._takers = [(seat, stand_in(seat, self._staff)) for seat in staff]
        self._only = only
        self._counts = {agent.agent_id: agent.open_review_count for agent in staff}
        self._last_us = {agent.agent_id: _microseconds(agent.last_assigned_at) for agent in staff}
        self._given = 0
        self._lines: dict[tuple[str, str], list[_Turn]] = {}

    def next_for(self, application: Application) -> Holder | None:
        """Give a review to whose turn it is."""
        applicant = application.customer_phone if application.customer_phone in self._phones else ""
        kind = (application.loan_type, applicant)
        if kind not in self._lines:
            self._lines[kind] = self._line(application)
        if not (line := self._lines[kind]):
            return None
        turn = self._first_in(line)
        self._note(turn.agent_id)
        return Holder(turn.agent_id, None if turn.seat_id == turn.agent_id else turn.seat_id)

    def _line(self, application: Application) -> list[_Turn]:
        """Those in front who can take such a loan, as a heap: each once, for their own seat if it is in front."""
        able = {
            seat.agent_id: taker
            for seat, taker in self._takers
            if seat.phone != application.customer_phone and can_take(taker, application, self._counts[taker.agent_id])
        }
        seats: dict[int, int] = {}
        for seat_id in self._in_front(able):
            taker_id = able[seat_id].agent_id
            if taker_id == seat_id or taker_id not in seats:
                seats[taker_id] = seat_id
        line = [
            self._turn(taker_id, seat_id)
            for taker_id, seat_id in seats.items()
            if self._only is None or taker_id in self._only
        ]
        heapq.heapify(line)
        return line

    def _in_front(self, seat_ids: Iterable[int]) -> list[int]:
        """Those of the seats that have none of the others below them, by ascending id."""
        behind: set[int] = set()
        for seat_id in seat_ids:
            above = self._staff[seat_id].manager_id
            while above is not None and above not in behind:
                behind.add(above)
                manager = self._staff.get(above)
                above = None if manager is None else manager.manager_id
        return sorted(seat_id for seat_id in seat_ids if seat_id not in behind)

    def _first_in(self, line: list[_Turn]) -> _Turn:
        """Whose turn it is; what the heap says may be behind, and everybody only moves back."""
        turn = line[0]
        while turn != (current := self._turn(turn.agent_id, turn.seat_id)):
            heapq.heapreplace(line, current)
            turn = line[0]
        return turn

    def _turn(self, agent_id: int, seat_id: int) -> _Turn:
        return _Turn(self._counts[agent_id], self._last_us[agent_id], agent_id, seat_id)

    def _note(self, agent_id: int) -> None:
        """Remember that an agent was given a review; one who can take no more leaves all lines, which form anew."""
        self._given += 1
        self._counts[agent_id] += 1
        self._last_us[agent_id] = _FROM_NOW_ON + self._given
        if self._counts[agent_id] == self._staff[agent_id].max_open_reviews:
            self._lines.clear()


def _microseconds(moment: datetime | None) -> int:
    """A time as a number; never is before all times."""
    return -1 if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)
