"""Who may decide what: agents and their managers, reviews, and how reviews are shared out. Pure."""

from review_service.domain.agents import (
    Agent,
    AgentChanges,
    AgentNotFound,
    EmailAlreadyTaken,
    ManagerCycle,
    Profile,
    canonical_name,
    refuse_cycle,
)
from review_service.domain.beginning import first_agents
from review_service.domain.paging import Place, page_token, read_page_token
from review_service.domain.reviews import (
    Application,
    Assignment,
    Choice,
    Decided,
    Decision,
    DecisionAlreadyMade,
    LoanNotUnderReview,
    NotAssignedToAgent,
    Recommended,
    Repeated,
    Review,
    ReviewNotFound,
    State,
    authority,
    decide,
)
from review_service.domain.sharing import share_out

__all__ = [
    "Agent",
    "AgentChanges",
    "AgentNotFound",
    "Application",
    "Assignment",
    "Choice",
    "Decided",
    "Decision",
    "DecisionAlreadyMade",
    "EmailAlreadyTaken",
    "LoanNotUnderReview",
    "ManagerCycle",
    "NotAssignedToAgent",
    "Place",
    "Profile",
    "Recommended",
    "Repeated",
    "Review",
    "ReviewNotFound",
    "State",
    "authority",
    "canonical_name",
    "decide",
    "first_agents",
    "page_token",
    "read_page_token",
    "refuse_cycle",
    "share_out",
]
