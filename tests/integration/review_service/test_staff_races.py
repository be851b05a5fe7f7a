"""Changes of people against each other and against what they decide. `office` checks the rest at its end."""

from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from review_service.domain import (
    Agent,
    AgentBusy,
    AgentNotActive,
    Choice,
    CoverCircle,
    Decision,
    ManagerCycle,
    NotAssignedToAgent,
    State,
)
from review_service.usecases import Overtaken
from tests.integration.review_service.office import Office, application
from tests.integration.review_service.test_races import at_once, failures

ROUNDS = 12
MANY_ROUNDS = 40

DECIDED_AT = text("SELECT decided_at, decision_limit FROM reviews WHERE loan_id = :loan_id")
STEPS = text("SELECT kind, occurred_at, approval_limit FROM review_steps WHERE loan_id = :loan_id ORDER BY number")


def decide(office: Office, loan_id: UUID, agent: Agent) -> Decision | None:
    """Approve as over gRPC: tried again if somebody whom it concerns was changed meanwhile."""
    while True:
        try:
            return office.decide(loan_id, agent)
        except Overtaken:
            continue


def leave(office: Office, agent: Agent, successor: Agent | None) -> Agent:
    """End an agent's work, tried again while they are given one review after the other."""
    while True:
        try:
            return office.dismiss(agent, successor, reassign=successor is None)
        except AgentBusy:
            continue


def test_of_two_managers_who_go_below_each_others_reports_at_once_one_is_refused(office: Office) -> None:
    first, second = office.hire(), office.hire()
    below_first, below_second = office.hire(office.hire(first)), office.hire(office.hire(second))
    for _ in range(MANY_ROUNDS):
        outcomes = at_once(
            partial(office.change, first, {"manager_id": below_second.agent_id}),
            partial(office.change, second, {"manager_id": below_first.agent_id}),
        )
        assert [type(error) for error in failures(outcomes)] == [ManagerCycle]
        for agent in (first, second):
            office.change(agent, {"manager_id": None})


def test_of_two_halves_of_a_circle_of_covers_one_is_refused(office: Office) -> None:
    for _ in range(ROUNDS):
        first, second = office.hire(available=False), office.hire(available=False)
        outcomes = at_once(partial(office.cover, first, second), partial(office.cover, second, first))
        assert [type(error) for error in failures(outcomes)] == [CoverCircle]


def test_parts_of_a_larger_circle_of_covers_never_close_it(office: Office) -> None:
    ring = [office.hire(available=False) for _ in range(5)]
    outcomes = at_once(*[partial(office.cover, ring[number], ring[(number + 1) % 5]) for number in range(5)])
    assert [type(error) for error in failures(outcomes)] == [CoverCircle]


def test_a_limit_lowered_while_deciding_holds_for_the_decision_or_began_after_it(office: Office) -> None:
    manager = office.hire()
    for _ in range(ROUNDS):
        agent = office.hire(manager, limit=100_000)
        (loan_id,) = office.open(application(20_000))
        decided, lowered = at_once(
            partial(decide, office, loan_id, agent),
            partial(office.limit, agent, 10_000),
        )
        assert not isinstance(lowered, Exception)
        begins = office.rows(text("SELECT max(valid_from) AS at FROM approval_limits WHERE amount = 10000"))[0].at
        if isinstance(decided, Decision):
            (row,) = office.rows(DECIDED_AT, loan_id=loan_id)
            assert (row.decided_at < begins, row.decision_limit) == (True, 100_000)
        else:
            assert decided is None
            (recommended,) = [row for row in office.rows(STEPS, loan_id=loan_id) if row.kind == "RECOMMENDED"]
            assert (recommended.occurred_at > begins, recommended.approval_limit) == (True, 10_000)
        office.change(agent, {"is_available": False})


@pytest.mark.parametrize("reassign", [True, False], ids=["shared out again", "to a successor"])
def test_who_leaves_while_deciding_has_decided_before_or_decides_nothing(office: Office, *, reassign: bool) -> None:
    for _ in range(ROUNDS):
        agent, successor = office.hire(), office.hire(available=False)
        (loan_id,) = office.open()
        leave = partial(office.dismiss, agent, None if reassign else successor, reassign=reassign)
        decided, left = at_once(partial(office.decide, loan_id, agent, Choice.REJECT), leave)
        assert not isinstance(left, Exception)
        assert not office.agent(agent).is_active
        review = office.review(loan_id)
        if isinstance(decided, Decision):
            assert (review.state, review.decision) == (State.DECIDED, decided)
        else:
            assert isinstance(decided, AgentNotActive | NotAssignedToAgent)
            assert review.assigned_agent_id == (None if reassign else successor.agent_id)
        office.cancel(loan_id)


@pytest.mark.parametrize("reassign", [True, False], ids=["shared out again", "to a successor"])
def test_who_leaves_while_reviews_are_opened_keeps_none(office: Office, *, reassign: bool) -> None:
    colleague = office.hire()
    for _ in range(6):
        leaver = office.hire()

        def open_ten() -> None:
            for size in (1, 3, 1, 5):
                office.open(*(application() for _ in range(size)))

        outcomes = at_once(
            open_ten, open_ten, open_ten, partial(leave, office, leaver, None if reassign else colleague)
        )
        assert failures(outcomes) == []
        assert office.open_count(leaver) == 0
        while office.assign_waiting():
            pass
    assert office.loads() == {colleague.agent_id: 180}


def test_reviews_opened_while_a_cover_begins_end_with_the_substitute(office: Office) -> None:
    for _ in range(6):
        agent, substitute = office.hire(), office.hire(available=False)

        def open_ten() -> None:
            for _ in range(10):
                office.open()

        outcomes = at_once(open_ten, open_ten, partial(office.cover, agent, substitute))
        assert failures(outcomes) == []
        office.apply_covers()
        office.change(substitute, {"is_available": True})
        while office.assign_waiting():
            pass
        assert office.loads()[agent.agent_id] == 0
        assert office.open_count(substitute) == 20
        office.dismiss(agent)
        office.change(substitute, {"is_available": False})


def test_covers_moves_limits_and_leaving_at_once_end_without_a_deadlock(office: Office) -> None:
    head = office.hire()
    managers = [office.hire(head, limit=100_000) for _ in range(2)]
    agents = [office.hire(managers[number % 2], limit=15_000) for number in range(6)]
    loan_ids = office.open(*(application(10_000 + 1_000 * number) for number in range(30)))
    leaver, *staying = agents

    def decide_all() -> list[object]:
        return [at_once(partial(office.decide, loan_id, head, Choice.REJECT))[0] for loan_id in loan_ids]

    def cover_all() -> None:
        for number, agent in enumerate(staying[:3]):
            office.end_cover(office.cover(agent, staying[4 - number % 2]))

    def move_all() -> None:
        for number, agent in enumerate(staying):
            office.change(agent, {"manager_id": managers[number % 2].agent_id})
            office.limit(agent, 20_000)

    def apply_covers() -> None:
        for _ in range(10):
            office.apply_covers()

    outcomes = at_once(
        decide_all,
        cover_all,
        move_all,
        partial(office.dismiss, leaver, reassign=True),
        partial(office.open, *(application() for _ in range(20))),
        partial(office.cancel, *loan_ids[::3]),
        apply_covers,
    )
    assert failures(outcomes) == []
    while office.assign_waiting():
        pass
