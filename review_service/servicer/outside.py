"""What staff may ask of reviews."""

from collections.abc import Callable
from typing import TypedDict
from uuid import UUID

import grpc
from sqlalchemy import Engine

from chassis import crash, db, rpc
from chassis.errors import ServiceError, Unavailable
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service import domain, store, usecases
from review_service.clients import LoanClient
from review_service.domain import (
    Decision,
    LoanNotUnderReview,
    NotAssignedToAgent,
    Place,
    ReviewNotFound,
)
from review_service.servicer import decoding, encoding
from review_service.servicer.staff import StaffServicer

CALL_MOST_S = 5.0
"""How long the loan service is waited for when the caller has set no deadline, or a later one."""


class Terms(TypedDict):
    """On which terms the loan service is called on behalf of a caller."""

    timeout_s: float
    request_id: str


class DecisionNotAppliedYet(Unavailable):
    """The decision is recorded; the loan service cannot be reached and will be told as soon as it can."""


class ReviewServicer(StaffServicer):
    """The public service.

    Args:
        engine: The database.
        loans: The loan service.
        wake: Called after a commit that left jobs behind.
        phone_region: Where phone numbers without a country code belong.
    """

    def __init__(self, engine: Engine, loans: LoanClient, wake: Callable[[], None], *, phone_region: str) -> None:
        super().__init__(engine, wake, phone_region=phone_region)
        self._loans = loans

    @rpc.rpc
    def ListAssignments(
        self,
        request: review_pb2.ListAssignmentsRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.ListAssignmentsResponse:
        """List the open reviews of an agent, oldest first."""
        size = request.size or 10
        after = domain.read_page_token(request.page_token, request.agent_id) if request.page_token else None
        with db.transaction(self._engine) as tx:
            agent = store.get_agent(tx, request.agent_id)
            reviews = store.list_open_reviews(tx, agent.agent_id, after=after, size=size + 1)
        page = reviews[:size]
        more = ""
        if len(reviews) > size and (opened_at := page[-1].opened_at) is not None:
            more = domain.page_token(agent.agent_id, Place(opened_at, page[-1].loan_id))
        return review_pb2.ListAssignmentsResponse(
            assignments=[encoding.assignment(review) for review in page],
            total_size=agent.open_review_count,
            next_page_token=more,
        )

    @rpc.rpc
    def DecideLoan(
        self, request: review_pb2.DecideLoanRequest, context: grpc.ServicerContext
    ) -> review_pb2.DecideLoanResponse:
        """Decide a loan: record it here, then have the loan service apply it, outside the transaction."""
        loan_id, decision = UUID(request.loan_id), decoding.decision(request)
        try:
            with db.transaction(self._engine) as tx:
                standing = usecases.decide_review(tx, loan_id, decision)
                crash.here("storing_decision")
            crash.here("stored_decision")
        except ReviewNotFound:
            raise self._why_no_review(loan_id, decision.agent_id, context) from None
        self._wake()
        if standing is None:
            return review_pb2.DecideLoanResponse(loan=self._loan(loan_id, context))
        return review_pb2.DecideLoanResponse(loan=self._apply(loan_id, standing, context))

    def _apply(self, loan_id: UUID, decision: Decision, context: grpc.ServicerContext) -> loan_pb2.Loan:
        """Apply a recorded decision at once; its job does so later if this fails."""
        try:
            return self._loans.record_decision(loan_id, decision, **_terms(context))
        except LoanNotUnderReview:
            with db.transaction(self._engine) as tx:
                usecases.void_decisions(tx, [loan_id])
            raise
        except ServiceError as error:
            if error.passing:
                raise DecisionNotAppliedYet(
                    "the decision is recorded and will be applied as soon as the loan service can be reached"
                ) from error
            raise

    def _why_no_review(self, loan_id: UUID, agent_id: int, context: grpc.ServicerContext) -> ServiceError:
        """What it means that there is no review of a loan; raises what the loan service answers if that says more."""
        if self._loan(loan_id, context).application_status != loan_pb2.Loan.Status.UNDER_REVIEW:
            return LoanNotUnderReview(f"loan {loan_id} is not under review")
        return NotAssignedToAgent(f"loan {loan_id} is not assigned to agent {agent_id}")

    def _loan(self, loan_id: UUID, context: grpc.ServicerContext) -> loan_pb2.Loan:
        return self._loans.get_loan(loan_id, **_terms(context))


def _terms(context: grpc.ServicerContext) -> Terms:
    """In the time that the caller has left, under the caller's request id."""
    return {
        "timeout_s": rpc.remaining_s(context, CALL_MOST_S),
        "request_id": rpc.metadata(context, rpc.REQUEST_ID),
    }
