"""Which agents, and with them which reviews, somebody may see and change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see of who works here.

    Attributes:
        agent_id: Themselves; None if they may see all.
        with_subtree: They may also see those who report to them, however indirectly.
    """

    agent_id: int | None = None
    with_subtree: bool = False


ALL = Sight()
"""Everybody."""
