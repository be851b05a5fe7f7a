"""Stands before every servicer: refuses callers who may not, bytes that are no message, and calls that wait too long.

What other services deliver is let in when nothing else is any more, then writes, then reads. Health needs no thread.

What is let through and what is refused is measured alike.

gRPC itself answers INTERNAL to the first, and queues the second without a limit. Its own limit would refuse health
checks too, so that an overloaded process would be taken for a dead one.
"""

import asyncio
import inspect
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import grpc
import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import MethodOptions
from google.rpc import status_pb2

from chassis import access, rpc
from chassis.access import Admitted
from chassis.access.admission import Admission
from chassis.access.rules import FOR_EVERYBODY, rule_of
from chassis.errors import InvalidArgument, ResourceExhausted, ServiceError, Unauthenticated, Violation
from chassis.logs import log
from chassis.server.meter import Meter

if TYPE_CHECKING:
    GenericRpcHandler = grpc.GenericRpcHandler[Any, Any]
else:
    GenericRpcHandler = grpc.GenericRpcHandler  # not generic when it runs

WAITING_PER_THREAD = 8
"""How many blocking calls wait for each thread at most."""

SHARES = {"delivery": 1.0, "write": 0.75, "read": 0.5}
"""How much of that line each class of methods may find taken and still be let in."""

WAIT_MAX_S = 1.0
"""How long one waits. Calls take milliseconds: who has waited for longer is behind something that does not move, and is
told so by the next thread that becomes free, while there is time left to come back."""

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


class TooManyCalls(ResourceExhausted):
    """All threads are busy, and enough calls wait for them, or this one has waited for too long."""


class TokenExpired(Unauthenticated):
    """The token with which a stream was asked for is not valid any more."""


class _Line(threading.local):
    """What a thread knows of the call that it is at."""

    waited_s = 0.0


_line = _Line()


class Threads(ThreadPoolExecutor):
    """The threads of blocking calls, which know how many calls are on them or wait for them.

    Args:
        size: How many calls run at the same time.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size, thread_name_prefix="rpc")
        self._size = size
        self._unfinished = 0
        self._count = threading.Lock()

    def are_taken(self, share: float) -> bool:
        """Whether one call more would be too many for those who may have this share of the line."""
        return self._unfinished >= self._size * (1 + WAITING_PER_THREAD * share)

    def submit(
        self, fn: Callable[Parameters, Answer], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Answer]:
        """Run a call on a thread as soon as one is free."""
        since = time.monotonic()

        def run() -> Answer:
            _line.waited_s = time.monotonic() - since
            return fn(*args, **kwargs)

        future = super().submit(run)
        with self._count:
            self._unfinished += 1
        future.add_done_callback(self._forget)
        return future

    def _forget(self, _future: Future[Any]) -> None:
        with self._count:
            self._unfinished -= 1


class _Malformed:
    """Stands for a request whose bytes are not a message."""


class Gate(GenericRpcHandler):
    """Lets calls through to their methods, or refuses them.

    Attributes:
        behind: Where the methods are.

    Args:
        threads: Where blocking methods run.
        admission: Who may call; None if anybody may.
    """

    def __init__(self, threads: Threads, admission: Admission | None = None) -> None:
        self.behind: list[GenericRpcHandler] = []
        self._threads = threads
        self._admission = admission
        self._guarded: dict[str, tuple[Any, float | None]] = {}
        self._next_word = 0.0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401 -- grpc's handler type
        """Answer what handles the call; None if there is no such method. Called on the loop, for every call."""
        method = handler_call_details.method
        handler, share = self._guarded.get(method) or self._found(handler_call_details)
        if share is not None and self._threads.are_taken(share):
            self._say_too_many(method)
            return grpc.unary_unary_rpc_method_handler(_measured(_refusing(method), Meter(method)))
        return handler

    def _found(self, details: grpc.HandlerCallDetails) -> tuple[Any, float | None]:
        """A method that was not called before: what handles it, and if it blocks, its share of the line."""
        method = details.method
        for each in self.behind:
            if (handler := each.service(details)) is not None:
                blocks = bool(handler.unary_unary) and not inspect.iscoroutinefunction(handler.unary_unary)
                self._guarded[method] = self._guard(handler, method), SHARES[class_of(method)] if blocks else None
                return self._guarded[method]
        return None, None

    def _say_too_many(self, method: str) -> None:
        """A line for a second of refusals: they are quick, and must stay so."""
        if (now := time.monotonic()) >= self._next_word:
            self._next_word = now + 1
            log.warning("too many calls: refusing", method=method)

    def _guard(self, handler: Any, method: str) -> Any:  # noqa: ANN401 -- grpc's handler type
        """The handler, with a deserializer that raises nothing, if it reads a single request."""
        if handler.request_streaming:
            return handler
        if not handler.response_streaming:
            guarded, behaviour = grpc.unary_unary_rpc_method_handler, handler.unary_unary
        elif inspect.iscoroutinefunction(handler.unary_stream):
            guarded, behaviour = grpc.unary_stream_rpc_method_handler, handler.unary_stream
        else:
            return handler  # a generator, which no method is that `@rpc` stands on
        if not inspect.iscoroutinefunction(behaviour):
            behaviour = self._in_time(behaviour, method)
        behaviour = _well_formed(behaviour, method)
        if self._admission and service_of(method) not in FOR_EVERYBODY:
            behaviour = _admitted(behaviour, method, self._admission)
        return guarded(
            _measured(behaviour, Meter(method)),
            _tolerant(handler.request_deserializer),
            handler.response_serializer,
        )

    def _in_time(self, behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
        """A method on a thread, which is not begun for a call that has waited for too long."""
        status = _too_many(method)

        def blocking(request: Any, context: Any) -> Any:  # noqa: ANN401 -- any message
            if _line.waited_s > WAIT_MAX_S:
                self._say_too_many(method)
                rpc.end_with(status, context)
            return behaviour(request, context)

        return blocking


def service_of(method: str) -> str:
    """The full name of the service of `/los.loan.v1.LoanService/GetLoan`."""
    return method.strip("/").rpartition("/")[0]


def class_of(method: str) -> str:
    """How important `/los.loan.v1.LoanService/GetLoan` is; what no contract describes is as a write.

    Services that end in InternalService are for other services. What has no side effects according to its contract
    is a read.
    """
    service, name = service_of(method), method.rpartition("/")[2]
    if service.endswith("InternalService"):
        return "delivery"
    try:
        described = descriptor_pool.Default().FindMethodByName(f"{service}.{name}")
    except KeyError:
        return "write"
    is_read = described.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
    return "read" if is_read else "write"


def _tolerant(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def tolerant(received: bytes) -> Any:  # noqa: ANN401 -- any message
        try:
            return deserialize(received)
        except Exception:  # noqa: BLE001 -- whatever the parser raises, the bytes are not a message
            return _Malformed()

    return tolerant


def _measured(behaviour: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    """A method whose every call is measured."""
    if inspect.iscoroutinefunction(behaviour):

        async def waiting(request: Any, context: Any) -> Any:  # noqa: ANN401 -- any message
            with meter.call():
                return await behaviour(request, context)

        return waiting

    def blocking(request: Any, context: Any) -> Any:  # noqa: ANN401 -- any message
        with meter.call():
            return behaviour(request, context)

    return blocking


def _well_formed(behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
    """A method that is not called for what is no message."""
    malformed = _status(InvalidArgument([Violation("", "the request is not a valid protobuf message")]), method)

    if inspect.iscoroutinefunction(behaviour):

        async def waiting(request: Any, context: Any) -> Any:  # noqa: ANN401 -- any message
            if isinstance(request, _Malformed):
                await rpc.end_with(malformed, context)
            return await behaviour(request, context)

        return waiting

    def blocking(request: Any, context: Any) -> Any:  # noqa: ANN401 -- any message
        if isinstance(request, _Malformed):
            rpc.end_with(malformed, context)
        return behaviour(request, context)

    return blocking


def _admitted(behaviour: Callable[..., Any], method: str, admission: Admission) -> Callable[..., Any]:
    """A method that is called only by those who may, and knows them."""
    rule = rule_of(method)

    def admit(context: Any) -> Admitted | status_pb2.Status:  # noqa: ANN401 -- two kinds of context
        """The call as it is let in, or what it is refused with."""
        try:
            return admission.admit(rule, context)
        except ServiceError as error:
            log.info(
                "call refused", method=method, code=error.code, reason=error.reason, request_id=rpc.request_id(context)
            )
            return _status(error, method)

    if inspect.iscoroutinefunction(behaviour):
        expired = _status(TokenExpired("the token has expired"), method)

        async def waiting(request: Any, context: Any) -> Any:  # noqa: ANN401 -- any message
            admitted = admit(context)
            if isinstance(admitted, status_pb2.Status):
                return await rpc.end_with(admitted, context)
            try:
                async with asyncio.timeout(admitted.valid_s()) as validity:
                    with access.running(admitted):
                        return await behaviour(request, context)
            except TimeoutError:
                if not validity.expired():
                    raise
            return await rpc.end_with(expired, context)

        return waiting

    def blocking(request: Any, context: Any) -> Any:  # noqa: ANN401 -- any message
        admitted = admit(context)
        if isinstance(admitted, status_pb2.Status):
            return rpc.end_with(admitted, context)
        with access.running(admitted):
            return behaviour(request, context)

    return blocking


def _refusing(method: str) -> Callable[..., Any]:
    status = _too_many(method)

    async def refuse(_request: Any, context: Any) -> None:  # noqa: ANN401 -- any message
        await rpc.end_with(status, context)  # on the loop: the threads are taken

    return refuse


def _too_many(method: str) -> status_pb2.Status:
    return _status(TooManyCalls("too many requests at once; try again"), method)


def _status(error: ServiceError, method: str) -> status_pb2.Status:
    """What a call of `/los.loan.v1.LoanService/GetLoan` is refused with."""
    return rpc.status_of(error, domain=method.strip("/").rpartition(".")[0])
