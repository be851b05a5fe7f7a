"""Many things at once: threads that start together, then what must be true. `office` checks the rest at its end."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from itertools import chain

import pytest
from sqlalchemy import text

from chassis.personal import Email
from review_service.domain import (
    Choice,
    Decision,
    DecisionAlreadyMade,
    LoanNotUnderReview,
    ManagerCycle,
    NotAssignedToAgent,
    ReviewNotFound,
    ReviewPolicy,
    State,
)
from review_service.usecases import Overtaken
from tests.integration.review_service.office import Office, application

ROUNDS = 12
REFUSALS = (NotAssignedToAgent, DecisionAlreadyMade, LoanNotUnderReview, ReviewNotFound, Overtaken)


def at_once(*works: Callable[[], object]) -> list[object]:
    """Start all together; answer what each returned or raised, in their order."""
    barrier = threading.Barrier(len(works))

    def started(work: Callable[[], object]) -> object:
        barrier.wait(10)
        try:
            return work()
        except Exception as error:  # noqa: BLE001 -- the test looks at it
            return error

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(started, works))


def failures(outcomes: Sequence[object]) -> list[object]:
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def test_reviews_opened_by_many_at_once_are_shared_out_evenly(office: Office) -> None:
    agents = [office.hire() for _ in range(3)]

    def open_twenty_five() -> None:
        for size in (1, 7, 2, 15):
            office.open(*(application() for _ in range(size)))

    assert failures(at_once(*[open_twenty_five] * 8)) == []
    office.settle()
    loads = office.loads()
    assert sorted(loads) == [agent.agent_id for agent in agents]
    assert sorted(loads.values()) == [66, 67, 67]


def test_the_same_reviews_opened_by_many_at_once_are_opened_once(office: Office) -> None:
    agent = office.hire()
    loans = [application() for _ in range(50)]
    assert failures(at_once(*[partial(office.open, *loans), partial(office.open, *reversed(loans))] * 4)) == []
    office.settle()
    assert office.open_count(agent) == 50


def test_of_two_decisions_at_once_one_wins(office: Office) -> None:
    manager = office.hire()
    agent = office.hire(manager)
    for _ in range(ROUNDS):
        (loan_id,) = office.open()
        outcomes = at_once(
            partial(office.decide, loan_id, agent, Choice.APPROVE),
            partial(office.decide, loan_id, manager, Choice.REJECT),
        )
        standing = office.review(loan_id).decision
        assert outcomes.count(standing) == 1
        assert [type(error) for error in failures(outcomes)] == [DecisionAlreadyMade]


def test_the_same_decision_many_times_at_once_is_one_decision(office: Office) -> None:
    agent = office.hire()
    (loan_id,) = office.open()
    outcomes = at_once(*[partial(office.decide, loan_id, agent)] * 8)
    assert outcomes == [Decision(agent.agent_id, Choice.APPROVE)] * 8
    assert office.open_count(agent) == 0


def test_the_same_recommendation_many_times_at_once_moves_the_review_once(office: Office) -> None:
    manager = office.hire()
    agent = office.hire(manager, limit=10_000)
    (loan_id,) = office.open()
    assert at_once(*[partial(office.decide, loan_id, agent)] * 8) == [None] * 8
    assert (office.open_count(agent), office.open_count(manager)) == (0, 1)
    assert office.kinds(loan_id) == ["ASSIGNED", "RECOMMENDED", "ASSIGNED"]


def test_a_decision_against_a_cancellation_leaves_one_of_them(office: Office) -> None:
    agent = office.hire()
    for _ in range(ROUNDS):
        (loan_id,) = office.open()
        decided, cancelled = at_once(partial(office.decide, loan_id, agent), partial(office.cancel, loan_id))
        assert cancelled is None
        state = office.review(loan_id).state
        assert state is not State.OPEN
        assert isinstance(decided, LoanNotUnderReview) == (state is State.CANCELLED)
    assert office.open_count(agent) == 0


def test_opening_against_cancelling_ends_cancelled(office: Office) -> None:
    agent = office.hire()
    for _ in range(ROUNDS):
        loans = [application() for _ in range(10)]
        ids = [loan.loan_id for loan in loans]
        assert failures(at_once(partial(office.open, *loans), partial(office.cancel, *reversed(ids)))) == []
        assert {office.review(loan_id).state for loan_id in ids} == {State.CANCELLED}
    assert office.open_count(agent) == 0


def test_no_review_waits_while_somebody_is_becoming_available(office: Office) -> None:
    agents = [office.hire(available=False) for _ in range(3)]

    def open_ten() -> None:
        for _ in range(10):
            office.open()

    for number in range(1, 7):
        assert (
            failures(
                at_once(*[open_ten] * 3, *[partial(office.change, agent, {"is_available": True}) for agent in agents])
            )
            == []
        )
        office.settle()
        assert office.loads().total() == 30 * number
        for agent in agents:
            office.change(agent, {"is_available": False})


def test_a_decision_against_an_escalation_leaves_the_decision_and_counts_that_are_true(office: Office) -> None:
    manager = office.hire(available=False)
    agent = office.hire(manager)
    for _ in range(ROUNDS):
        (loan_id,) = office.open()
        office.make_overdue(loan_id)
        decided, escalated = at_once(partial(office.decide, loan_id, agent), office.escalate)
        assert escalated is False
        if isinstance(decided, NotAssignedToAgent):  # the escalation was first
            assert office.kinds(loan_id) == ["ASSIGNED", "ESCALATED"]
            office.decide(loan_id, manager)
        else:
            assert office.kinds(loan_id) == ["ASSIGNED"]
            assert decided == Decision(agent.agent_id, Choice.APPROVE)
    assert (office.open_count(agent), office.open_count(manager)) == (0, 0)


def test_of_many_who_escalate_at_once_one_moves_each_review_up_one_step(office: Office) -> None:
    head = office.hire(available=False)
    manager = office.hire(head, available=False)
    office.hire(manager)
    for number in range(1, ROUNDS + 1):
        loan_ids = office.open(*(application() for _ in range(20)))
        office.make_overdue(*loan_ids)
        assert failures(at_once(*[office.escalate] * 4)) == []
        office.escalate()
        assert {tuple(office.kinds(loan_id)) for loan_id in loan_ids} == {("ASSIGNED", "ESCALATED")}
        assert office.open_count(manager) == 20 * number


def test_of_two_first_approvals_at_once_one_is_the_first_and_the_other_decides(office: Office) -> None:
    office.policy = ReviewPolicy(four_eyes_above=Decimal(10_000))
    manager = office.hire()
    agent = office.hire(manager)
    for _ in range(ROUNDS):
        (loan_id,) = office.open()
        outcomes = at_once(partial(office.decide, loan_id, agent), partial(office.decide, loan_id, manager))
        assert failures(outcomes) == []
        standing = office.review(loan_id)
        assert sorted(outcome is None for outcome in outcomes) == [False, True]
        assert standing.decision is not None
        assert {standing.first_approved_by, standing.decision.agent_id} == {agent.agent_id, manager.agent_id}


@pytest.mark.parametrize("capacity", [None, 70], ids=["without a capacity", "with just enough"])
def test_200_reviews_of_many_threads_against_3_agents(office: Office, capacity: int | None) -> None:
    agents = [office.hire(most=capacity) for _ in range(3)]

    def open_all() -> None:
        for size in (1, 3, 1, 20):
            office.open(*(application() for _ in range(size)))

    def assign() -> None:
        for _ in range(10):
            office.assign_waiting()

    assert failures(at_once(*[open_all] * 8, assign)) == []
    office.settle()
    loads = office.loads()
    assert sorted(loads) == [agent.agent_id for agent in agents]
    assert loads.total() == 200
    assert max(loads.values()) - min(loads.values()) <= 1


def test_200_reviews_against_agents_with_too_little_capacity_wait_until_slots_are_freed(office: Office) -> None:
    agents = {agent.agent_id: agent for agent in [office.hire(most=10) for _ in range(3)]}
    loans = [application() for _ in range(200)]
    assert failures(at_once(*[partial(office.open, *loans[start : start + 25]) for start in range(0, 200, 25)])) == []
    rounds = 0
    while True:
        office.settle()
        reviews = [review for loan in loans if (review := office.review(loan.loan_id)).state is State.OPEN]
        if not reviews:
            break
        mine = [partial(office.decide, each.loan_id, agents[each.holder.agent_id]) for each in reviews if each.holder]
        assert len(mine) == min(30, len(reviews))
        assert failures(at_once(*mine[:16])) == []
        for decide in mine[16:]:
            decide()
        rounds += 1
    assert rounds == 7


def test_decisions_that_move_reviews_back_and_forth_never_wait_for_one_another_in_a_circle(office: Office) -> None:
    office.policy = ReviewPolicy(four_eyes_above=Decimal(10_000))
    head = office.hire()
    managers = [office.hire(head) for _ in range(2)]
    agents = [office.hire(managers[number % 2]) for number in range(4)]
    loan_ids = office.open(*(application() for _ in range(60)))
    staff = [head, *managers, *agents]

    def decide_all(turn: int) -> None:
        for number, loan_id in enumerate(loan_ids):
            with contextlib.suppress(*REFUSALS):
                office.decide(loan_id, staff[(number * (turn + 1) + turn) % len(staff)])

    def reassign_all() -> None:
        for number, loan_id in enumerate(reversed(loan_ids)):
            with contextlib.suppress(*REFUSALS):
                office.reassign(loan_id, head, staff[number % len(staff)])

    def escalate_all() -> None:
        for loan_id in loan_ids[::3]:
            office.rows(text("UPDATE reviews SET due_at = now() WHERE loan_id = :id RETURNING 1"), id=loan_id)
            office.escalate()

    assert failures(at_once(*[partial(decide_all, turn) for turn in range(6)], reassign_all, escalate_all)) == []


def test_of_two_opposite_moves_at_once_one_is_refused(office: Office) -> None:
    first, second = office.hire(), office.hire()
    for _ in range(ROUNDS):
        outcomes = at_once(
            lambda: office.change(first, {"manager_id": second.agent_id}),
            lambda: office.change(second, {"manager_id": first.agent_id}),
        )
        assert [type(error) for error in failures(outcomes)] == [ManagerCycle]
        for agent in (first, second):
            office.change(agent, {"manager_id": None})


def test_moves_around_a_ring_at_once_never_close_it(office: Office) -> None:
    ring = [office.hire() for _ in range(6)]

    def move(number: int) -> Callable[[], object]:
        return lambda: office.change(ring[number], {"manager_id": ring[(number + 1) % 6].agent_id})

    outcomes = at_once(*map(move, range(6)))
    assert [type(error) for error in failures(outcomes)] == [ManagerCycle]


@pytest.mark.parametrize("seed", range(3))
def test_everything_at_once_ends_without_a_deadlock_and_with_counts_that_are_true(office: Office, seed: int) -> None:
    head = office.hire()
    managers = [office.hire(head, limit=100_000) for _ in range(2)]
    agents = [office.hire(managers[number % 2], limit=15_000) for number in range(4)]
    loans = [[application(10_000 + 1_000 * number) for number in range(12)] for _ in range(4)]
    ids = [loan.loan_id for loan in chain.from_iterable(loans)]
    staff = [head, *managers, *agents]

    def open_all(number: int) -> Callable[[], object]:
        return lambda: [office.open(*loans[number][start : start + 4]) for start in (0, 4, 8)]

    def decide_all(turn: int) -> None:
        for number, loan_id in enumerate(ids):
            with_whom = staff[(number + turn + seed) % len(staff)]
            try:
                office.decide(loan_id, with_whom, Choice.REJECT if (number + turn) % 5 == 0 else Choice.APPROVE)
            except REFUSALS:
                continue

    def change_all() -> None:
        for number, agent in enumerate(agents):
            office.change(agent, {"is_available": False, "email": Email(f"moved-{seed}-{agent.agent_id}@example.com")})
            office.change(agent, {"manager_id": managers[(number + seed) % 2].agent_id})
            office.change(agent, {"is_available": True})

    outcomes = at_once(
        *map(open_all, range(4)),
        *[partial(decide_all, turn) for turn in range(4)],
        change_all,
        partial(office.cancel, *ids[::7]),
        lambda: [office.assign_waiting() for _ in range(10)],
        lambda: [office.escalate() for _ in range(5)],
    )
    assert failures(outcomes) == []
