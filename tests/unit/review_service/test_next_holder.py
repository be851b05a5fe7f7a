"""Who goes on with a review that is not decided yet."""

from collections.abc import Sequence

import pytest

from review_service.domain import Agent, Holder, Review, next_above
from tests.unit.review_service.people import APPLICANT, CHAIN, agent, review, search

STRANGER = agent(9)


@pytest.mark.parametrize(
    ("chain", "others", "place", "expected"),
    [
        ([agent(1, limit=10), agent(2, limit=100), agent(3, limit=1_000)], [], 0, Holder(3)),
        ([agent(1, limit=10), agent(2, limit=100), agent(3, limit=1_000)], [], 2, None),
        ([agent(1, limit=10), agent(2, phone=APPLICANT), agent(3)], [], 0, Holder(3)),
        ([agent(1, limit=10), agent(2, active=False), agent(3)], [], 0, Holder(3)),
        ([agent(1, limit=10), agent(2, substitute=9), agent(3)], [STRANGER], 0, Holder(9, 2)),
        ([agent(1, limit=10), agent(2, substitute=9), agent(3)], [agent(9, limit=10)], 0, Holder(3)),
        ([agent(1, limit=10), agent(2, substitute=9), agent(3)], [agent(9, phone=APPLICANT)], 0, Holder(3)),
        ([agent(1, limit=10), agent(2, substitute=1), agent(3)], [], 0, Holder(3)),
        ([agent(1, limit=10), agent(2, limit=10, substitute=9)], [agent(9, limit=10)], 0, Holder(9, 2)),
    ],
    ids=[
        "nobody may: the top",
        "at the top it stays",
        "not to the applicant",
        "not to somebody who has left",
        "to the substitute of whom is absent",
        "to a substitute only within the substitute's limit",
        "not to a substitute who is the applicant",
        "not back to the one who recommends, as a substitute of their manager",
        "to the substitute of the top",
    ],
)
def test_a_recommendation_goes_up(chain: list[Agent], others: list[Agent], place: int, expected: Holder | None) -> None:
    held = review(phone=APPLICANT)
    assert search(held, chain[place].agent_id, chain, others).higher_authority(place) == expected


def test_who_may_approve_is_asked_with_all_that_the_customer_owes() -> None:
    chain = [agent(1, limit=10), agent(2, limit=50_000), agent(3, limit=90_000)]
    held = review(amount=20_000)
    assert search(held, 1, chain).higher_authority(0) == Holder(2)
    assert search(held, 1, chain, exposure=60_000).higher_authority(0) == Holder(3)


@pytest.mark.parametrize(
    ("chain", "others", "place", "expected"),
    [
        (CHAIN, [], 0, Holder(2)),
        (CHAIN, [], 3, Holder(1)),
        ([agent(1), agent(2, limit=10)], [agent(8, open_count=3), agent(9)], 0, Holder(9)),
        ([agent(1)], [agent(8), agent(9, skills=["HOME"])], 0, Holder(8)),
        ([agent(1)], [agent(8, skills=["AUTO"]), agent(9, open_count=5)], 0, Holder(9)),
        ([agent(1)], [agent(8, available=False), agent(9, substitute=8)], 0, None),
        ([agent(1)], [agent(8, phone=APPLICANT), agent(9, limit=10)], 0, None),
        ([agent(1, limit=10), agent(2, limit=10), agent(3)], [], 2, Holder(2)),
        ([agent(1), agent(2, limit=10), agent(3, limit=10)], [], 0, Holder(3)),
    ],
    ids=[
        "the lowest manager above",
        "somebody below, if nobody is above",
        "a colleague with the limit and the fewest open reviews",
        "a colleague with the skill",
        "rather one with the skill than one with fewer",
        "not who is unavailable or absent",
        "not the applicant, nor somebody below the amount",
        "without anybody who may, the next in the chain",
        "without anybody who may, the top",
    ],
)
def test_the_second_approval_is_asked_of(
    chain: list[Agent], others: list[Agent], place: int, expected: Holder | None
) -> None:
    held = review(phone=APPLICANT)
    assert search(held, chain[place].agent_id, chain, others).second_approver(place) == expected


def test_the_first_approver_is_never_asked_for_the_second_approval() -> None:
    chain = [agent(1, limit=10), agent(2), agent(3)]
    assert search(review(first_approved_by=2), 1, chain).higher_authority(0) == Holder(3)


def escalated(held: Review, staff: Sequence[Agent]) -> Holder | None:
    active = {member.agent_id: member for member in staff if member.is_active}
    return next_above(held, active, {member.agent_id: member.manager_id for member in staff if member.manager_id})


@pytest.mark.parametrize(
    ("held", "changed", "expected"),
    [
        (review(assigned_to=1), [], Holder(2)),
        (review(assigned_to=4), [], None),
        (review(assigned_to=9, on_behalf_of=1), [], Holder(2)),
        (review(assigned_to=2, on_behalf_of=1), [], Holder(3)),
        (review(assigned_to=1), [agent(2, manager_id=3, active=False)], Holder(3)),
        (review(assigned_to=1), [agent(2, manager_id=3, available=False, most=0)], Holder(2)),
        (review(assigned_to=1, phone=APPLICANT), [agent(2, manager_id=3, phone=APPLICANT)], Holder(3)),
        (review(assigned_to=1), [agent(2, manager_id=3, substitute=9)], Holder(9, 2)),
        (review(assigned_to=1), [agent(2, manager_id=3, substitute=1)], Holder(3)),
    ],
    ids=[
        "the manager",
        "at the top nobody",
        "the manager of whom they stand in for",
        "not the manager who has it already",
        "not one who has left",
        "a manager who takes nothing new",
        "not the applicant",
        "the substitute of the manager",
        "not who has it already, as the substitute of the manager",
    ],
)
def test_an_overdue_review_goes_to(held: Review, changed: list[Agent], expected: Holder | None) -> None:
    staff = {member.agent_id: member for member in [*CHAIN, STRANGER, *changed]}
    assert escalated(held, list(staff.values())) == expected
