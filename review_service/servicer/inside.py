"""What the other services tell this one."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from uuid import UUID

import grpc
from sqlalchemy import Connection, Engine

from chassis import batch, db, rpc
from chassis.errors import InvalidArgument, ServiceError
from chassis.logs import log
from los.review.v1 import review_pb2, review_pb2_grpc
from review_service import store, usecases
from review_service.domain import Application, ReviewPolicy
from review_service.servicer import decoding

Item = TypeVar("Item")
PACKAGE = review_pb2.DESCRIPTOR.package


class ReviewInternalServicer(review_pb2_grpc.ReviewInternalServiceServicer):
    """The service for the other services.

    Args:
        engine: The database.
        wake: Called after a commit that left jobs behind.
        policy: How reviews are done.
    """

    def __init__(self, engine: Engine, wake: Callable[[], None], policy: ReviewPolicy) -> None:
        self._engine = engine
        self._wake = wake
        self._policy = policy

    @rpc.rpc
    def OpenReview(
        self,
        request: review_pb2.OpenReviewRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.OpenReviewResponse:
        """Open and assign reviews."""
        decoded = [_decoded(review) for review in request.reviews]
        readable = [application for application in decoded if isinstance(application, Application)]
        failures = iter(self._each(partial(usecases.open_reviews, policy=self._policy), readable))
        self._wake()
        verdicts = [failed if isinstance(failed, InvalidArgument) else next(failures) for failed in decoded]
        return review_pb2.OpenReviewResponse(verdicts=rpc.verdicts(verdicts, PACKAGE))

    @rpc.rpc
    def CancelReview(
        self,
        request: review_pb2.CancelReviewRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.CancelReviewResponse:
        """Cancel reviews."""
        failures = self._each(usecases.cancel_reviews, [UUID(loan_id) for loan_id in request.loan_ids])
        self._wake()
        return review_pb2.CancelReviewResponse(verdicts=rpc.verdicts(failures, PACKAGE))

    @rpc.rpc
    def ListBranch(
        self,
        request: review_pb2.ListBranchRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.ListBranchResponse:
        """List an agent and everybody below."""
        with db.transaction(self._engine) as tx:
            agent_ids = store.list_branch_ids(tx, request.agent_id)
        return review_pb2.ListBranchResponse(agent_ids=agent_ids)

    @rpc.rpc
    def EraseLoans(
        self,
        request: review_pb2.EraseLoansRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.EraseLoansResponse:
        """Have pseudonyms stand for customers in the reviews of their loans."""
        pseudonyms = {UUID(loan.loan_id): loan.pseudonym for loan in request.loans}
        with db.transaction(self._engine) as tx:
            waiting = usecases.erase_loans(tx, pseudonyms)
        failures = [waiting.get(UUID(loan.loan_id)) for loan in request.loans]
        return review_pb2.EraseLoansResponse(verdicts=rpc.verdicts(failures, PACKAGE))

    def _each(
        self, usecase: Callable[[Connection, Sequence[Item]], None], items: Sequence[Item]
    ) -> list[Exception | None]:
        """Do all in one transaction; what stands in the way of the others fails alone."""

        def work(some: Sequence[Item]) -> Sequence[None]:
            with db.transaction(self._engine) as tx:
                usecase(tx, some)
            return [None] * len(some)

        failures = batch.each(work, items) if items else []
        for failure in failures:
            if failure is not None and not isinstance(failure, ServiceError):
                log.error("one of many failed", exc_info=failure)
        return failures


def _decoded(review: review_pb2.OpenReviewRequest.Review) -> Application | InvalidArgument:
    try:
        return decoding.application(review)
    except InvalidArgument as error:
        return error
