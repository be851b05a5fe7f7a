"""Whose loans somebody may see and change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see of all loans.

    Attributes:
        everything: All of them; the rest says nothing then.
        phone: Otherwise those of the customer with this number, in E.164 form; empty for none.
        agent_ids: And those that are, or at the end were, assigned to one of these agents.
    """

    everything: bool = False
    phone: str = ""
    agent_ids: tuple[int, ...] = ()


ALL = Sight(everything=True)
"""All loans."""
