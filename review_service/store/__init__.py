"""What the review context remembers: tables, and the statements over them."""

from review_service.store.agents import (
    add_open_reviews,
    find_agent_by_email,
    get_agent,
    insert_agent,
    list_agents,
    list_available_agents,
    list_chain,
    list_manager_ids,
    lock_agent_among_available,
    lock_assigning,
    update_agent,
)
from review_service.store.reviews import (
    insert_cancelled_reviews,
    insert_recommendation,
    insert_reviews,
    list_open_reviews,
    lock_review,
    lock_waiting_reviews,
    update_assigned,
    update_cancelled,
    update_decided,
    update_voided,
)
from review_service.store.tables import METADATA, find_missing_tables

__all__ = [
    "METADATA",
    "add_open_reviews",
    "find_agent_by_email",
    "find_missing_tables",
    "get_agent",
    "insert_agent",
    "insert_cancelled_reviews",
    "insert_recommendation",
    "insert_reviews",
    "list_agents",
    "list_available_agents",
    "list_chain",
    "list_manager_ids",
    "list_open_reviews",
    "lock_agent_among_available",
    "lock_assigning",
    "lock_review",
    "lock_waiting_reviews",
    "update_agent",
    "update_assigned",
    "update_cancelled",
    "update_decided",
    "update_voided",
]
