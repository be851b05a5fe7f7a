"""How reviews are shared out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review_service.domain import Agent, Application, Holder, can_take, share_out, stand_in, types_taken
from tests.unit.review_service.people import NOON, agent, application


def shared(count: int, staff: Sequence[Agent]) -> list[int]:
    """Who gets each of so many reviews, in their order."""
    applications = [application() for _ in range(count)]
    given_to = share_out(applications, staff)
    return [given_to[each.loan_id].agent_id for each in applications if each.loan_id in given_to]


@pytest.mark.parametrize(
    ("open_counts", "turns"),
    [
        ([0, 0, 0], [1, 2, 3, 1, 2]),
        ([2, 0, 1], [2, 3, 2, 1, 3]),
        ([5, 5, 0], [3, 3, 3, 3, 3]),
        ([7], [1, 1, 1, 1, 1]),
    ],
)
def test_each_review_goes_to_the_agent_with_the_fewest(open_counts: list[int], turns: list[int]) -> None:
    staff = [agent(number, open_count=count) for number, count in enumerate(open_counts, start=1)]
    assert shared(5, staff) == turns


def test_of_those_with_the_fewest_it_is_the_turn_of_who_has_waited_longest() -> None:
    ago = {hours: NOON - timedelta(hours=hours) for hours in (1, 2)}
    staff = [agent(1, last_assigned_at=ago[1]), agent(2, last_assigned_at=ago[2]), agent(3), agent(4)]
    assert shared(6, staff) == [3, 4, 2, 1, 3, 4]


def test_without_anybody_all_wait() -> None:
    assert shared(3, []) == []


HEAD, MANAGER, AGENT, LONER = agent(1), agent(2, manager_id=1), agent(3, manager_id=2), agent(4)


def away(absent: Agent) -> Agent:
    return replace(absent, is_available=False)


@pytest.mark.parametrize(
    ("staff", "takers"),
    [
        ([HEAD, MANAGER, AGENT], {3}),
        ([HEAD, MANAGER, away(AGENT)], {2}),
        ([HEAD, away(MANAGER), away(AGENT)], {1}),
        ([HEAD, away(MANAGER), AGENT], {3}),
        ([HEAD, MANAGER, AGENT, LONER], {3, 4}),
        ([HEAD, MANAGER, away(AGENT), LONER], {2, 4}),
        ([HEAD, MANAGER, replace(AGENT, max_open_reviews=0)], {2}),
        ([HEAD, MANAGER, replace(AGENT, loan_types=frozenset({"AUTO"}))], {2}),
    ],
    ids=[
        "the one at the bottom",
        "their manager once they are away",
        "the head once all below are away",
        "the one at the bottom though the manager between is away",
        "somebody without reports beside them",
        "a manager whose agents are away beside somebody without reports",
        "a manager whose agents have enough",
        "a manager whose agents lack the skill",
    ],
)
def test_a_manager_gets_reviews_only_if_nobody_below_can_take_them(staff: list[Agent], takers: set[int]) -> None:
    assert set(shared(6, staff)) == takers


def test_who_has_as_many_as_they_can_have_gets_no_more_and_their_manager_is_next() -> None:
    staff = [agent(1), agent(2, manager_id=1, most=2), agent(3, manager_id=1, most=3, open_count=2)]
    assert shared(5, staff) == [2, 2, 3, 1, 1]
    assert shared(5, staff[1:]) == [2, 2, 3]


def test_reviews_go_to_those_with_the_skill() -> None:
    staff = [agent(1, skills=["AUTO"]), agent(2, skills=["HOME", "AUTO"]), agent(3, open_count=9)]
    home, car, business = (application(loan_type=word) for word in ("HOME", "AUTO", "BUSINESS"))
    given_to = share_out([home, car, business], staff)
    assert {loan_id: holder.agent_id for loan_id, holder in given_to.items()} == {
        home.loan_id: 2,
        car.loan_id: 1,
        business.loan_id: 3,
    }


def test_nobody_gets_their_own_application() -> None:
    others, own = application(), application(phone=agent(1).phone)
    given_to = share_out([own, others], [agent(1), agent(2, open_count=5)])
    assert given_to == {own.loan_id: Holder(2), others.loan_id: Holder(1)}


def test_the_manager_of_an_applicant_gets_the_application_if_nobody_else_below_can_take_it() -> None:
    own = application(phone=AGENT.phone)
    assert share_out([own], [replace(MANAGER, manager_id=None), AGENT]) == {own.loan_id: Holder(2)}


def test_an_application_that_only_the_applicant_could_take_waits() -> None:
    own, others = application(phone=agent(1).phone), application()
    assert share_out([own, others], [agent(1)]) == {others.loan_id: Holder(1)}


def test_what_an_absent_agent_would_get_the_substitute_gets_on_their_behalf() -> None:
    staff = [replace(MANAGER, manager_id=None), replace(AGENT, substitute_id=2)]
    assert list(share_out([application()], staff).values()) == [Holder(2, 3)]


def test_a_substitute_is_asked_whether_they_can_take_it_and_not_the_absent_agent() -> None:
    absent = replace(away(AGENT), substitute_id=4, loan_types=frozenset({"AUTO"}), max_open_reviews=0)
    assert shared(3, [absent, LONER]) == [4, 4, 4]
    assert shared(3, [absent, away(LONER)]) == []


def test_a_substitute_with_a_seat_of_their_own_in_front_takes_for_that() -> None:
    assert list(share_out([application()], [replace(AGENT, substitute_id=4), LONER]).values()) == [Holder(4)]


def test_nobody_gets_what_is_meant_for_the_applicant_they_stand_in_for() -> None:
    own = application(phone=AGENT.phone)
    given_to = share_out([own], [replace(AGENT, substitute_id=4), LONER])
    assert given_to == {own.loan_id: Holder(4)}


@pytest.mark.parametrize(
    ("substitutes", "expected"),
    [({}, 1), ({1: 2}, 2), ({1: 2, 2: 3}, 3), ({1: 9}, 1), ({1: 2, 2: 1}, 2)],
    ids=["themselves", "their substitute", "the substitute's", "not one who has left", "nobody for ever"],
)
def test_for_an_agent_acts(substitutes: dict[int, int], expected: int) -> None:
    staff = {number: agent(number, substitute=substitutes.get(number)) for number in (1, 2, 3)}
    assert stand_in(staff[1], staff).agent_id == expected


def test_those_who_are_passed_over_still_stand_in_front_of_their_manager() -> None:
    staff = [replace(MANAGER, manager_id=None), AGENT, LONER]
    loans = [application() for _ in range(3)]
    assert set(share_out(loans, staff, only={2, 4}).values()) == {Holder(4)}
    assert share_out(loans, staff, only={2}) == {}


@pytest.mark.parametrize(
    ("staff", "expected"),
    [
        ([], set()),
        ([agent(1, available=False), agent(2, most=0)], set()),
        ([agent(1, skills=["HOME"]), agent(2, skills=["AUTO", "HOME"])], {"HOME", "AUTO"}),
        ([agent(1, skills=["HOME"]), agent(2)], None),
    ],
)
def test_only_types_are_offered_that_somebody_could_be_given(staff: list[Agent], expected: set[str] | None) -> None:
    assert types_taken(staff) == expected


phones = st.sampled_from(["", *(agent(number).phone for number in range(1, 9))])


@st.composite
def staffs(draw: st.DrawFn) -> list[Agent]:
    """Up to eight agents of every kind; managers and substitutes have lower ids, so there is no circle."""
    return [
        agent(
            number,
            manager_id=draw(st.none() | st.integers(1, number - 1)) if number > 1 else None,
            substitute=draw(st.none() | st.integers(1, number - 1)) if number > 1 else None,
            open_count=draw(st.integers(0, 3)),
            most=draw(st.none() | st.integers(0, 5)),
            available=draw(st.booleans()),
            skills=draw(st.sets(st.sampled_from(["HOME", "AUTO"]))),
            last_assigned_at=draw(st.none() | st.integers(0, 2).map(lambda hours: NOON - timedelta(hours=hours))),
        )
        for number in range(1, draw(st.integers(1, 8)) + 1)
    ]


loans_of_all_kinds = st.lists(
    st.builds(
        lambda phone, loan_type: application(phone=phone or "+14155550123", loan_type=loan_type),
        phones,
        st.sampled_from(["HOME", "AUTO", "BUSINESS"]),
    ),
    max_size=25,
)


@given(staffs(), loans_of_all_kinds)
def test_it_is_the_same_as_asking_for_each_review_whose_turn_it_is(
    staff: list[Agent], applications: list[Application]
) -> None:
    given_to = share_out(applications, staff)
    assert {loan_id: holder.agent_id for loan_id, holder in given_to.items()} == one_by_one(applications, staff)


@given(staffs(), loans_of_all_kinds)
def test_nothing_waits_that_somebody_can_take_and_nobody_gets_what_they_cannot(
    staff: list[Agent], applications: list[Application]
) -> None:
    given_to = share_out(applications, staff)
    loads = Counter({each.agent_id: each.open_review_count for each in staff})
    by_id = {each.agent_id: each for each in staff}
    for loan in applications:
        able = [each for each in staff if each.substitute_id is None and can_take(each, loan, loads[each.agent_id])]
        if (holder := given_to.get(loan.loan_id)) is None:
            assert able == []
            continue
        assert by_id[holder.agent_id] in able
        assert stand_in(by_id[holder.on_behalf_of_agent_id or holder.agent_id], by_id).agent_id == holder.agent_id
        loads[holder.agent_id] += 1


def one_by_one(applications: list[Application], staff: list[Agent]) -> dict[UUID, int]:
    """The rules as they are told, without any of the shortcuts."""
    by_id = {each.agent_id: each for each in staff}
    counts = {each.agent_id: each.open_review_count for each in staff}
    turn = {each.agent_id: (each.last_assigned_at or NOON - timedelta(days=1)).timestamp() for each in staff}
    given_to: dict[UUID, int] = {}
    for number, loan in enumerate(applications, start=1):
        able = {}
        for seat in staff:
            taker = stand_in(seat, by_id)
            if seat.phone != loan.customer_phone and can_take(taker, loan, counts[taker.agent_id]):
                able[seat.agent_id] = taker.agent_id
        front = {able[seat_id] for seat_id in able if not any(is_below(each, seat_id, by_id) for each in able)}
        if front:
            taker_id = min(front, key=lambda each: (counts[each], turn[each], each))
            counts[taker_id] += 1
            turn[taker_id] = NOON.timestamp() + number
            given_to[loan.loan_id] = taker_id
    return given_to


def is_below(agent_id: int, above_id: int, by_id: dict[int, Agent]) -> bool:
    manager_id = by_id[agent_id].manager_id
    return manager_id is not None and (manager_id == above_id or is_below(manager_id, above_id, by_id))
