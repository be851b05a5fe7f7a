"""How reviews are shared out among agents."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from review_service.domain.agents import Agent
from review_service.domain.reviews import Application


def share_out(
    applications: Sequence[Application], available: Sequence[Agent], manager_of: Mapping[int, int]
) -> dict[UUID, int]:
    """Give each application to the agent with the fewest open reviews, ties to the lowest id, one after the other.

    A manager gets one only if none of the agents below them could take it. Nobody gets their own.

    Args:
        applications: To be given away, in this order.
        available: The agents who take new reviews.
        manager_of: The manager of every agent who has one, available or not.

    Returns:
        The agent of each application; those that nobody can take are not in it.
    """
    counts = {agent.agent_id: agent.open_review_count for agent in available}
    staff_phones = {agent.phone for agent in available}
    lines: dict[str, list[tuple[int, int]]] = {}
    given: dict[UUID, int] = {}
    for application in applications:
        barred = application.customer_phone if application.customer_phone in staff_phones else ""
        if barred not in lines:
            others = [agent for agent in available if agent.phone != barred]
            lines[barred] = sorted((counts[agent_id], agent_id) for agent_id in _in_front(others, manager_of))
        if line := lines[barred]:
            agent_id = _next_in(line, counts)
            counts[agent_id] += 1
            given[application.loan_id] = agent_id
    return given


def _in_front(agents: Iterable[Agent], manager_of: Mapping[int, int]) -> list[int]:
    """Those of the agents who have none of the others below them."""
    ids = [agent.agent_id for agent in agents]
    behind: set[int] = set()
    for agent_id in ids:
        manager_id = manager_of.get(agent_id)
        while manager_id is not None and manager_id not in behind:
            behind.add(manager_id)
            manager_id = manager_of.get(manager_id)
    return [agent_id for agent_id in ids if agent_id not in behind]


def _next_in(line: list[tuple[int, int]], counts: Mapping[int, int]) -> int:
    """Whose turn it is; the line is a heap whose counts may be behind, and counts only grow."""
    count, agent_id = line[0]
    while count != counts[agent_id]:
        heapq.heapreplace(line, (counts[agent_id], agent_id))
        count, agent_id = line[0]
    return agent_id
