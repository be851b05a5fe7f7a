"""Stand-ins for the loan and the notification service, behind a real gRPC server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self
from uuid import UUID

import grpc

from chassis import rpc
from chassis.errors import FailedPrecondition, NotFound, ServiceError
from los.loan.v1 import loan_pb2, loan_pb2_grpc
from los.notification.v1 import notification_pb2, notification_pb2_grpc
from review_service.clients import LoanClient, NotificationClient

Status = loan_pb2.Loan.Status


class LoanNotFound(NotFound):
    """As the loan service says it."""


class LoanNotUnderReview(FailedPrecondition):
    """As the loan service says it."""


class Peers(
    loan_pb2_grpc.LoanServiceServicer,
    loan_pb2_grpc.LoanInternalServiceServicer,
    notification_pb2_grpc.NotificationInternalServiceServicer,
):
    """Remembers what it is told.

    Attributes:
        statuses: The loans there are.
        decisions: Every RecordReviewDecision, in order.
        request_ids: Under which ids they came.
        reviews: What was told of reviews, in order: all steps so far each time.
        exposures: What customers owe or have applied for, by loan; 0 if it is not named.
        messages: Every message, in order.
        refuse: Called first in every call with the method's name; may raise.
        refuse_item: Called for every item of a batch; may raise.
    """

    def __init__(self) -> None:
        self.statuses: dict[str, loan_pb2.Loan.Status] = {}
        self.request_ids: list[str] = []
        self.decisions: list[loan_pb2.RecordReviewDecisionRequest] = []
        self.reviews: list[loan_pb2.RecordReviewStepsRequest.Review] = []
        self.exposures: dict[str, str] = {}
        self.messages: list[notification_pb2.SendNotificationRequest.Message] = []
        self.refuse: Callable[[str], None] = lambda _: None
        self.refuse_item: Callable[[object], None] = lambda _: None
        self._server = grpc.server(ThreadPoolExecutor(4))
        loan_pb2_grpc.add_LoanServiceServicer_to_server(self, self._server)
        loan_pb2_grpc.add_LoanInternalServiceServicer_to_server(self, self._server)
        notification_pb2_grpc.add_NotificationInternalServiceServicer_to_server(self, self._server)
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._channel = rpc.channel(self.target)
        self.loans = LoanClient(self._channel)
        self.notifications = NotificationClient(self._channel)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._channel.close()
        self._server.stop(None).wait()

    def fail_with(self, failure: ServiceError) -> None:
        """Answer every call with this from now on."""

        def fail(_: str) -> None:
            raise failure

        self.refuse = fail

    def come_back(self) -> None:
        """Answer again."""
        self.refuse = lambda _: None

    def put_under_review(self, *loan_ids: UUID) -> None:
        """Make loans wait for a decision."""
        self.statuses.update({str(loan_id): Status.UNDER_REVIEW for loan_id in loan_ids})

    @rpc.rpc
    def GetLoan(  # noqa: N802 -- the contract's name
        self, request: loan_pb2.GetLoanRequest, _: grpc.ServicerContext
    ) -> loan_pb2.GetLoanResponse:
        self.refuse("GetLoan")
        return loan_pb2.GetLoanResponse(loan=self._loan(request.loan_id))

    @rpc.rpc
    def RecordReviewDecision(  # noqa: N802 -- the contract's name
        self, request: loan_pb2.RecordReviewDecisionRequest, context: grpc.ServicerContext
    ) -> loan_pb2.RecordReviewDecisionResponse:
        self.refuse("RecordReviewDecision")
        self.request_ids.append(rpc.request_id(context))
        self.decisions.append(request)
        outcome = Status.APPROVED_BY_AGENT if request.approved else Status.REJECTED_BY_AGENT
        if self._loan(request.loan_id).application_status not in {Status.UNDER_REVIEW, outcome}:
            raise LoanNotUnderReview(f"loan {request.loan_id} is not under review")
        self.statuses[request.loan_id] = outcome
        return loan_pb2.RecordReviewDecisionResponse(loan=self._loan(request.loan_id))

    @rpc.rpc
    def RecordReviewSteps(  # noqa: N802 -- the contract's name
        self, request: loan_pb2.RecordReviewStepsRequest, _: grpc.ServicerContext
    ) -> loan_pb2.RecordReviewStepsResponse:
        self.refuse("RecordReviewSteps")
        failures = [self._failure(item) for item in request.reviews]
        self.reviews += [item for item, failed in zip(request.reviews, failures, strict=True) if not failed]
        return loan_pb2.RecordReviewStepsResponse(verdicts=rpc.verdicts(failures, "los.loan.v1"))

    @rpc.rpc
    def GetCustomerExposure(  # noqa: N802 -- the contract's name
        self, request: loan_pb2.GetCustomerExposureRequest, _: grpc.ServicerContext
    ) -> loan_pb2.GetCustomerExposureResponse:
        self.refuse("GetCustomerExposure")
        amount = self.exposures.get(request.loan_id, "0.00")
        return loan_pb2.GetCustomerExposureResponse(amount=amount, currency_code="USD")

    @rpc.rpc
    def SendNotification(  # noqa: N802 -- the contract's name
        self, request: notification_pb2.SendNotificationRequest, _: grpc.ServicerContext
    ) -> notification_pb2.SendNotificationResponse:
        self.refuse("SendNotification")
        failures = [self._failure(item) for item in request.messages]
        self.messages += [item for item, failed in zip(request.messages, failures, strict=True) if not failed]
        return notification_pb2.SendNotificationResponse(verdicts=rpc.verdicts(failures, "los.notification.v1"))

    def _loan(self, loan_id: str) -> loan_pb2.Loan:
        if loan_id not in self.statuses:
            raise LoanNotFound(f"there is no loan {loan_id}")
        return loan_pb2.Loan(loan_id=loan_id, application_status=self.statuses[loan_id])

    def _failure(self, item: object) -> ServiceError | None:
        try:
            self.refuse_item(item)
        except ServiceError as error:
            return error
        return None
