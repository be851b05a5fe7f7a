"""Covers on a real database: who gets what while somebody is absent."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import text

from chassis.errors import InvalidArgument
from deploy.processes import wait_until
from review_service.domain import (
    AgentNotActive,
    AgentNotFound,
    Cover,
    CoverCircle,
    CoverNotFound,
    CoverOverlaps,
    Holder,
)
from tests.integration.review_service.office import Office, application
from tests.integration.review_service.peers import Peers
from tests.integration.review_service.test_worker import working

BEGIN = text("UPDATE covers SET starts_at = now() - interval '1 hour' WHERE cover_id = :cover_id RETURNING 1")
RUN_OUT = text("""
UPDATE covers SET starts_at = now() - interval '2 hours', ends_at = now() WHERE cover_id = :cover_id RETURNING 1
""")
STEPS = text("""
SELECT kind, actor, assigned_agent_id, on_behalf_of_agent_id FROM review_steps WHERE loan_id = :loan_id ORDER BY number
""")


def steps(office: Office, loan_id: UUID) -> Sequence[tuple[object, ...]]:
    return [tuple(row) for row in office.rows(STEPS, loan_id=loan_id)]


def begins(office: Office, cover: Cover) -> None:
    """Its time comes, and the worker sees it."""
    office.rows(BEGIN, cover_id=cover.cover_id)
    office.apply_covers()


def test_open_reviews_go_to_the_substitute_when_a_cover_begins(office: Office) -> None:
    manager = office.hire()
    agent = office.hire(manager)
    substitute = office.hire(available=False)
    loan_ids = office.open(application(), application())
    office.cover(agent, substitute)
    for loan_id in loan_ids:
        assert office.review(loan_id).holder == Holder(substitute.agent_id, agent.agent_id)
        assert steps(office, loan_id) == [
            ("ASSIGNED", "system", agent.agent_id, None),
            ("COVERED", "system", substitute.agent_id, agent.agent_id),
        ]
        told = office.jobs("notify_staff")[f"push:{loan_id}:step-2:agent"]
        assert (told["recipient"], told["template"]) == (f"agent:{substitute.agent_id}", "LOAN_COVERED")
        assert told["named_agent_id"] == agent.agent_id
        assert f"push:{loan_id}:step-2:manager" not in office.jobs("notify_staff")
    assert (office.open_count(agent), office.open_count(substitute)) == (0, 2)
    assert office.agent(agent).substitute_id == substitute.agent_id


def test_a_review_keeps_its_due_time_when_it_is_covered(office: Office) -> None:
    agent, substitute = office.hire(), office.hire(available=False)
    (loan_id,) = office.open()
    before = office.review(loan_id).due_at
    office.cover(agent, substitute)
    assert office.review(loan_id).due_at == before


def test_a_cover_that_begins_later_moves_nothing_before(office: Office) -> None:
    agent, substitute = office.hire(), office.hire(available=False)
    (loan_id,) = office.open()
    cover = office.cover(agent, substitute, starts_in_s=600)
    office.apply_covers()
    assert office.holder(loan_id) == agent.agent_id
    assert office.agent(agent).substitute_id is None
    begins(office, cover)
    assert office.review(loan_id).holder == Holder(substitute.agent_id, agent.agent_id)


def test_new_reviews_go_to_the_substitute_until_the_cover_ends(office: Office) -> None:
    agent = office.hire()
    substitute = office.hire(office.hire(available=False), most=1)
    cover = office.cover(agent, substitute)
    (during,) = office.open()
    assert office.review(during).holder == Holder(substitute.agent_id, None)  # a seat of their own goes before
    office.change(substitute, {"max_open_reviews": None})
    more = office.open(*(application() for _ in range(3)))
    assert {office.holder(loan_id) for loan_id in more} == {substitute.agent_id}
    ended = office.end_cover(cover)
    assert cover.starts_at < ended.ends_at < office.now()
    (after,) = office.open()
    assert office.holder(after) == agent.agent_id
    assert office.holder(during) == substitute.agent_id


def test_a_cover_whose_time_is_over_does_nothing(office: Office) -> None:
    agent, substitute = office.hire(), office.hire(available=False)
    cover = office.cover(agent, substitute)
    office.rows(RUN_OUT, cover_id=cover.cover_id)
    (loan_id,) = office.open()
    office.apply_covers()
    assert office.holder(loan_id) == agent.agent_id


def test_ending_a_cover_again_or_one_that_is_over_changes_nothing(office: Office) -> None:
    agent, substitute = office.hire(), office.hire()
    ended = office.end_cover(office.cover(agent, substitute))
    assert office.end_cover(ended) == ended


def test_a_cover_that_has_not_begun_is_taken_back(office: Office) -> None:
    agent, substitute = office.hire(), office.hire()
    cover = office.cover(agent, substitute, starts_in_s=600)
    taken_back = office.end_cover(cover)
    assert taken_back.starts_at == taken_back.ends_at == cover.starts_at
    assert office.end_cover(cover) == taken_back
    office.cover(agent, substitute)
    office.cover(substitute, agent, starts_in_s=7_200, ends_in_s=9_000)


def test_a_cover_is_found_by_the_agent_who_is_absent(office: Office) -> None:
    agent, substitute = office.hire(), office.hire()
    cover = office.cover(agent, substitute)
    for stranger in (Cover(substitute.agent_id, agent.agent_id, cover.starts_at, cover.ends_at, cover.cover_id),):
        with pytest.raises(CoverNotFound):
            office.end_cover(stranger)
    assert office.agent(agent).substitute_id == substitute.agent_id


def test_the_substitute_of_a_substitute_stands_in_for_both(office: Office) -> None:
    first, second, third = office.hire(), office.hire(available=False), office.hire(available=False)
    (loan_id,) = office.open()
    office.cover(first, second)
    office.cover(second, third)
    assert office.review(loan_id).holder == Holder(third.agent_id, first.agent_id)
    (later,) = office.open()
    assert office.holder(later) is None
    office.change(third, {"is_available": True})
    assert office.holder(later) == third.agent_id


def test_a_review_returns_to_whom_it_was_for_if_its_substitute_is_absent_in_turn(office: Office) -> None:
    agent, substitute, other = office.hire(), office.hire(available=False), office.hire(available=False)
    (loan_id,) = office.open()
    cover = office.cover(agent, substitute)
    office.end_cover(cover)
    office.cover(substitute, other)
    assert office.review(loan_id).holder == Holder(agent.agent_id)
    assert [step[0] for step in steps(office, loan_id)] == ["ASSIGNED", "COVERED", "REASSIGNED"]


def test_nobody_gets_their_own_application_as_a_substitute(office: Office) -> None:
    agent, substitute = office.hire(), office.hire(available=False, phone="+14155550123")
    own, other = office.open(application(phone="+14155550123"), application(phone="+14155550199"))
    office.cover(agent, substitute)
    office.apply_covers()
    assert (office.holder(own), office.holder(other)) == (agent.agent_id, substitute.agent_id)


def test_an_agent_has_one_substitute_at_a_time(office: Office) -> None:
    agent, first, second = office.hire(), office.hire(), office.hire()
    office.cover(agent, first, starts_in_s=600, ends_in_s=1_200)
    with pytest.raises(CoverOverlaps):
        office.cover(agent, second)
    office.cover(agent, second, ends_in_s=500)


def test_substitutes_do_not_stand_in_for_one_another_in_a_circle(office: Office) -> None:
    first, second, third = office.hire(), office.hire(), office.hire()
    office.cover(first, second, ends_in_s=1_000)
    office.cover(second, third, starts_in_s=500, ends_in_s=2_000)
    with pytest.raises(CoverCircle):
        office.cover(third, first, ends_in_s=600)
    office.cover(third, first, ends_in_s=400)
    office.cover(third, first, starts_in_s=1_500, ends_in_s=1_600)


def test_both_must_be_there(office: Office) -> None:
    agent, gone, nobody = office.hire(), office.hire(), office.hire()
    office.dismiss(gone)
    office.rows(text("DELETE FROM agents WHERE agent_id = :agent_id RETURNING 1"), agent_id=nobody.agent_id)
    for one, other in ((agent, gone), (gone, agent)):
        with pytest.raises(AgentNotActive):
            office.cover(one, other)
    for one, other in ((agent, nobody), (nobody, agent)):
        with pytest.raises(AgentNotFound):
            office.cover(one, other)
    with pytest.raises(InvalidArgument, match="ends_at"):
        office.cover(agent, office.hire(), ends_in_s=-1)


def test_the_pool_sees_that_the_time_of_a_cover_has_come(office: Office, peers: Peers) -> None:
    agent, substitute = office.hire(), office.hire(available=False)
    (loan_id,) = office.open()
    cover = office.cover(agent, substitute, starts_in_s=600)
    with working(office, peers):
        office.rows(BEGIN, cover_id=cover.cover_id)
        wait_until(lambda: office.holder(loan_id) == substitute.agent_id, "the review to be covered", 30)
