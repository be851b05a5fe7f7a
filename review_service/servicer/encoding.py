"""Reviews, into answers."""

from decimal import Decimal

from los.review.v1 import review_pb2
from review_service.domain import Review


def assignment(review: Review) -> review_pb2.Assignment:
    """An open review in an agent's queue."""
    application, holder = review.known_application, review.known_holder
    return review_pb2.Assignment(
        loan_id=str(review.loan_id),
        customer_name=application.customer_name,
        customer_phone=application.customer_phone,
        loan_amount=_money(application.loan_amount),
        currency_code=application.currency_code,
        loan_type=application.loan_type,
        reason_codes=application.reason_codes,
        opened_at=review.opened_at,
        assigned_at=review.assigned_at,
        recommended_by_agent_id=review.recommended_by[-1] if review.recommended_by else None,
        state=_state(review),
        due_at=review.due_at,
        agent_id=holder.agent_id,
        on_behalf_of_agent_id=holder.on_behalf_of_agent_id,
        customer_exposure=_money(application.customer_exposure),
        first_approved_by_agent_id=review.first_approved_by,
        escalation_count=review.escalation_count,
    )


def _state(review: Review) -> review_pb2.Assignment.State:
    """What a review waits for."""
    if review.first_approved_by is not None:
        return review_pb2.Assignment.AWAITING_SECOND_APPROVAL
    if review.recommended_by:
        return review_pb2.Assignment.AWAITING_HIGHER_AUTHORITY
    return review_pb2.Assignment.AWAITING_DECISION


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"
