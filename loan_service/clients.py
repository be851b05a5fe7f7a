"""What the loan service asks of others: an assessment, a review, a message to the customer.

Nothing here is called inside a transaction. Every call has a deadline; the receivers recognise a repetition.
"""

import random
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import grpc

from chassis import rpc
from chassis.errors import ServiceError
from chassis.personal import Phone
from loan_service.domain import Loan, Referral, Status
from los.loan.v1 import loan_pb2
from los.notification.v1 import notification_pb2, notification_pb2_grpc
from los.review.v1 import review_pb2, review_pb2_grpc

Verdicts = list[ServiceError | None]

CALL_TIMEOUT_S = 10.0
"""How long one call, for up to a batch of items, may take."""

BRANCH_TIMEOUT_S = 2.0
"""How long a manager's request waits to learn who is in their branch."""

TEMPLATES = {
    Status.APPROVED_BY_SYSTEM: "LOAN_APPROVED",
    Status.APPROVED_BY_AGENT: "LOAN_APPROVED",
    Status.REJECTED_BY_SYSTEM: "LOAN_REJECTED",
    Status.REJECTED_BY_AGENT: "LOAN_REJECTED",
    Status.WITHDRAWN: "LOAN_WITHDRAWN",
    Status.EXPIRED: "LOAN_EXPIRED",
}
"""Which message a customer gets when their loan reaches a final state."""


class Assessor(Protocol):
    """The outside check that comes before a decision."""

    def assess(self, loan: Loan) -> None:
        """Check a loan; returns when the check is done.

        Raises:
            Exception: The check could not be made. It says nothing about the loan.
        """


class SimulatedAssessor:
    """Takes the time that a check would take.

    Args:
        delay_min_s: The shortest check.
        delay_max_s: The longest; 0 makes checks free.
    """

    def __init__(self, delay_min_s: float, delay_max_s: float) -> None:
        self._delay_min_s = delay_min_s
        self._delay_max_s = delay_max_s

    def assess(self, loan: Loan) -> None:  # noqa: ARG002 -- what it would look at
        """Take a random time between the two delays."""
        if self._delay_max_s > 0:
            time.sleep(random.uniform(self._delay_min_s, self._delay_max_s))  # noqa: S311 -- guards nothing


class ReviewClient:
    """The review service."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = review_pb2_grpc.ReviewInternalServiceStub(channel)

    def open_reviews(self, referrals: Sequence[Referral]) -> Verdicts:
        """Ask for people to decide loans; answer for each what went wrong, or None.

        Raises:
            ServiceError: Nothing is known of any of them.
        """
        request = review_pb2.OpenReviewRequest(reviews=[_review(referral) for referral in referrals])
        return _verdicts(self._stub.OpenReview, request)

    def cancel_reviews(self, loan_ids: Sequence[UUID]) -> Verdicts:
        """Say that nobody needs to decide these loans any more; raises as `open_reviews` does."""
        request = review_pb2.CancelReviewRequest(loan_ids=[str(loan_id) for loan_id in loan_ids])
        return _verdicts(self._stub.CancelReview, request)

    def branch_of(self, agent_id: int) -> list[int]:
        """The ids of an agent and of all who report to them, however indirectly; none if there is no such agent.

        Raises:
            ServiceError: They cannot be had.
        """
        request = review_pb2.ListBranchRequest(agent_id=agent_id)
        answer: review_pb2.ListBranchResponse = rpc.call(self._stub.ListBranch, request, timeout_s=BRANCH_TIMEOUT_S)
        return list(answer.agent_ids)

    def erase_loans(self, pseudonyms: Sequence[tuple[UUID, Phone]]) -> Verdicts:
        """Have a pseudonym stand for the customer in the reviews of loans; raises as `open_reviews` does."""
        loans = [
            review_pb2.EraseLoansRequest.Loan(loan_id=str(loan_id), pseudonym=pseudonym)
            for loan_id, pseudonym in pseudonyms
        ]
        return _verdicts(self._stub.EraseLoans, review_pb2.EraseLoansRequest(loans=loans))


class NotificationClient:
    """The notification service.

    Args:
        channel: The way to it.
        notice_due: How long after a rejection its customer must have been told at the latest.
    """

    def __init__(self, channel: grpc.Channel, notice_due: timedelta) -> None:
        self._stub = notification_pb2_grpc.NotificationInternalServiceStub(channel)
        self._notice_due = notice_due

    def tell_outcomes(self, loans: Sequence[Loan]) -> Verdicts:
        """Tell customers the final states of their loans, once for each loan however often this is repeated.

        Raises:
            ServiceError: Nothing is known of any of them.
        """
        request = notification_pb2.SendNotificationRequest(
            messages=[outcome_sms(loan, self._notice_due) for loan in loans]
        )
        return _verdicts(self._stub.SendNotification, request)

    def erase_loans(self, pseudonyms: Sequence[tuple[UUID, Phone]]) -> Verdicts:
        """Have a pseudonym stand for the customer in the messages about loans; raises as `tell_outcomes` does."""
        loans = [
            notification_pb2.EraseLoansRequest.Loan(loan_id=str(loan_id), pseudonym=pseudonym)
            for loan_id, pseudonym in pseudonyms
        ]
        return _verdicts(self._stub.EraseLoans, notification_pb2.EraseLoansRequest(loans=loans))


def _review(referral: Referral) -> review_pb2.OpenReviewRequest.Review:
    loan = referral.loan
    return review_pb2.OpenReviewRequest.Review(
        loan_id=str(loan.loan_id),
        customer_name=loan.customer_name,
        customer_phone=loan.customer_phone,
        loan_amount=str(loan.loan_amount),
        currency_code=loan.currency_code,
        loan_type=loan.loan_type,
        reason_codes=loan.reason_codes,
        customer_exposure=str(referral.customer_exposure),
    )


def outcome_sms(loan: Loan, notice_due: timedelta) -> notification_pb2.SendNotificationRequest.Message:
    """What a customer is told of the final state of their loan; of a rejection why, and until when it must be told."""
    sms = notification_pb2.SendNotificationRequest.Message(
        dedupe_key=f"sms:{loan.loan_id}",
        loan_id=str(loan.loan_id),
        channel=notification_pb2.Notification.SMS,
        recipient=loan.customer_phone,
        template=TEMPLATES[loan.status],
        values={
            "customer_name": loan.customer_name,
            "loan_amount": str(loan.loan_amount),
            "currency_code": loan.currency_code,
        },
    )
    if loan.status.is_rejected and loan.decided_at is not None:
        sms.values["reasons"] = reasons_for_customer(loan.reason_codes)
        sms.due_at.FromDatetime(loan.decided_at + notice_due)
    return sms


def reasons_for_customer(reason_codes: Sequence[str]) -> str:
    """What a customer is told of the reasons for a rejection; staff's comments are no part of it.

    Codes of a time before the catalogue are told as "another reason".
    """
    known = loan_pb2.Reason.Code.DESCRIPTOR.values_by_name
    texts = [_customer_text(code) for code in reason_codes if code in known]
    return " ".join(filter(None, texts)) or _customer_text("OTHER")


def _customer_text(code: str) -> str:
    """What the catalogue tells customers of a reason; empty if it tells them nothing."""
    options = loan_pb2.Reason.Code.DESCRIPTOR.values_by_name[code].GetOptions()
    reason: loan_pb2.Reason = options.Extensions[loan_pb2.reason]  # type: ignore[index]  # stubs know less of it
    return reason.customer_text


def _verdicts(stub: Callable[..., Any], request: Any) -> Verdicts:  # noqa: ANN401 -- any message with verdicts
    answer = rpc.call(stub, request, timeout_s=CALL_TIMEOUT_S)
    return [rpc.error_of(verdict) for verdict in answer.verdicts]
