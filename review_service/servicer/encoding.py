"""Reviews, into answers."""

from decimal import Decimal

from los.review.v1 import review_pb2
from review_service.domain import Review


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
