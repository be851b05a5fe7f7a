"""What this service asks of the loan and the notification service, in its own words.

Never called inside a transaction, always with a deadline; the receivers recognise a repetition, so that everything
here may be repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import grpc

from chassis import rpc
from chassis.errors import ServiceError
from los.loan.v1 import loan_pb2, loan_pb2_grpc
from los.notification.v1 import notification_pb2, notification_pb2_grpc
from review_service.domain import Choice, Decision, LoanNotUnderReview


@dataclass(frozen=True, slots=True)
class RecordedAssignment:
    """That a review was assigned to an agent; `number` counts the assignments of this review from 1."""

    loan_id: str
    agent_id: int
    number: int


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

    def record_decision(
        self, loan_id: UUID, decision: Decision, *, timeout_s: float, request_id: str = ""
    ) -> loan_pb2.Loan:
        """Apply a decision; answer the loan as decided.

        Raises:
            LoanNotUnderReview: The loan has left its review another way.
            ServiceError: What else the loan service, or the way to it, answered.
        """
        request = loan_pb2.RecordReviewDecisionRequest(
            loan_id=str(loan_id),
            agent_id=decision.agent_id,
            approved=decision.choice is Choice.APPROVE,
            reason_codes=decision.reason_codes,
            comment=decision.comment,
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

    def record_assignments(
        self, assignments: Sequence[RecordedAssignment], *, timeout_s: float
    ) -> list[ServiceError | None]:
        """Tell to whom reviews were assigned; answer what went wrong with each.

        Raises:
            ServiceError: The call failed as a whole.
        """
        listed = [
            loan_pb2.RecordReviewAssignmentsRequest.Assignment(
                loan_id=assignment.loan_id, agent_id=assignment.agent_id, assignment_number=assignment.number
            )
            for assignment in assignments
        ]
        request = loan_pb2.RecordReviewAssignmentsRequest(assignments=listed)
        answer: loan_pb2.RecordReviewAssignmentsResponse = rpc.call(
            self._internal.RecordReviewAssignments, request, timeout_s=timeout_s
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
