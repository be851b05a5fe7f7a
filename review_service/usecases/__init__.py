"""What the review service can do. Every function works inside the transaction that it is handed.

Locks are taken in one order, so that nobody waits in a circle: the tree, reviews by loan id, agents by id, steps and
jobs.
"""

from review_service.usecases.agents import create_agent, create_first_agents, set_approval_limit, update_agent
from review_service.usecases.assigning import assign_waiting
from review_service.usecases.covers import APPLY_COVERS, apply_covers, create_cover, end_cover
from review_service.usecases.deciding import Overtaken, decide_review, void_decisions
from review_service.usecases.erasing import erase_loans
from review_service.usecases.escalating import escalate_overdue
from review_service.usecases.leaving import activate_agent, deactivate_agent
from review_service.usecases.opening import cancel_reviews, open_reviews
from review_service.usecases.reassigning import reassign_review
from review_service.usecases.telling import (
    ASSIGN_WAITING,
    ESCALATE,
    NOTIFY_STAFF,
    RECORD_DECISION,
    RECORD_STEPS,
    list_message_values,
)

__all__ = [
    "APPLY_COVERS",
    "ASSIGN_WAITING",
    "ESCALATE",
    "NOTIFY_STAFF",
    "RECORD_DECISION",
    "RECORD_STEPS",
    "Overtaken",
    "activate_agent",
    "apply_covers",
    "assign_waiting",
    "cancel_reviews",
    "create_agent",
    "create_cover",
    "create_first_agents",
    "deactivate_agent",
    "decide_review",
    "end_cover",
    "erase_loans",
    "escalate_overdue",
    "list_message_values",
    "open_reviews",
    "reassign_review",
    "set_approval_limit",
    "update_agent",
    "void_decisions",
]
