"""What staff may ask of reviews."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

import grpc
from sqlalchemy import Engine

from chassis import access, crash, db, rpc
from chassis.errors import ServiceError, Unavailable
from chassis.personal import Personal
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service import domain, store, usecases
from review_service.clients import LoanClient
from review_service.domain import (
    ALL,
    AgentNotFound,
    AgentNotInBranch,
    Decision,
    ExposureUnknown,
    LoanNotFound,
    LoanNotUnderReview,
    NotAssignedToAgent,
    Place,
    Queue,
    ReviewNotFound,
    ReviewPolicy,
    Ruling,
    Sight,
)
from review_service.servicer import decoding, encoding, sights
from review_service.servicer.staff import StaffServicer
from review_service.usecases import Overtaken

CALL_MOST_S = 5.0
"""How long the loan service is waited for when the caller has set no deadline, or a later one."""

TRIES_MOST = 3
"""How often a decision is tried that is overtaken by changes of those whom it concerns."""


class Terms(TypedDict):
    """On which terms the loan service is called on behalf of a caller."""

    timeout_s: float
    request_id: str


class DecisionNotAppliedYet(Unavailable):
    """The decision is recorded; the loan service cannot be reached and will be told as soon as it can."""


class ExposureNotAvailable(Unavailable):
    """The loan service cannot be reached: what the customer owes is not known, and nothing was decided."""


class ReviewServicer(StaffServicer):
    """The public service.

    Args:
        engine: The database.
        loans: The loan service.
        wake: Called after a commit that left jobs behind.
        policy: How reviews are done.
        phone_region: Where phone numbers without a country code belong.
    """

    def __init__(
        self,
        engine: Engine,
        loans: LoanClient,
        wake: Callable[[], None],
        policy: ReviewPolicy,
        *,
        phone_region: str,
    ) -> None:
        super().__init__(engine, wake, policy, phone_region=phone_region)
        self._loans = loans

    @rpc.rpc
    def ListAssignments(
        self,
        request: review_pb2.ListAssignmentsRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.ListAssignmentsResponse:
        """List the open reviews of an agent, and of those below if wanted, oldest first."""
        size, queue, sight = request.size or 10, Queue(request.agent_id, request.include_subtree), sights.current()
        after = domain.read_page_token(request.page_token, queue) if request.page_token else None
        with db.transaction(self._engine) as tx:
            store.get_agent(tx, request.agent_id, sight)
            reviews = store.list_queue(tx, queue, after=after, size=size + 1, sight=sight)
            total = store.count_queue(tx, queue, sight)
        page = reviews[:size]
        more = ""
        if len(reviews) > size and (opened_at := page[-1].opened_at) is not None:
            more = domain.page_token(queue, Place(opened_at, page[-1].loan_id))
        return review_pb2.ListAssignmentsResponse(
            assignments=[encoding.assignment(review) for review in page],
            total_size=total,
            next_page_token=more,
        )

    @rpc.rpc
    def ReassignLoan(
        self,
        request: review_pb2.ReassignLoanRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.ReassignLoanResponse:
        """Give an open review to another agent."""
        loan_id, sight = UUID(request.loan_id), sights.of_actor(request.agent_id)
        try:
            with db.transaction(self._engine) as tx:
                review = usecases.reassign_review(
                    tx,
                    loan_id,
                    request.agent_id,
                    request.to_agent_id,
                    comment=Personal(request.comment),
                    subject=access.caller().subject,
                    sight=sight,
                )
        except ReviewNotFound:
            raise self._why_no_review(loan_id, request.agent_id, sight, context) from None
        except AgentNotInBranch:
            if sight == ALL:
                raise
            raise AgentNotFound(f"there is no agent {request.to_agent_id}") from None
        self._wake()
        return review_pb2.ReassignLoanResponse(assignment=encoding.assignment(review))

    @rpc.rpc
    def DecideLoan(
        self, request: review_pb2.DecideLoanRequest, context: grpc.ServicerContext
    ) -> review_pb2.DecideLoanResponse:
        """Decide a loan: record it here, then have the loan service apply it, outside the transaction."""
        loan_id, sight = UUID(request.loan_id), sights.of_actor(request.agent_id)
        decision = decoding.decision(request, access.caller().subject)
        try:
            ruling = self._record(loan_id, decision, sight, context)
        except ReviewNotFound:
            raise self._why_no_review(loan_id, decision.agent_id, sight, context) from None
        self._wake()
        if ruling is None:
            return review_pb2.DecideLoanResponse(loan=self._loan(loan_id, context))
        return review_pb2.DecideLoanResponse(loan=self._apply(ruling, context))

    def _record(self, loan_id: UUID, decision: Decision, sight: Sight, context: grpc.ServicerContext) -> Ruling | None:
        """Record a decision; the customer's exposure is asked for if it turns out to be needed.

        Raises:
            ExposureNotAvailable: It is needed and cannot be had.
            Overtaken: Whom it concerns was changed at every try.
        """
        exposure, tries = None, 0
        while True:
            tries += 1
            try:
                with db.transaction(self._engine) as tx:
                    ruling = usecases.decide_review(tx, loan_id, decision, self._policy, exposure, sight=sight)
                    crash.here("storing_decision")
                crash.here("stored_decision")
            except ExposureUnknown:
                exposure = self._exposure(loan_id, context)
            except Overtaken:
                if tries >= TRIES_MOST:
                    raise
            else:
                return ruling

    def _exposure(self, loan_id: UUID, context: grpc.ServicerContext) -> Decimal:
        try:
            return self._loans.get_customer_exposure(loan_id, **_terms(context))
        except ServiceError as error:
            if error.passing:
                raise ExposureNotAvailable(
                    "what the customer owes is not known while the loan service cannot be reached; nothing was decided"
                ) from error
            raise

    def _apply(self, ruling: Ruling, context: grpc.ServicerContext) -> loan_pb2.Loan:
        """Apply a recorded decision at once; its job does so later if this fails."""
        try:
            return self._loans.record_decision(ruling, **_terms(context))
        except LoanNotUnderReview:
            with db.transaction(self._engine) as tx:
                usecases.void_decisions(tx, [ruling.loan_id])
            raise
        except ServiceError as error:
            if error.passing:
                raise DecisionNotAppliedYet(
                    "the decision is recorded and will be applied as soon as the loan service can be reached"
                ) from error
            raise

    def _why_no_review(self, loan_id: UUID, agent_id: int, sight: Sight, context: grpc.ServicerContext) -> ServiceError:
        """What it means that there is no review of a loan; raises what the loan service answers if that says more.

        Who may not see everything must not learn whether there is one out of sight, not even by how long it takes.
        """
        if sight != ALL:
            return LoanNotFound(f"there is no loan {loan_id}")
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
