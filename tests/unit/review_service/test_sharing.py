"""How reviews are shared out."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review_service.domain import Agent, Application, share_out
from tests.unit.review_service.people import agent, application


def shared(count: int, available: list[Agent], manager_of: dict[int, int] | None = None) -> list[int]:
    """Who gets each of so many reviews, in their order."""
    applications = [application() for _ in range(count)]
    given_to = share_out(applications, available, manager_of or {})
    return [given_to[each.loan_id] for each in applications if each.loan_id in given_to]


@pytest.mark.parametrize(
    ("open_counts", "turns"),
    [
        ([0, 0, 0], [1, 2, 3, 1, 2]),
        ([2, 0, 1], [2, 2, 3, 1, 2]),
        ([5, 5, 0], [3, 3, 3, 3, 3]),
        ([7], [1, 1, 1, 1, 1]),
    ],
)
def test_each_review_goes_to_the_agent_with_the_fewest_and_ties_to_the_lowest_id(
    open_counts: list[int], turns: list[int]
) -> None:
    available = [agent(number, open_count=count) for number, count in enumerate(open_counts, start=1)]
    assert shared(5, available) == turns


def test_without_anybody_available_all_wait() -> None:
    assert shared(3, []) == []


HEAD, MANAGER, AGENT, LONER = agent(1), agent(2), agent(3), agent(4)
MANAGER_OF = {2: 1, 3: 2}


@pytest.mark.parametrize(
    ("available", "takers"),
    [
        ([HEAD, MANAGER, AGENT], {3}),
        ([HEAD, MANAGER], {2}),
        ([HEAD], {1}),
        ([HEAD, AGENT], {3}),
        ([HEAD, MANAGER, AGENT, LONER], {3, 4}),
        ([HEAD, MANAGER, LONER], {2, 4}),
    ],
    ids=[
        "the one at the bottom",
        "their manager once they are away",
        "the head once all below are away",
        "the one at the bottom though the manager between is away",
        "somebody without reports beside them",
        "a manager whose agents are away beside somebody without reports",
    ],
)
def test_a_manager_gets_reviews_only_if_nobody_below_is_available(available: list[Agent], takers: set[int]) -> None:
    assert set(shared(6, available, MANAGER_OF)) == takers


def test_nobody_gets_their_own_application() -> None:
    others, own = application(), application(phone=agent(1).phone)
    given_to = share_out([own, others], [agent(1), agent(2, open_count=5)], {})
    assert given_to == {own.loan_id: 2, others.loan_id: 1}


def test_the_manager_of_an_applicant_gets_the_application_if_nobody_else_below_can_take_it() -> None:
    own = application(phone=AGENT.phone)
    assert share_out([own], [MANAGER, AGENT], MANAGER_OF) == {own.loan_id: 2}


def test_an_application_that_only_the_applicant_could_take_waits() -> None:
    own, others = application(phone=agent(1).phone), application()
    assert share_out([own, others], [agent(1)], {}) == {others.loan_id: 1}


@given(
    open_counts=st.lists(st.integers(0, 20), min_size=1, max_size=8),
    applicants=st.lists(st.integers(0, 8), max_size=60),
)
def test_it_is_the_same_as_asking_for_each_review_who_has_the_fewest(
    open_counts: list[int], applicants: list[int]
) -> None:
    available = [agent(number, open_count=count) for number, count in enumerate(open_counts, start=1)]
    applications = [application(phone=agent(number).phone) for number in applicants]
    assert share_out(applications, available, {}) == one_by_one(applications, available)


def one_by_one(applications: list[Application], available: list[Agent]) -> dict[object, int]:
    counts = Counter({each.agent_id: each.open_review_count for each in available})
    given_to: dict[object, int] = {}
    for loan in applications:
        able = [each for each in available if each.phone != loan.customer_phone]
        if able:
            taker = min(able, key=lambda each: (counts[each.agent_id], each.agent_id))
            counts[taker.agent_id] += 1
            given_to[loan.loan_id] = taker.agent_id
    return given_to
