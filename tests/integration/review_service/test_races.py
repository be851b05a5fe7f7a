"""Many things at once: threads that start together, then what must be true. `office` checks the rest at its end."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

import pytest

from review_service.domain import (
    Choice,
    Decision,
    DecisionAlreadyMade,
    LoanNotUnderReview,
    ManagerCycle,
    NotAssignedToAgent,
    ReviewNotFound,
    State,
)
from tests.integration.review_service.office import Office, application

ROUNDS = 12
REFUSALS = (NotAssignedToAgent, DecisionAlreadyMade, LoanNotUnderReview, ReviewNotFound)


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
    loads = office.loads()
    assert sorted(loads) == [agent.agent_id for agent in agents]
    assert sorted(loads.values()) == [66, 67, 67]


def test_the_same_reviews_opened_by_many_at_once_are_opened_once(office: Office) -> None:
    agent = office.hire()
    loans = [application() for _ in range(50)]
    assert failures(at_once(*[partial(office.open, *loans), partial(office.open, *reversed(loans))] * 4)) == []
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
    assert len(office.jobs("record_assignment")) == 2


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
        assert office.loads().total() == 30 * number
        for agent in agents:
            office.change(agent, {"is_available": False})


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
            office.change(agent, {"is_available": False, "email": f"moved-{seed}-{agent.agent_id}@example.com"})
            office.change(agent, {"manager_id": managers[(number + seed) % 2].agent_id})
            office.change(agent, {"is_available": True})

    outcomes = at_once(
        *map(open_all, range(4)),
        *[partial(decide_all, turn) for turn in range(4)],
        change_all,
        partial(office.cancel, *ids[::7]),
        lambda: [office.assign_waiting() for _ in range(10)],
    )
    assert failures(outcomes) == []
