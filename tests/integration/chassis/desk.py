"""A servicer in all three shapes, whose every answer a test decides; its contract is borrowed from a service."""

import threading
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, cast

import grpc
import grpc.aio
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from chassis import rpc
from chassis.logs import log
from los.loan.v1 import loan_pb2, loan_pb2_grpc

SERVICE = "los.loan.v1.LoanService"
LOAN_ID = "0190a6c1-0000-7000-8000-000000000000"
GET = loan_pb2.GetLoanRequest(loan_id=LOAN_ID)
SUBMIT = loan_pb2.SubmitLoanRequest(
    customer_name="Ada Lovelace", customer_phone="+14155550100", loan_amount="10.00", loan_type=loan_pb2.Loan.HOME
)
WATCH = loan_pb2.WatchLoansRequest()


class Desk(loan_pb2_grpc.LoanServiceServicer):
    """A plain method, an `async def` one, and a stream.

    Attributes:
        work: Called by every method; what it raises is raised.
        stream_length: How many messages the stream has; None never ends.
        message: What the stream gives, over and over.
        stream_ended: Set when the stream's own generator has ended.
    """

    def __init__(self, work: Callable[[], object] = lambda: None, *, stream_length: int | None = 3) -> None:
        self.work = work
        self.stream_length = stream_length
        self.message = loan_pb2.WatchLoansResponse(event=loan_pb2.LoanEvent(event_id="1"))
        self.stream_ended = threading.Event()

    @rpc.rpc
    def GetLoan(  # noqa: N802 -- the contract's name
        self, request: loan_pb2.GetLoanRequest, _context: grpc.ServicerContext
    ) -> loan_pb2.GetLoanResponse:
        log.info("getting")
        self.work()
        return loan_pb2.GetLoanResponse(loan=loan_pb2.Loan(loan_id=request.loan_id))

    @rpc.rpc
    async def SubmitLoan(  # noqa: N802 -- the contract's name
        self, request: loan_pb2.SubmitLoanRequest, _context: grpc.aio.ServicerContext[Any, Any]
    ) -> loan_pb2.SubmitLoanResponse:
        log.info("submitting")
        self.work()
        return loan_pb2.SubmitLoanResponse(loan=loan_pb2.Loan(customer_name=request.customer_name))

    @rpc.rpc
    async def WatchLoans(  # noqa: N802 -- the contract's name
        self, _request: loan_pb2.WatchLoansRequest, _context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncGenerator[loan_pb2.WatchLoansResponse, None]:
        log.info("watching")
        try:
            given = 0
            while self.stream_length is None or given < self.stream_length:
                yield self.message
                given += 1
            self.work()
        finally:
            self.stream_ended.set()

    def register(self, server: grpc.aio.Server) -> None:
        loan_pb2_grpc.add_LoanServiceServicer_to_server(self, server)


class Refusal:
    """How a call ended, as its caller sees it."""

    def __init__(self, error: grpc.Call) -> None:
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details()
        self.trailers: dict[str, str | bytes] = dict(error.trailing_metadata() or ())
        cause, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        status = rpc_status.from_call(error)
        for packed in status.details if status else ():
            packed.Unpack(cause)
            packed.Unpack(request)
        self.reason: str = cause.reason
        self.domain: str = cause.domain
        self.violations: list[str] = [found.field for found in request.field_violations]
        self.descriptions: list[str] = [found.description for found in request.field_violations]


Call = Callable[..., None]


def calls(channel: grpc.Channel) -> dict[str, Call]:
    """One call of each shape, that reads its answer to the end; each takes what a stub takes."""
    stub = loan_pb2_grpc.LoanServiceStub(channel)

    def watch(request: Any = WATCH, **how: Any) -> None:
        for _ in stub.WatchLoans(request, **how):
            pass

    def unary(method: Any, standard: Any, request: Any = None, **how: Any) -> None:
        method(request or standard, **how)

    return {
        "plain": partial(unary, stub.GetLoan, GET),
        "async": partial(unary, stub.SubmitLoan, SUBMIT),
        "stream": watch,
    }


SHAPES = ("plain", "async", "stream")


def refusal(call: Callable[[], object]) -> Refusal:
    """How a call was refused; fails if it was not."""
    try:
        call()
    except grpc.RpcError as error:
        return Refusal(cast("grpc.Call", error))
    raise AssertionError("the call was answered")
