"""What others are told of what happens to reviews: the jobs that follow from it, enqueued where it happens."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection

from chassis import jobs
from chassis.jobs import NewJob
from review_service import store
from review_service.domain import Agent, Application, Moved, Step, StepKind

RECORD_DECISION = "record_decision"
RECORD_STEPS = "record_steps"
NOTIFY_STAFF = "notify_staff"
ASSIGN_WAITING = "assign_waiting"
ESCALATE = "escalate"

RECORD_DECISION_DELAY_S = 2
"""How long the job that tells a decision waits: whoever made it is telling it at once, and mostly succeeds."""


def tell_moves(tx: Connection, moves: Sequence[Moved], staff: Mapping[int, Agent]) -> None:
    """Tell the loan service of the steps, and the agents and managers whom they concern.

    Args:
        tx: The transaction of the moves.
        moves: What became of reviews.
        staff: The active agents by id; others who are needed are read.
    """
    people = {**staff, **_others(tx, moves, staff)}
    new = [NewJob(RECORD_STEPS, _steps_key(move), {"loan_id": str(move.after.loan_id)}) for move in moves if move.steps]
    for move in moves:
        for step in move.steps:
            new += _pushes(move, step, people)
    jobs.enqueue(tx, new)


def tell_decision(tx: Connection, loan_id: UUID) -> None:
    """Tell the loan service of a decision, in case that whoever made it cannot."""
    args = {"loan_id": str(loan_id)}
    jobs.enqueue(tx, [NewJob(RECORD_DECISION, f"{RECORD_DECISION}:{loan_id}", args, delay_s=RECORD_DECISION_DELAY_S)])


def list_message_values(tx: Connection, about: Sequence[tuple[UUID, int | None]]) -> list[dict[str, str]]:
    """What messages to staff say: of a review's loan, and of an agent if one is named, each as it is now."""
    applications = store.list_applications(tx, {loan_id for loan_id, _ in about})
    named = store.list_agents_by_id(tx, {agent_id for _, agent_id in about if agent_id is not None})
    names = {agent.agent_id: agent.name for agent in named}
    return [
        _values(applications[loan_id]) | ({} if agent_id is None else {"agent_name": names[agent_id]})
        for loan_id, agent_id in about
    ]


def offer_waiting(tx: Connection) -> None:
    """Have reviews that nobody has offered again at once: somebody may be able to take one.

    Comes last in a transaction: the job's row is one for all.
    """
    if store.is_any_waiting(tx):
        jobs.hasten(tx, ASSIGN_WAITING)


def _steps_key(move: Moved) -> str:
    return f"{RECORD_STEPS}:{move.after.loan_id}:{move.after.step_number}"


def _others(tx: Connection, moves: Sequence[Moved], staff: Mapping[int, Agent]) -> dict[int, Agent]:
    """The people whom the moves concern and who are not among the staff: somebody who has just left."""
    ids = {
        agent_id
        for move in moves
        for review in (move.before, move.after)
        for agent_id in (review.assigned_agent_id, review.seat_id)
        if agent_id is not None and agent_id not in staff
    }
    return {agent.agent_id: agent for agent in store.list_agents_by_id(tx, ids)} if ids else {}


def _values(application: Application) -> dict[str, str]:
    return {
        "customer_name": application.customer_name,
        "loan_amount": f"{application.loan_amount:.2f}",
        "currency_code": application.currency_code,
        "loan_type": application.loan_type,
    }


def _pushes(move: Moved, step: Step, people: Mapping[int, Agent]) -> Iterable[NewJob]:
    """The messages to staff that follow from a step."""
    if step.assigned_agent_id is None:
        return
    loan_id = move.after.loan_id
    holder = people[step.assigned_agent_id]
    seat = people[move.after.seat_id or step.assigned_agent_id]  # the step may name whom its actor stood in for
    which = f"push:{loan_id}:step-{step.number}"
    if step.kind is StepKind.COVERED:
        yield _push(loan_id, f"{which}:agent", holder.agent_id, "LOAN_COVERED", seat)
    elif step.kind is StepKind.ESCALATED and (before_id := move.before.assigned_agent_id) is not None:
        before = people[before_id]
        yield _push(loan_id, f"{which}:from", before_id, "LOAN_ESCALATED", before)
        yield _push(loan_id, f"{which}:manager", holder.agent_id, "LOAN_ESCALATED_TO_MANAGER", before)
    else:
        yield _push(loan_id, f"{which}:agent", holder.agent_id, "LOAN_ASSIGNED")
        if seat.manager_id is not None and seat.manager_id != holder.agent_id:
            yield _push(loan_id, f"{which}:manager", seat.manager_id, "LOAN_ASSIGNED_TO_REPORT", holder)


def _push(loan_id: UUID, dedupe_key: str, agent_id: int, template: str, named: Agent | None = None) -> NewJob:
    """A message to an agent, in which another may be named. Jobs hold ids: who people are is read when it is sent."""
    args = {
        "dedupe_key": dedupe_key,
        "loan_id": str(loan_id),
        "recipient": f"agent:{agent_id}",
        "template": template,
        "named_agent_id": None if named is None else named.agent_id,
    }
    return NewJob(NOTIFY_STAFF, dedupe_key, args)
