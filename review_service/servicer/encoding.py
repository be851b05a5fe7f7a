"""Values of the domain into answers."""

from decimal import Decimal

from los.review.v1 import review_pb2
from review_service.domain import Agent, Review


def agent(stored: Agent) -> review_pb2.Agent:
    """An agent."""
    return review_pb2.Agent(
        agent_id=stored.agent_id,
        name=stored.name,
        email=stored.email,
        phone=stored.phone,
        manager_id=stored.manager_id,
        is_available=stored.is_available,
        approval_limit=None if stored.approval_limit is None else _money(stored.approval_limit),
        open_review_count=stored.open_review_count,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )


def assignment(review: Review) -> review_pb2.Assignment:
    """An open review in an agent's queue."""
    if review.application is None:
        raise ValueError(f"review of loan {review.loan_id} was never opened")
    return review_pb2.Assignment(
        loan_id=str(review.loan_id),
        customer_name=review.application.customer_name,
        customer_phone=review.application.customer_phone,
        loan_amount=_money(review.application.loan_amount),
        currency_code=review.application.currency_code,
        loan_type=review.application.loan_type,
        reason_codes=review.application.reason_codes,
        opened_at=review.opened_at,
        assigned_at=review.assigned_at,
        recommended_by_agent_id=review.recommended_by[-1] if review.recommended_by else None,
    )


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"
