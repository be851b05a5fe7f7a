"""What this service asks of the loan and the notification service, in its own words.

Never called inside a transaction, always with a deadline; the receivers recognise a repetition, so that everything
here may be repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import grpc

from chassis import rpc
from chassis.errors import ServiceError
from los.loan.v1 import loan_pb2, loan_pb2_grpc
from los.notification.v1 import notification_pb2, notification_pb2_grpc
from review_service.domain import Choice, LoanNotUnderReview, Ruling, Step


@dataclass(frozen=True, slots=True)
class Push:
    """A push message to a member of staff; the dedupe key makes it happen once."""

    dedupe_key: str
    loan_id: str
    recipient: str
    template: str
    values: dict[str, str]


class LoanClient:
    """The loan service.

    Args:
        channel: The way to it.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        self._loans = loan_pb2_grpc.LoanServiceStub(channel)
        self._internal = loan_pb2_grpc.LoanInternalServiceStub(channel)

    def get_loan(self, loan_id: UUID, *, timeout_s: float, request_id: str = "") -> loan_pb2.Loan:
        """The loan as it now stands, to be handed on as it came.

        Raises:
            ServiceError: What the loan service, or the way to it, answered.
        """
        request = loan_pb2.GetLoanRequest(loan_id=str(loan_id))
        answer: loan_pb2.GetLoanResponse = rpc.call(
            self._loans.GetLoan, request, timeout_s=timeout_s, caller_request_id=request_id
        )
        return answer.loan

    def get_customer_exposure(self, loan_id: UUID, *, timeout_s: float, request_id: str = "") -> Decimal:
        """All that the customer of a loan owes or has applied for, the loan included.

        Raises:
            ServiceError: What the loan service, or the way to it, answered.
        """
        request = loan_pb2.GetCustomerExposureRequest(loan_id=str(loan_id))
        answer: loan_pb2.GetCustomerExposureResponse = rpc.call(
            self._internal.GetCustomerExposure, request, timeout_s=timeout_s, caller_request_id=request_id
        )
        return Decimal(answer.amount)

    def record_decision(self, ruling: Ruling, *, timeout_s: float, request_id: str = "") -> loan_pb2.Loan:
        """Apply a decision, and tell the steps that led to it; answer the loan as decided.

        Raises:
            LoanNotUnderReview: The loan has left its review another way.
            ServiceError: What else the loan service, or the way to it, answered.
        """
        request = loan_pb2.RecordReviewDecisionRequest(
            loan_id=str(ruling.loan_id),
            agent_id=ruling.decision.agent_id,
            approved=ruling.decision.choice is Choice.APPROVE,
            reason_codes=ruling.decision.reason_codes,
            comment=ruling.decision.comment,
            right=str(ruling.grounds.right),
            on_behalf_of_agent_id=ruling.grounds.on_behalf_of_agent_id,
            approval_limit=_money(ruling.grounds.limit),
            customer_exposure=_money(ruling.grounds.exposure),
            steps=[_step(step) for step in ruling.steps],
            subject=ruling.decision.subject,
        )
        try:
            answer: loan_pb2.RecordReviewDecisionResponse = rpc.call(
                self._internal.RecordReviewDecision, request, timeout_s=timeout_s, caller_request_id=request_id
            )
        except ServiceError as error:
            if error.reason == "LOAN_NOT_UNDER_REVIEW":
                raise LoanNotUnderReview(error.message) from error
            raise
        return answer.loan

    def record_steps(self, reviews: Sequence[Sequence[Step]], *, timeout_s: float) -> list[ServiceError | None]:
        """Tell what happened in reviews, all steps of each so far; answer what went wrong with each.

        Raises:
            ServiceError: The call failed as a whole.
        """
        listed = [
            loan_pb2.RecordReviewStepsRequest.Review(
                loan_id=str(steps[0].loan_id), steps=[_step(step) for step in steps]
            )
            for steps in reviews
        ]
        request = loan_pb2.RecordReviewStepsRequest(reviews=listed)
        answer: loan_pb2.RecordReviewStepsResponse = rpc.call(
            self._internal.RecordReviewSteps, request, timeout_s=timeout_s
        )
        return [rpc.error_of(verdict) for verdict in answer.verdicts]


class NotificationClient:
    """The notification service.

    Args:
        channel: The way to it.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        self._internal = notification_pb2_grpc.NotificationInternalServiceStub(channel)

    def push(self, pushes: Sequence[Push], *, timeout_s: float) -> list[ServiceError | None]:
        """Have messages sent to members of staff; answer what went wrong with each.

        Raises:
            ServiceError: The call failed as a whole.
        """
        messages = [
            notification_pb2.SendNotificationRequest.Message(
                dedupe_key=push.dedupe_key,
                loan_id=push.loan_id,
                channel=notification_pb2.Notification.Channel.PUSH,
                recipient=push.recipient,
                template=push.template,
                values=push.values,
            )
            for push in pushes
        ]
        request = notification_pb2.SendNotificationRequest(messages=messages)
        answer: notification_pb2.SendNotificationResponse = rpc.call(
            self._internal.SendNotification, request, timeout_s=timeout_s
        )
        return [rpc.error_of(verdict) for verdict in answer.verdicts]


def _step(step: Step) -> loan_pb2.ReviewStep:
    return loan_pb2.ReviewStep(
        number=step.number,
        kind=str(step.kind),
        occurred_at=step.occurred_at,
        actor=step.actor,
        reason_codes=step.reason_codes,
        comment=step.comment,
        assigned_agent_id=step.assigned_agent_id,
        right=None if step.right is None else str(step.right),
        on_behalf_of_agent_id=step.on_behalf_of_agent_id,
        approval_limit=_money(step.approval_limit),
        customer_exposure=_money(step.customer_exposure),
        subject=step.subject,
    )


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"
