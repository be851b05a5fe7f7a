"""Ending an agent's work, and beginning it again."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from review_service import domain, store
from review_service.domain import (
    Agent,
    AgentBusy,
    AgentStillNeeded,
    ApplicantIsAgent,
    Review,
    ReviewPolicy,
    StepKind,
)
from review_service.usecases import assigning, moving, telling

LOCK_MOST = 10
"""How often the reviews of an agent are locked anew because meanwhile the agent was given another one."""


def deactivate_agent(
    tx: Connection, agent_id: int, successor_id: int | None = None, *, reassign: bool = False
) -> Agent:
    """End an agent's work, and every cover that they have or give; an inactive agent stays as they are.

    Args:
        tx: The transaction.
        agent_id: Who leaves.
        successor_id: Who takes over the open reviews and the reports.
        reassign: Without a successor: share out the reviews again, and put the reports under the agent's manager.

    Raises:
        AgentNotFound: There is no such agent or successor.
        AgentNotActive: The successor is inactive.
        AgentStillNeeded: There are open reviews or reports, and neither was asked for.
        ApplicantIsAgent: The successor is the applicant of one of the reviews.
        AgentBusy: The agent is given one review after the other just now.
    """
    store.lock_tree(tx)
    agent = store.get_agent(tx, agent_id)
    if not agent.is_active:
        return agent
    successor = None if successor_id is None else store.get_agent(tx, successor_id)
    if successor is not None:
        domain.refuse_inactive(successor)
    reports = store.list_agents_by_id(tx, store.list_report_ids(tx, agent_id))
    staff = {each.agent_id: each for each in store.list_roster(tx) if each.agent_id != agent_id}
    takers = [] if successor is None else [successor, domain.stand_in(successor, staff)]
    reviews = _lock_all(tx, agent_id, [agent, *takers, *reports])
    is_needed = bool(reviews) or any(report.is_active for report in reports)
    if is_needed and successor is None and not reassign:
        raise AgentStillNeeded(
            f"agent {agent_id} has open reviews or reports: name a successor, or have them reassigned"
        )
    store.update_active(tx, agent_id, is_active=False)
    store.update_all_ended(tx, agent_id, store.get_time(tx))
    if successor is None:
        store.update_managers(tx, (report.agent_id for report in reports), agent.manager_id)
        moving.take_away(tx, reviews, staff)
    else:
        _put_below(tx, reports, successor, agent)
        _refuse_applicant(reviews, takers)
        staff = {each.agent_id: each for each in store.list_roster(tx)}  # the successor may have another manager now
        moving.move_reviews(tx, ((review, successor) for review in reviews), StepKind.REASSIGNED, staff)
    telling.offer_waiting(tx)
    return store.get_agent(tx, agent_id)


def activate_agent(tx: Connection, agent_id: int, policy: ReviewPolicy) -> Agent:
    """Let an inactive agent work again, who gets waiting reviews at once if available.

    Raises:
        AgentNotFound: There is no such agent.
    """
    store.lock_tree(tx)
    store.update_not_at_top(tx)
    if store.lock_agent(tx, agent_id).is_active:
        return store.get_agent(tx, agent_id)
    store.update_active(tx, agent_id, is_active=True)
    if assigning.assign_waiting(tx, policy):
        telling.offer_waiting(tx)
    return store.get_agent(tx, agent_id)


def _lock_all(tx: Connection, agent_id: int, concerned: Iterable[Agent]) -> list[Review]:
    """The open reviews of an agent, who gets no more of them: locked, and all whom it concerns.

    Reviews are locked before agents. An agent who is given a review between the two is let go, and locked once more.
    """
    ids = {each.agent_id for each in concerned}
    for _ in range(LOCK_MOST):
        with tx.begin_nested() as attempt:
            store.update_not_at_top(tx, agent_id)
            reviews = store.lock_reviews_of(tx, [agent_id])
            if store.lock_agents(tx, ids)[agent_id].open_review_count == len(reviews):
                return reviews
            attempt.rollback()
    raise AgentBusy(f"agent {agent_id} is being given reviews just now; try again")


def _put_below(tx: Connection, reports: Iterable[Agent], successor: Agent, before: Agent) -> None:
    """Put reports below a successor, who takes the place of the one before if they were below them."""
    if before.agent_id in (above.agent_id for above in store.list_chain(tx, successor.manager_id)):
        store.update_managers(tx, [successor.agent_id], before.manager_id)
    others = [report.agent_id for report in reports if report.agent_id != successor.agent_id]
    store.update_managers(tx, others, successor.agent_id)


def _refuse_applicant(reviews: Iterable[Review], takers: Iterable[Agent]) -> None:
    phones: Mapping[str, int] = {taker.phone: taker.agent_id for taker in takers}
    for review in reviews:
        if (agent_id := phones.get(review.known_application.customer_phone)) is not None:
            raise ApplicantIsAgent(f"agent {agent_id} is the applicant of loan {review.loan_id}")
