"""Covers: who stands in for whom, and what they get when a cover begins."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection

from review_service import domain, store
from review_service.domain import ALL, Agent, Cover, Review, Sight, StepKind
from review_service.usecases import moving, telling

APPLY_COVERS = "apply_covers"


def create_cover(  # noqa: PLR0913 -- the last one has a default
    tx: Connection,
    agent_id: int,
    substitute_id: int,
    starts_at: datetime | None,
    ends_at: datetime,
    *,
    sight: Sight = ALL,
) -> Cover:
    """Name a substitute for a time, who gets the agent's open reviews at once if it begins now.

    Raises:
        InvalidArgument: It would be over before it begins.
        AgentNotFound: There is no such agent in sight, or no such substitute.
        AgentNotActive: One of the two is inactive.
        CoverOverlaps: The agent has another substitute in that time.
        CoverCircle: In the end the agent would stand in for themself.
    """
    store.lock_tree(tx)
    domain.refuse_inactive(store.get_agent(tx, agent_id, sight))
    domain.refuse_inactive(store.get_agent(tx, substitute_id))
    now = store.get_time(tx)
    absence = domain.absence(agent_id, substitute_id, starts_at, ends_at, now=now)
    others = store.list_covers_between(tx, absence.starts_at, absence.ends_at)
    domain.refuse_second_substitute(absence, others)
    domain.refuse_circle(absence, others)
    cover = store.insert_cover(tx, absence)
    if cover.starts_at <= now:
        _move_to_substitutes(tx, [agent_id])
    telling.offer_waiting(tx)
    return cover


def end_cover(tx: Connection, agent_id: int, cover_id: int, sight: Sight = ALL) -> Cover:
    """End a cover, or take it back if it has not begun; what the substitute has stays with them.

    Raises:
        CoverNotFound: The agent has none with this id, or is out of sight.
    """
    store.lock_tree(tx)
    store.get_cover(tx, agent_id, cover_id, sight)
    store.update_ended(tx, cover_id, store.get_time(tx))
    telling.offer_waiting(tx)
    return store.get_cover(tx, agent_id, cover_id)


def apply_covers(tx: Connection) -> None:
    """Give the open reviews of those who are absent to whoever stands in for them now."""
    if not store.list_absent_with_reviews(tx):
        return
    store.lock_tree(tx)
    _move_to_substitutes(tx, store.list_absent_with_reviews(tx))


def _move_to_substitutes(tx: Connection, agent_ids: Iterable[int]) -> None:
    """Nobody else changes covers, or who is active, meanwhile. Nobody gets what they applied for themselves."""
    reviews = store.lock_reviews_of(tx, agent_ids)
    staff = {agent.agent_id: agent for agent in store.list_roster(tx)}
    now = store.get_time(tx)
    moves = []
    for review in reviews:
        holder = domain.holder_of(_seat(review, staff), staff)
        if staff[holder.agent_id].phone != review.known_application.customer_phone:
            is_return = holder.on_behalf_of_agent_id is None
            moves.append(domain.give(review, StepKind.REASSIGNED if is_return else StepKind.COVERED, holder, now))
    moving.save_moves(tx, moves, staff)


def _seat(review: Review, staff: Mapping[int, Agent]) -> Agent:
    """For whom a review of an absent agent is meant: whom they stood in for, if that one is still here."""
    seat = staff.get(review.seat_id or 0)
    return staff[review.assigned_agent_id or 0] if seat is None else seat
