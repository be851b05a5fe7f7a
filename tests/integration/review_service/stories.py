"""Random stories on the real use cases against a model of them: people come and go, limits change, time passes.

The machine moves the clock by moving what is measured against it: due times, covers and limits. After every rule what
is stored must be what the model says, row by row: who has which review for whom, every step, and every job.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import TypeVar
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from sqlalchemy import Connection

from chassis.errors import ServiceError
from chassis.personal import Email, Name, Phone
from review_service import domain, usecases
from review_service.domain import AgentChanges, Choice, Decision, Profile
from tests.integration.review_service.ground import PASS, POLICY, Ground
from tests.integration.review_service.model import Case
from tests.integration.review_service.office import application
from tests.integration.review_service.staff import Absence, Limit, Person

T = TypeVar("T")

_numbers = count(1)

places = st.integers(0, 30)
amounts = st.sampled_from([10_000, 40_000, 80_000])
limits = st.sampled_from([None, 20_000, 50_000, 90_000])
types = st.sampled_from(["HOME", "AUTO"])
skills = st.sampled_from([(), (), ("HOME",), ("AUTO",)])
capacities = st.sampled_from([None, None, 0, 1, 2])
periodic = st.sampled_from(["assign", "escalate", "cover"])


class Crash(Exception):
    """The process dies before it commits."""


class Stories(Ground):
    """Everything that can happen to agents and reviews, in any order."""

    @initialize()
    def begin(self) -> None:
        self.hire(0, None, None, (), True)
        for limit in (50_000, 90_000):
            self.hire(1, limit, None, (), True)
        for place in (2, 2, 3):
            self.hire(place, 20_000, 2, (), True)
        self.open([(40_000, "HOME", 0), (10_000, "AUTO", 0)])

    # People

    @rule(manager=places, limit=limits, most=capacities, can=skills, available=st.booleans())
    def hire(self, manager: int, limit: int | None, most: int | None, can: tuple[str, ...], available: bool) -> None:
        above = self._anybody(manager - 1) if manager else None
        self._tick()
        number = next(_numbers)
        profile = Profile(
            name=Name(f"Agent {number}"),
            email=Email(f"told{number}@example.com"),
            phone=Phone(f"+1202557{number:04}"),
            manager_id=None if above is None else above.agent_id,
            is_available=available,
            max_open_reviews=most,
            loan_types=frozenset(can),
        )
        create = partial(usecases.create_agent, profile=profile, policy=POLICY, approval_limit=decimal(limit))
        if above is not None and not above.is_active:
            self._refused(create, domain.AgentNotActive)
        else:
            agent = self._do(create)
            person = Person(agent.agent_id, agent.phone, agent.manager_id, True, available, most, frozenset(can))
            if limit is not None:
                person.limits.append(Limit(None, Decimal(limit), self.model.now))
            self.model.people[agent.agent_id] = person
            self.model.assign_waiting()

    @rule(who=places, manager=places)
    def move(self, who: int, manager: int) -> None:
        person, above = self._anybody(who), self._anybody(manager - 1) if manager else None
        manager_id = None if above is None else above.agent_id
        is_new = person.manager_id != manager_id
        refusal = self.model.move(person.agent_id, manager_id)
        if is_new and refusal is None:
            self.model.assign_waiting()
        self._change(person, {"manager_id": manager_id}, refusal)

    @rule(who=places, most=capacities, can=skills, available=st.booleans(), field=st.integers(0, 2))
    def adjust(self, who: int, most: int | None, can: tuple[str, ...], available: bool, field: int) -> None:
        person = self._anybody(who)
        skilled = frozenset(can)
        before = replace(person)
        changes: AgentChanges
        if field == 0:
            changes, person.is_available = {"is_available": available}, available
        elif field == 1:
            changes, person.most = {"max_open_reviews": most}, most
        else:
            changes, person.skills = {"loan_types": skilled}, skilled
        if person != before:
            self.model.assign_waiting()
        self._change(person, changes, None)

    def _change(self, person: Person, changes: AgentChanges, refusal: type[ServiceError] | None) -> None:
        update = partial(usecases.update_agent, agent_id=person.agent_id, changes=changes, policy=POLICY)
        self._expect(update, refusal)

    @rule(who=places, loan_type=st.none() | types, limit=limits, in_h=st.integers(0, 2))
    def set_limit(self, who: int, loan_type: str | None, limit: int | None, in_h: int) -> None:
        person = self._anybody(who)
        valid_from = self.office.now() + timedelta(hours=in_h) if in_h else None
        self._do(
            partial(
                usecases.set_approval_limit,
                agent_id=person.agent_id,
                loan_type=loan_type,
                amount=decimal(limit),
                valid_from=valid_from,
            )
        )
        person.limits.append(Limit(loan_type, decimal(limit), self._tick(in_h)))

    @rule(who=places, successor=places, way=st.sampled_from(["successor", "reassign", "neither"]))
    def leave(self, who: int, successor: int, way: str) -> None:
        person, heir = self._two(who, successor)
        if person.is_active and len(self.model.active()) == 1:
            return
        self._tick()
        heir_id, reassign = heir.agent_id if way == "successor" else None, way == "reassign"
        refusal = self.model.leave(person.agent_id, heir_id, reassign=reassign)
        deactivate = usecases.deactivate_agent
        self._expect(partial(deactivate, agent_id=person.agent_id, successor_id=heir_id, reassign=reassign), refusal)

    @rule(who=places)
    def come_back(self, who: int) -> None:
        person = self._anybody(who)
        if not person.is_active:
            person.is_active = True
            self.model.assign_waiting()
        self._do(partial(usecases.activate_agent, agent_id=person.agent_id, policy=POLICY))

    # Covers

    @rule(who=places, substitute=places, in_h=st.integers(0, 2), lasts_h=st.integers(1, 2))
    def cover(self, who: int, substitute: int, in_h: int, lasts_h: int) -> None:
        person, other = self._two(who, substitute)
        starts = self._tick(in_h)
        wanted = Absence(person.agent_id, other.agent_id, starts, starts._replace(hour=starts.hour + lasts_h))
        now = self.office.now()
        create = partial(
            usecases.create_cover,
            agent_id=person.agent_id,
            substitute_id=other.agent_id,
            starts_at=now + timedelta(hours=in_h) if in_h else None,
            ends_at=now + timedelta(hours=in_h + lasts_h),
        )
        if (refusal := self.model.cover(wanted)) is not None:
            self._refused(create, refusal)
        else:
            self.model.covers[self._do(create).cover_id] = wanted
            if not in_h:
                self.model.apply_covers([person.agent_id])

    @rule(number=places)
    def end_cover(self, number: int) -> None:
        if self.model.covers:
            cover_id, cover = nth(self.model.covers.items(), number)
            self._do(partial(usecases.end_cover, agent_id=cover.agent_id, cover_id=cover_id))
            cover.ends = min(cover.ends, max(cover.starts, self._tick()))

    # Reviews

    @rule(wanted=st.lists(st.tuples(amounts, types, st.integers(0, 4)), min_size=1, max_size=3))
    def open(self, wanted: list[tuple[int, str, int]]) -> None:
        """Loans come to their review: of customers, and of agents."""
        self._tick()
        made = []
        for amount, loan_type, customer in wanted:
            phone = self._anybody(customer - 3).phone if customer > 2 else f"+1415555010{customer}"
            loan_id = UUID(int=len(self.model.cases) + 1)
            case = Case(loan_id, Decimal(amount), loan_type, phone)
            self.model.restart_clock(case)
            self.model.cases[loan_id] = case
            loan = application(amount, phone=phone, loan_id=loan_id, loan_type=loan_type)
            made.append(replace(loan, customer_exposure=self.model.exposure(phone)))
        self._do(partial(usecases.open_reviews, applications=made, policy=POLICY))
        self.model.assign_waiting(self.model.cases[loan.loan_id] for loan in made)

    @rule(number=places)
    def open_again(self, number: int) -> None:
        """The loan service tells of a loan twice, or after it cancelled its review."""
        if self.model.cases:
            loan = application(80_000, loan_id=nth(self.model.cases, number))
            self._do(partial(usecases.open_reviews, applications=[loan], policy=POLICY))

    @rule(number=places, is_known=st.booleans())
    def cancel(self, number: int, is_known: bool) -> None:
        """A loan is withdrawn or expires, perhaps before its review was opened."""
        there = len(self.model.cases)
        loan_id = nth(self.model.cases, number) if is_known and there else UUID(int=there + 1)
        case = self.model.cases.setdefault(loan_id, Case(loan_id))
        if case.state == "OPEN":
            case.state = "CANCELLED"
        self._do(partial(usecases.cancel_reviews, loan_ids=[loan_id]))

    @rule(number=places)
    def void(self, number: int) -> None:
        """The loan service answers that a decision came too late."""
        if self.model.cases:
            case = nth(self.model.cases.values(), number)
            if case.state == "DECIDED":
                case.state = "CANCELLED"
            self._do(partial(usecases.void_decisions, loan_ids=[case.loan_id]))

    @rule(
        number=places,
        role=st.sampled_from(["holder", "holder", "entitled", "entitled", "said", "anybody"]),
        which=places,
        choice=st.sampled_from([Choice.APPROVE, Choice.APPROVE, Choice.APPROVE, Choice.REJECT]),
        elsewhere=st.sampled_from([0, 0, 30_000]),
        times=st.integers(1, 2),
    )
    def decide(  # noqa: PLR0917 -- Hypothesis gives each by its name
        self, number: int, role: str, which: int, choice: Choice, elsewhere: int, times: int
    ) -> None:
        """Somebody says what they think, perhaps twice; the customer may owe money elsewhere."""
        if (case := self._any_case(number)) is None:
            return
        person = self._somebody(case, role, which)
        exposure = self.model.exposure(case.phone) + elsewhere
        for _ in range(times):
            self._tick()
            decide = partial(
                usecases.decide_review,
                loan_id=case.loan_id,
                decision=Decision(person.agent_id, choice, ("DEBT_TO_INCOME",) if choice is Choice.REJECT else ()),
                policy=POLICY,
                exposure=exposure,
            )
            expected = self.model.decide(case, person.agent_id, str(choice), exposure)
            if isinstance(expected, type):
                self._refused(decide, expected)
            else:
                ruling = self._do(decide)
                assert (ruling is None) == (expected is None), "a decision that is none, or the other way round"
                assert ruling is None or len(ruling.steps) == len(case.steps)

    @rule(number=places, role=st.sampled_from(["holder", "entitled", "entitled", "anybody"]), which=places, to=places)
    def reassign(self, number: int, role: str, which: int, to: int) -> None:
        if (case := self._any_case(number)) is None:
            return
        person, other = self._somebody(case, role, which), self._anybody(to)
        self._tick()
        reassign = partial(
            usecases.reassign_review, loan_id=case.loan_id, agent_id=person.agent_id, to_agent_id=other.agent_id
        )
        self._expect(reassign, self.model.reassign(case, person.agent_id, other.agent_id))

    # Time

    @rule(hours=st.integers(1, 3))
    def pass_time(self, hours: int) -> None:
        self._execute(PASS, time=timedelta(hours=hours))
        self.model.hour += hours

    @rule(kind=periodic, times=st.integers(1, 2))
    def work(self, kind: str, times: int) -> None:
        """What is done periodically, once or twice in a row."""
        self._tick()
        for _ in range(times):
            self._do(self._work(kind))
        {"assign": self.model.assign_waiting, "escalate": self.model.escalate, "cover": self.model.apply_covers}[kind]()
        if kind == "assign":
            waiting = [case for case in self.model.open_cases() if case.is_waiting]
            seats = [person.agent_id for person in self.model.active()]
            assert not [case for case in waiting for seat in seats if self.model.can_take(seat, case)]

    @rule(kind=st.sampled_from(["assign", "escalate"]), turns=st.booleans())
    def work_at_once(self, kind: str, turns: bool) -> None:
        """Two services do the same before one of them commits: neither waits for the other, and it is done once."""
        self._tick()
        work = self._work(kind)
        with self.engine.connect() as one, self.engine.connect() as other:
            first, second = one.begin(), other.begin()
            work(one)
            work(other)
            for each in (second, first) if turns else (first, second):
                each.commit()
        {"assign": self.model.assign_waiting, "escalate": self.model.escalate}[kind]()

    @rule(kind=periodic, number=places, choice=st.sampled_from(list(Choice)))
    def crash(self, kind: str, number: int, choice: Choice) -> None:
        """All is done and nothing is committed."""
        case = self._any_case(number)

        def work(tx: Connection) -> None:
            self._work(kind)(tx)
            if case is not None and case.holder is not None and self.model.people[case.holder].is_active:
                decision = Decision(case.holder, choice)
                usecases.decide_review(tx, case.loan_id, decision, POLICY, Decimal(10**6))
            raise Crash

        with pytest.raises((Crash, ServiceError)):
            self._do(work)

    def _work(self, kind: str) -> Callable[[Connection], object]:
        works: dict[str, Callable[[Connection], object]] = {
            "assign": partial(usecases.assign_waiting, policy=POLICY),
            "escalate": partial(usecases.escalate_overdue, policy=POLICY),
            "cover": usecases.apply_covers,
        }
        return works[kind]

    # Ways to pick

    def _anybody(self, place: int) -> Person:
        return nth(self.model.people.values(), place)

    def _two(self, place: int, other: int) -> tuple[Person, Person]:
        """Two different agents."""
        person = self._anybody(place)
        return person, nth([each for each in self.model.people.values() if each is not person], other)

    def _any_case(self, number: int) -> Case | None:
        """One of the reviews, of two thirds an open one."""
        wanted = self.model.open_cases() if number % 3 else list(self.model.cases.values())
        return nth(wanted, number // 3) if wanted else None

    def _somebody(self, case: Case, role: str, place: int) -> Person:
        people = self.model.people
        wanted = {
            "holder": [agent_id for agent_id in people if agent_id == case.holder],
            "entitled": [agent_id for agent_id in people if self.model.right(case, agent_id) is not None],
            "said": [agent_id for agent_id in people if case.was_heard(agent_id)],
            "anybody": list(people),
        }[role]
        return people[nth(wanted or people, place)]


def nth(things: Iterable[T], place: int) -> T:
    """One of some things, counted around."""
    found = list(things)
    return found[place % len(found)]


def decimal(amount: int | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)
