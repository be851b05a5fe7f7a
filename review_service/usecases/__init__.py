"""What the review service can do. Every function works inside the transaction that it is handed.

Locks are taken in one order, so that nobody waits in a circle: the tree, reviews by loan id, agents by id, steps and
jobs.
"""

from review_service.usecases.agents import create_agent, create_first_agents, update_agent
from review_service.usecases.reviews import (
    ASSIGN_MOST,
    ASSIGN_WAITING,
    NOTIFY_STAFF,
    RECORD_ASSIGNMENT,
    RECORD_DECISION,
    assign_waiting,
    cancel_reviews,
    decide_review,
    open_reviews,
    void_decisions,
)

__all__ = [
    "ASSIGN_MOST",
    "ASSIGN_WAITING",
    "NOTIFY_STAFF",
    "RECORD_ASSIGNMENT",
    "RECORD_DECISION",
    "assign_waiting",
    "cancel_reviews",
    "create_agent",
    "create_first_agents",
    "decide_review",
    "open_reviews",
    "update_agent",
    "void_decisions",
]
