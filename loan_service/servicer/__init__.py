"""The loan service over gRPC: decode, open a transaction, call the use case, encode."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Any
from uuid import UUID

import grpc
from sqlalchemy import Connection, Engine

from chassis import access, batch, crash, db, rpc, rules
from chassis.batch import GroupCommit
from chassis.errors import InvalidArgument, ServiceError
from chassis.logs import log
from loan_service import store, usecases
from loan_service.domain import (
    Application,
    LoanNotFound,
    Position,
    ReviewStep,
    Sight,
    Status,
    Submission,
    page_token,
    read_page_token,
)
from loan_service.servicer import reviews, sights, wire
from loan_service.servicer.feed import Feed
from loan_service.servicer.wire import Reader
from los.loan.v1 import loan_pb2, loan_pb2_grpc

SIZE_DEFAULT = 10
LIMIT_DEFAULT = 3

Outcome = Submission | ServiceError


def submit(engine: Engine, on_commit: Callable[[], None]) -> Callable[[Sequence[Application]], list[Outcome]]:
    """A function that stores applications in a transaction of their own.

    Args:
        engine: Where to.
        on_commit: Called after each commit.
    """

    def submit_all(applications: Sequence[Application]) -> list[Outcome]:
        with db.transaction(engine) as tx:
            outcomes = usecases.submit_loans(tx, applications)
            crash.here("storing_submits")
        crash.here("stored_submits")
        on_commit()
        return outcomes

    return submit_all


class LoanServicer(loan_pb2_grpc.LoanServiceServicer):
    """What customers and staff may ask.

    Args:
        engine: The connections that requests share.
        submits: Where applications that arrive at the same time meet in one transaction.
        feed: The events as they happen.
        reader: Reads applications as this deployment does.
        on_commit: Called after every commit that others may wait for.
        branch_of: Answers the ids of an agent and of all who report to them.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- what it is made of
        self,
        engine: Engine,
        submits: GroupCommit[Application, Outcome],
        feed: Feed,
        reader: Reader,
        on_commit: Callable[[], None],
        branch_of: Callable[[int], Collection[int]],
    ) -> None:
        self._branch_of = branch_of
        self._engine = engine
        self._submits = submits
        self._feed = feed
        self._reader = reader
        self._submit = submit(engine, on_commit)
        self._on_commit = on_commit

    @rpc.rpc
    async def SubmitLoan(
        self, request: loan_pb2.SubmitLoanRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> loan_pb2.SubmitLoanResponse:
        """Store an application together with all that arrive at the same time."""
        application = sights.applied(self._reader.application(request, rpc.metadata(context, "idempotency-key")))
        submission = await self._submits.submit(application)
        if isinstance(submission, ServiceError):
            raise submission
        if submission.is_replayed:
            context.set_trailing_metadata((("idempotent-replayed", "true"),))
        return loan_pb2.SubmitLoanResponse(loan=wire.loan(submission.loan))

    @rpc.rpc
    def BatchSubmitLoans(
        self, request: loan_pb2.BatchSubmitLoansRequest, context: grpc.ServicerContext
    ) -> loan_pb2.BatchSubmitLoansResponse:
        """Store the applications that are in order; each row has its own result."""
        key = rpc.metadata(context, "idempotency-key")
        rows = [
            self._application_or_error(row, f"{key}#{index}" if key else "") for index, row in enumerate(request.loans)
        ]
        applications = [row for row in rows if isinstance(row, Application)]
        outcomes = iter(batch.each(self._submit, applications)) if applications else iter(())
        results = [row if isinstance(row, ServiceError) else next(outcomes) for row in rows]
        return loan_pb2.BatchSubmitLoansResponse(results=[_result(result) for result in results])

    def _application_or_error(self, row: loan_pb2.SubmitLoanRequest, key: str) -> Application | ServiceError:
        try:
            rules.check(row)
            return sights.applied(self._reader.application(row, key))
        except InvalidArgument as error:
            return error

    @rpc.rpc
    def GetLoan(self, request: loan_pb2.GetLoanRequest, context: grpc.ServicerContext) -> loan_pb2.GetLoanResponse:
        """Read one loan."""
        sight = sights.current(self._branch_of)
        with db.transaction(self._engine) as tx:
            loan = store.get_loan(tx, UUID(request.loan_id), sight)
        return loan_pb2.GetLoanResponse(loan=wire.loan(loan))

    @rpc.rpc
    def ListLoans(
        self, request: loan_pb2.ListLoansRequest, context: grpc.ServicerContext
    ) -> loan_pb2.ListLoansResponse:
        """Read a page of loans, newest first."""
        status = wire.status_filter(request.status)
        phone = self._reader.phone(request.customer_phone, "customer_phone")
        size = request.size or SIZE_DEFAULT
        page = None if request.page_token else request.page or 1
        before = read_page_token(request.page_token, status, phone) if request.page_token else None
        skip = (page - 1) * size if page else 0
        sight = sights.current(self._branch_of)
        with db.transaction(self._engine) as tx:
            total = _count(tx, status, phone, sight)
            loans = store.list_loans(
                tx, status=status, phone=phone, size=size + 1, skip=skip, before=before, sight=sight
            )
        has_more = len(loans) > size
        return loan_pb2.ListLoansResponse(
            loans=[wire.loan(loan) for loan in loans[:size]],
            page=page,
            size=size,
            total_size=total,
            next_page_token=page_token(loans[size - 1].loan_id, status, phone) if has_more else "",
        )

    @rpc.rpc
    def CountLoansByStatus(
        self,
        request: loan_pb2.CountLoansByStatusRequest,
        context: grpc.ServicerContext,
    ) -> loan_pb2.CountLoansByStatusResponse:
        """Read the counters, all of one moment."""
        with db.transaction(self._engine) as tx:
            counts = store.count_by_status(tx)
        return loan_pb2.CountLoansByStatusResponse(
            status_counts=[
                loan_pb2.CountLoansByStatusResponse.StatusCount(status=status, count=count)
                for status, count in counts.items()
            ],
            total_loans=sum(counts.values()),
        )

    @rpc.rpc
    def ListTopCustomers(
        self,
        request: loan_pb2.ListTopCustomersRequest,
        context: grpc.ServicerContext,
    ) -> loan_pb2.ListTopCustomersResponse:
        """Read the customers with the most approved loans."""
        with db.transaction(self._engine) as tx:
            customers = store.list_top_customers(tx, request.limit or LIMIT_DEFAULT)
        return loan_pb2.ListTopCustomersResponse(
            customers=[
                loan_pb2.ListTopCustomersResponse.Customer(
                    customer_name=name,
                    customer_phone=phone,
                    approved_loan_count=count,
                    total_approved_amount=str(amount),
                )
                for name, phone, count, amount in customers
            ]
        )

    @rpc.rpc
    def ListLoanEvents(
        self,
        request: loan_pb2.ListLoanEventsRequest,
        context: grpc.ServicerContext,
    ) -> loan_pb2.ListLoanEventsResponse:
        """Read one loan's history."""
        sight = sights.current(self._branch_of)
        with db.transaction(self._engine) as tx:
            events = store.get_history(tx, UUID(request.loan_id), sight)
        return loan_pb2.ListLoanEventsResponse(events=[wire.event(event) for event in events])

    @rpc.rpc
    def WithdrawLoan(
        self,
        request: loan_pb2.WithdrawLoanRequest,
        context: grpc.ServicerContext,
    ) -> loan_pb2.WithdrawLoanResponse:
        """End an application that is not decided yet."""
        sight = sights.current(self._branch_of)
        with db.transaction(self._engine) as tx:
            loan = usecases.withdraw_loan(tx, UUID(request.loan_id), access.caller().subject, sight, sights.actor())
        self._on_commit()
        return loan_pb2.WithdrawLoanResponse(loan=wire.loan(loan))

    @rpc.rpc
    def ListReasonCodes(
        self, request: loan_pb2.ListReasonCodesRequest, context: grpc.ServicerContext
    ) -> loan_pb2.ListReasonCodesResponse:
        """Tell the catalogue of reasons."""
        return loan_pb2.ListReasonCodesResponse(reasons=reviews.reasons())

    @rpc.rpc
    async def WatchLoans(
        self, request: loan_pb2.WatchLoansRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[loan_pb2.WatchLoansResponse]:
        """Give every event as it happens."""
        after = Position.parse(request.after_event_id) if request.after_event_id else None
        present = await self._feed.join()
        try:
            start = after or present
            await context.send_initial_metadata((("resume-after", start.event_id),))  # nothing after it is missed
            async for event in self._feed.events(start):
                yield loan_pb2.WatchLoansResponse(event=wire.event(event))
        finally:
            self._feed.leave()


class LoanInternalServicer(loan_pb2_grpc.LoanInternalServiceServicer):
    """What the other services tell.

    Args:
        engine: The connections that requests share.
        on_commit: Called after every commit that others may wait for.
    """

    def __init__(self, engine: Engine, on_commit: Callable[[], None]) -> None:
        self._engine = engine
        self._on_commit = on_commit

    @rpc.rpc
    def RecordReviewDecision(
        self,
        request: loan_pb2.RecordReviewDecisionRequest,
        context: grpc.ServicerContext,
    ) -> loan_pb2.RecordReviewDecisionResponse:
        """Record what a person decided."""
        decision, steps = reviews.decision(request), reviews.steps(request.steps)
        with db.transaction(self._engine) as tx:
            loan = usecases.record_review_decision(tx, UUID(request.loan_id), decision, steps)
            crash.here("storing_decision")
        crash.here("stored_decision")
        self._on_commit()
        return loan_pb2.RecordReviewDecisionResponse(loan=wire.loan(loan))

    @rpc.rpc
    def RecordReviewSteps(
        self, request: loan_pb2.RecordReviewStepsRequest, context: grpc.ServicerContext
    ) -> loan_pb2.RecordReviewStepsResponse:
        """Record what happened in reviews; each has its own verdict."""
        read = [reviews.steps_or_error(each) for each in request.reviews]
        legible = [each for each in read if not isinstance(each, InvalidArgument)]
        recorded = iter(batch.each(self._record_steps, legible)) if legible else iter(())
        failures = [each if isinstance(each, InvalidArgument) else next(recorded) for each in read]
        for failure in failures:
            if failure is not None and not isinstance(failure, ServiceError):
                log.error("one of many failed", exc_info=failure)
        return loan_pb2.RecordReviewStepsResponse(verdicts=rpc.verdicts(failures, request.DESCRIPTOR.file.package))

    def _record_steps(self, of_loans: Sequence[tuple[UUID, Sequence[ReviewStep]]]) -> list[LoanNotFound | None]:
        """Record the steps of reviews in a transaction of their own."""
        with db.transaction(self._engine) as tx:
            failures = usecases.record_review_steps(tx, of_loans)
        self._on_commit()
        return failures

    @rpc.rpc
    def GetCustomerExposure(
        self, request: loan_pb2.GetCustomerExposureRequest, context: grpc.ServicerContext
    ) -> loan_pb2.GetCustomerExposureResponse:
        """Sum up what a customer owes or has applied for."""
        with db.transaction(self._engine) as tx:
            amount, currency_code = usecases.get_exposure(tx, UUID(request.loan_id))
        return loan_pb2.GetCustomerExposureResponse(amount=str(amount), currency_code=currency_code)


def _count(tx: Connection, status: Status | None, phone: str, sight: Sight) -> int:
    """How many loans a listing has in all: counted only where the counters do not know."""
    if phone or not sight.everything:
        return store.count_loans(tx, phone, status, sight)
    counts = store.count_by_status(tx)
    return counts[status] if status else sum(counts.values())


def _result(outcome: Outcome | Exception) -> loan_pb2.BatchSubmitLoansResponse.Result:
    """One row's result; the code and details of a refusal are those that SubmitLoan would have answered."""
    if isinstance(outcome, Submission):
        return loan_pb2.BatchSubmitLoansResponse.Result(loan=wire.loan(outcome.loan))
    domain = loan_pb2.DESCRIPTOR.package
    return loan_pb2.BatchSubmitLoansResponse.Result(error=rpc.status_of(outcome, domain))
