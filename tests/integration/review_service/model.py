"""Agents and their reviews as docs/review.md says, once more and as plainly as can be.

Nothing here uses the service's own domain, except the names of errors, and nothing is fast.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from review_service.domain import (
    AgentAtCapacity,
    AgentNotActive,
    AgentNotAvailable,
    AgentNotInBranch,
    AgentNotSkilled,
    AgentStillNeeded,
    ApplicantIsAgent,
    DecisionAlreadyMade,
    LoanNotUnderReview,
    NotAssignedToAgent,
)
from tests.integration.review_service.staff import Refusal, Staff

DUE_H = {"AUTO": 1}
DUE_H_OTHERWISE = 2
FOUR_EYES_ABOVE = Decimal(50_000)

LATER = 1e12
"""After all that is stored, in seconds: what is given now, in its order."""

ASSIGNEE, MANAGER, SUBSTITUTE = "RIGHT_OF_ASSIGNEE", "RIGHT_OF_MANAGER", "RIGHT_OF_SUBSTITUTE"


class Right(NamedTuple):
    """By which right somebody acts, for whom, and from which place in the chain."""

    name: str
    absent: int | None
    place: int


class Taken(NamedTuple):
    """A step of a review."""

    kind: str
    actor: str = "system"
    assigned: int | None = None
    right: str | None = None
    on_behalf_of: int | None = None
    limit: Decimal | None = None
    exposure: Decimal | None = None


class Ended(NamedTuple):
    """The decision of a review."""

    choice: str
    agent_id: int
    right: str
    on_behalf_of: int | None
    limit: Decimal | None
    exposure: Decimal | None


class Told(NamedTuple):
    """A job: for whom it has which message, if it is one to staff."""

    kind: str
    recipient: str | None = None
    template: str | None = None


@dataclass
class Case:
    """A review; one that was never opened has no amount."""

    loan_id: UUID
    amount: Decimal | None = None
    loan_type: str = ""
    phone: str = ""
    state: str = "OPEN"
    due_hour: int = 0
    holder: int | None = None
    absent: int | None = None
    assignments: int = 0
    first_approved_by: int | None = None
    steps: list[Taken] = field(default_factory=list)
    decision: Ended | None = None

    @property
    def seat(self) -> int | None:
        """Where authority over it begins."""
        return self.absent or self.holder

    @property
    def is_waiting(self) -> bool:
        """Nobody has it."""
        return self.state == "OPEN" and self.holder is None

    @property
    def is_approved(self) -> bool:
        """The money is granted."""
        return self.state == "DECIDED" and self.decision is not None and self.decision.choice == "APPROVE"

    def was_recommended_by(self, agent_id: int) -> bool:
        """Whether somebody approved it above their limit, and was not given it since."""
        last = max((number for number, step in enumerate(self.steps) if step.assigned == agent_id), default=-1)
        return ("RECOMMENDED", f"agent:{agent_id}") in [(step.kind, step.actor) for step in self.steps[last + 1 :]]

    def was_heard(self, agent_id: int) -> bool:
        """Whether somebody has said what they think of it."""
        decider = None if self.decision is None else self.decision.agent_id
        return self.was_recommended_by(agent_id) or agent_id in {self.first_approved_by, decider}


@dataclass
class Model(Staff):
    """Everybody and everything."""

    cases: dict[UUID, Case] = field(default_factory=dict)
    jobs: dict[str, Told] = field(default_factory=dict)
    given: set[int] = field(default_factory=set)

    def open_cases(self) -> list[Case]:
        return [case for case in self.cases.values() if case.state == "OPEN"]

    def open_count(self, agent_id: int) -> int:
        return sum(case.holder == agent_id for case in self.open_cases())

    def may_approve(self, agent_id: int, case: Case, exposure: Decimal) -> bool:
        limit = self.limit(agent_id, case.loan_type)
        return limit is None or limit >= max(amount_of(case), exposure)

    def is_applicant(self, case: Case, *agent_ids: int) -> bool:
        return any(self.people[agent_id].phone == case.phone for agent_id in agent_ids)

    def exposure(self, phone: str) -> Decimal:
        """All that a customer owes or has applied for, as far as it came to a review."""
        owed = (
            case.amount
            for case in self.cases.values()
            if case.amount is not None and case.phone == phone and (case.state == "OPEN" or case.is_approved)
        )
        return sum(owed, Decimal(0))

    # Sharing out

    def can_take(self, seat_id: int, case: Case) -> bool:
        """Whether a review can be given to a seat."""
        taker = self.people[self.taker(seat_id)]
        return (
            taker.is_available
            and (taker.most is None or self.open_count(taker.agent_id) < taker.most)
            and self.is_skilled(taker.agent_id, case.loan_type)
            and not self.is_applicant(case, seat_id, taker.agent_id)
        )

    def assign_waiting(self, cases: Iterable[Case] | None = None) -> None:
        """Share out what waits, one after the other."""
        for case in list(self.cases.values() if cases is None else cases):
            able = [seat.agent_id for seat in self.active() if case.is_waiting and self.can_take(seat.agent_id, case)]
            behind = {above for seat_id in able for above in self.chain(seat_id)[1:]}
            front = [seat_id for seat_id in able if seat_id not in behind]
            if front:
                turn = min(map(self.taker, front), key=self._turn)
                seat_id = turn if turn in front else min(each for each in front if self.taker(each) == turn)
                self.restart_clock(case)
                self.give(case, "ASSIGNED", seat_id)
                self.tell_steps(case)

    def _turn(self, agent_id: int) -> tuple[int, float, int]:
        return self.open_count(agent_id), self.people[agent_id].last_given, agent_id

    # Steps and messages

    def give(self, case: Case, kind: str, seat_id: int, by: Taken | None = None) -> None:
        """Give a review to a seat, and tell those whom it concerns."""
        had, taker = case.holder, self.taker(seat_id)
        case.holder, case.absent = taker, None if taker == seat_id else seat_id
        case.assignments += 1
        step = by or Taken(kind)
        case.steps.append(step._replace(kind=kind, assigned=taker, on_behalf_of=case.absent or step.on_behalf_of))
        self.given.add(taker)
        self.people[taker].last_given = LATER + sum(each.assignments for each in self.cases.values())
        for whom, agent_id, template in self._pushes(kind, had, taker, seat_id):
            key = f"push:{case.loan_id}:step-{len(case.steps)}:{whom}"
            assert key not in self.jobs
            self.jobs[key] = Told("notify_staff", f"agent:{agent_id}", template)

    def _pushes(self, kind: str, had: int | None, taker: int, seat_id: int) -> Iterator[tuple[str, int, str]]:
        manager_id = self.people[seat_id].manager_id
        if kind == "COVERED":
            yield "agent", taker, "LOAN_COVERED"
        elif kind == "ESCALATED":
            assert had is not None
            yield "from", had, "LOAN_ESCALATED"
            yield "manager", taker, "LOAN_ESCALATED_TO_MANAGER"
        else:
            yield "agent", taker, "LOAN_ASSIGNED"
            if manager_id is not None and manager_id != taker:
                yield "manager", manager_id, "LOAN_ASSIGNED_TO_REPORT"

    def tell_steps(self, case: Case) -> None:
        """The loan service is told, once for all steps of one transaction."""
        self.jobs[f"record_steps:{case.loan_id}:{len(case.steps)}"] = Told("record_steps")

    def restart_clock(self, case: Case) -> None:
        case.due_hour = self.hour + DUE_H.get(case.loan_type, DUE_H_OTHERWISE)

    def leave(self, agent_id: int, successor_id: int | None, *, reassign: bool) -> Refusal | None:
        """End somebody's work."""
        person = self.people[agent_id]
        if not person.is_active:
            return None
        if successor_id is not None and (successor_id == agent_id or not self.people[successor_id].is_active):
            return AgentNotActive
        cases = sorted((case for case in self.open_cases() if case.holder == agent_id), key=lambda case: case.loan_id)
        reports = [each for each in self.people.values() if each.manager_id == agent_id]
        is_needed = bool(cases) or any(report.is_active for report in reports)
        if successor_id is None and is_needed and not reassign:
            return AgentStillNeeded
        kept = {cover_id: (cover.starts, cover.ends) for cover_id, cover in self.covers.items()}
        for cover in self.covers.values():
            if agent_id in (cover.agent_id, cover.substitute_id):
                cover.ends = min(cover.ends, max(cover.starts, self.now))
        if successor_id is not None and any(
            self.is_applicant(case, successor_id, self.taker(successor_id)) for case in cases
        ):
            for cover_id, (_, ends) in kept.items():
                self.covers[cover_id].ends = ends
            return ApplicantIsAgent
        self.hand_over_reports(person, reports, successor_id)
        person.is_active = False
        for case in cases:
            if successor_id is None:
                case.holder = case.absent = None
                case.steps.append(Taken("UNASSIGNED"))
            else:
                self.give(case, "REASSIGNED", successor_id)
            self.tell_steps(case)
        return None

    def apply_covers(self, agent_ids: Iterable[int] | None = None) -> None:
        """What absent agents have goes to whoever acts for the one for whom it is meant."""
        concerned = set(self.people if agent_ids is None else agent_ids)
        for case in sorted(self.open_cases(), key=lambda case: case.loan_id):
            if case.holder not in concerned or self.substitute(case.holder) is None:
                continue
            seat_id = case.seat if case.seat is not None and self.people[case.seat].is_active else case.holder
            if not self.is_applicant(case, self.taker(seat_id)):
                self.give(case, "REASSIGNED" if self.taker(seat_id) == seat_id else "COVERED", seat_id)
                self.tell_steps(case)

    # Escalating and reassigning

    def next_above(self, case: Case) -> int | None:
        """The seat to which an overdue review goes."""
        for seat_id in self.chain(case.seat)[1:]:
            taker = self.taker(seat_id)
            if self.people[seat_id].is_active and taker != case.holder and not self.is_applicant(case, seat_id, taker):
                return seat_id
        return None

    def escalate(self) -> None:
        """Move what is overdue up."""
        overdue = [case for case in self.open_cases() if case.holder is not None and case.due_hour <= self.hour]
        for case in overdue:
            if (seat_id := self.next_above(case)) is not None:
                self.restart_clock(case)
                self.give(case, "ESCALATED", seat_id)
                self.tell_steps(case)

    def right(self, case: Case, agent_id: int) -> Right | None:
        """By which right somebody may decide a review."""
        if case.holder is None or self.is_applicant(case, agent_id):
            return None
        chain = self.chain(case.seat)
        if case.holder == agent_id:
            return Right(ASSIGNEE, None, 0) if case.absent is None else Right(SUBSTITUTE, case.absent, 0)
        if agent_id in chain:
            place = chain.index(agent_id)
            return Right(MANAGER if place else ASSIGNEE, None, place)
        for place, seat_id in enumerate(chain):
            if agent_id in self.acting_for(seat_id) and not self.is_applicant(case, seat_id):
                return Right(SUBSTITUTE, seat_id, place)
        return None

    def reassign(self, case: Case, agent_id: int, to_id: int) -> Refusal | None:
        """Give a review to another because a manager wants it so."""
        right = self.right(case, agent_id)
        if right is not None and agent_id in self.chain(case.seat)[1:]:
            right = Right(MANAGER, None, right.place)
        if case.state != "OPEN" or not self.people[agent_id].is_active:
            return LoanNotUnderReview if case.state != "OPEN" else AgentNotActive
        if right is None or (right.absent or agent_id) not in self.chain(to_id):
            return NotAssignedToAgent if right is None else AgentNotInBranch
        taker = self.taker(to_id)
        if case.holder in {to_id, taker}:
            return None
        refusal = self._unable(case, to_id, taker)
        if refusal is None:
            by = Taken("", f"agent:{agent_id}", right=right.name, on_behalf_of=right.absent)
            self.give(case, "REASSIGNED", to_id, by)
            self.tell_steps(case)
        return refusal

    def _unable(self, case: Case, to_id: int, taker_id: int) -> Refusal | None:
        taker = self.people[taker_id]
        in_the_way = {
            AgentNotActive: not taker.is_active,
            AgentNotAvailable: not taker.is_available,
            AgentAtCapacity: taker.most is not None and self.open_count(taker_id) >= taker.most,
            AgentNotSkilled: not self.is_skilled(taker_id, case.loan_type),
            ApplicantIsAgent: self.is_applicant(case, to_id, taker_id),
        }
        return next((refusal for refusal, is_so in in_the_way.items() if is_so), None)

    # Deciding

    def decide(self, case: Case, agent_id: int, choice: str, exposure: Decimal) -> Refusal | Ended | None:
        """Who may say what, and what becomes of it; None if it is no decision, or not yet."""
        right, stands = self.right(case, agent_id), case.decision
        if case.state == "CANCELLED":
            return LoanNotUnderReview
        if stands is not None and (stands.agent_id, stands.choice) == (agent_id, choice):
            return stands
        if not self.people[agent_id].is_active:
            return AgentNotActive
        if right is None:
            spoke = case.was_recommended_by(agent_id) or case.first_approved_by == agent_id
            return None if spoke and choice == "APPROVE" else NotAssignedToAgent
        return self._rule(case, agent_id, choice, exposure, right) if stands is None else DecisionAlreadyMade

    def _rule(self, case: Case, agent_id: int, choice: str, exposure: Decimal, right: Right) -> Ended | None:
        """Somebody who may decide says what they think of a review that is open."""
        approves = choice == "APPROVE"
        limit = self.limit(agent_id, case.loan_type) if approves else None
        said = Ended(choice, agent_id, right.name, right.absent, limit, None if limit is None else exposure)
        if approves and not self.may_approve(agent_id, case, exposure):
            if not case.was_recommended_by(agent_id):
                self._pass_on(case, "RECOMMENDED", said, self._higher(case, said, right.place, exposure))
            return None
        if approves and amount_of(case) > FOUR_EYES_ABOVE and case.first_approved_by in {None, agent_id}:
            if case.first_approved_by is None:
                target = self._second(case, said, right.place, exposure)
                case.first_approved_by = agent_id
                self._pass_on(case, "FIRST_APPROVED", said, target)
            return None
        case.state, case.decision = "DECIDED", said
        self.jobs[f"record_decision:{case.loan_id}"] = Told("record_decision")
        return said

    def _pass_on(self, case: Case, kind: str, said: Ended, seat_id: int | None) -> None:
        actor = f"agent:{said.agent_id}"
        case.steps.append(Taken(kind, actor, None, said.right, said.on_behalf_of, said.limit, said.exposure))
        if seat_id is not None and self.taker(seat_id) != case.holder:
            self.restart_clock(case)
            self.give(case, "ASSIGNED", seat_id)
        self.tell_steps(case)

    def _seats(self, case: Case, seat_ids: Iterable[int], decider_id: int) -> list[int]:
        """Where a review can be moved to: to nobody who has just decided, and not to the applicant."""
        return [
            seat_id
            for seat_id in seat_ids
            if self.people[taker := self.taker(seat_id)].is_active
            and taker != decider_id
            and not self.is_applicant(case, seat_id, taker)
        ]

    def _able(self, case: Case, seat_ids: Iterable[int], exposure: Decimal) -> list[int]:
        return [
            seat_id
            for seat_id in seat_ids
            if self.taker(seat_id) != case.first_approved_by and self.may_approve(self.taker(seat_id), case, exposure)
        ]

    def _higher(self, case: Case, said: Ended, place: int, exposure: Decimal) -> int | None:
        above = self._seats(case, self.chain(case.seat)[place + 1 :], said.agent_id)
        able = self._able(case, above, exposure)
        return able[0] if able else above[-1] if above else None

    def _second(self, case: Case, said: Ended, place: int, exposure: Decimal) -> int | None:
        chain = self.chain(case.seat)
        above = self._seats(case, chain[place + 1 :], said.agent_id)
        below = self._seats(case, chain[: place + 1], said.agent_id)
        available = [each.agent_id for each in self.active() if each.is_available]
        there = [agent_id for agent_id in available if self.taker(agent_id) == agent_id]
        others = self._able(case, self._seats(case, there, said.agent_id), exposure)
        others.sort(key=lambda each: (not self.is_skilled(each, case.loan_type), self.open_count(each), each))
        able = [*self._able(case, [*above, *below], exposure)[:1], *others, *above[::-1], *below[::-1]]
        return able[0] if able else None


def amount_of(case: Case) -> Decimal:
    """The amount of a review that was opened."""
    assert case.amount is not None
    return case.amount
