"""Giving open reviews to somebody else, and writing down what became of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from review_service import domain, store
from review_service.domain import BY_SYSTEM, Act, Agent, Moved, Review, StepKind
from review_service.usecases import telling


def move_reviews(
    tx: Connection,
    given: Iterable[tuple[Review, Agent]],
    kind: StepKind,
    staff: Mapping[int, Agent],
    *,
    act: Act = BY_SYSTEM,
) -> None:
    """Give open reviews to agents or, while these are absent, to their substitutes; capacity does not matter.

    A review that its new holder has already stays as it is. When it is due stays as it is in any case.

    Args:
        tx: The transaction.
        given: Reviews that the caller has locked, each with the agent for whom it is meant.
        kind: Why: ASSIGNED, COVERED or REASSIGNED.
        staff: All active agents by id.
        act: Who does so, and why.
    """
    now = store.get_time(tx)
    pairs = [(review, domain.holder_of(agent, staff)) for review, agent in given]
    moves = [domain.give(review, kind, holder, now, act=act) for review, holder in pairs if holder != review.holder]
    save_moves(tx, moves, staff)


def take_away(tx: Connection, reviews: Iterable[Review], staff: Mapping[int, Agent]) -> None:
    """Take open reviews, which the caller has locked, from those who have them; they are shared out again at once."""
    now = store.get_time(tx)
    save_moves(tx, [domain.take_away(review, now) for review in reviews], staff)


def save_moves(tx: Connection, moves: Sequence[Moved], staff: Mapping[int, Agent]) -> None:
    """Write what became of open reviews that the caller has locked, keep the counts of agents, and tell.

    Args:
        tx: The transaction.
        moves: What became of them, one for each review.
        staff: The active agents by id, for what is told.
    """
    if not moves:
        return
    changes = _changes(moves)
    if changes:
        store.add_open_reviews(tx, changes)
    if takers := _takers(moves):
        store.update_last_assigned(tx, takers)
    store.update_reviews(tx, [move.after for move in moves])
    if taken := [step for move in moves for step in move.steps]:
        store.insert_steps(tx, taken)
    telling.tell_moves(tx, moves, staff)
    if any(change < 0 for change in changes.values()):
        telling.offer_waiting(tx)


def _changes(moves: Sequence[Moved]) -> dict[int, int]:
    """By how much the number of open reviews of each agent changes."""
    changes: Counter[int] = Counter()
    for move in moves:
        if move.before.assigned_agent_id is not None:
            changes[move.before.assigned_agent_id] -= 1
        if move.after.assigned_agent_id is not None:
            changes[move.after.assigned_agent_id] += 1
    return {agent_id: change for agent_id, change in changes.items() if change}


def _takers(moves: Sequence[Moved]) -> list[int]:
    """Who was given something, each once, in the order of the last time."""
    order: dict[int, datetime | None] = {}
    for move in moves:
        agent_id = move.after.assigned_agent_id
        if agent_id is not None and move.after.assignment_number > move.before.assignment_number:
            order.pop(agent_id, None)
            order[agent_id] = move.after.assigned_at
    return list(order)
