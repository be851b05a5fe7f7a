"""The steps of a review that do not end it, and by which right people take them."""

from enum import StrEnum


class StepKind(StrEnum):
    """What happened in a review. Steps that give it to somebody carry the agent who has it from then on."""

    ASSIGNED = "ASSIGNED"
    RECOMMENDED = "RECOMMENDED"
    FIRST_APPROVED = "FIRST_APPROVED"
    ESCALATED = "ESCALATED"
    COVERED = "COVERED"
    REASSIGNED = "REASSIGNED"
    UNASSIGNED = "UNASSIGNED"


GIVING = frozenset({StepKind.ASSIGNED, StepKind.ESCALATED, StepKind.COVERED, StepKind.REASSIGNED})
"""The steps that give a review to somebody."""


class Right(StrEnum):
    """By which right a person acts on a review."""

    RIGHT_OF_ASSIGNEE = "RIGHT_OF_ASSIGNEE"
    RIGHT_OF_MANAGER = "RIGHT_OF_MANAGER"
    RIGHT_OF_SUBSTITUTE = "RIGHT_OF_SUBSTITUTE"
