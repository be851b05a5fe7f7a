"""The gRPC seam: errors become statuses on the way out, statuses become errors on the way in.

`@rpc` stands on every servicer method. It checks the request against the rules in its contract, binds the request id
for the log, and turns whatever is raised into a status: a ServiceError with its details, anything else into INTERNAL
with a fixed sentence. `context.abort` raises, so it is called after the `try`, never inside it.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from chassis import access, deadline, errors, rules, tls
from chassis.errors import InvalidArgument, ResourceExhausted, ServiceError, Unavailable, Violation
from chassis.logs import bound, log

REQUEST_ID = "x-request-id"
UNFORESEEN = "something went wrong on our side; quote the request id when you report it"

RECONNECT_QUICKLY = (
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.dns_min_time_between_resolutions_ms", 1000),  # a container may return at another address
)
NOTICE_DEAD_PEERS = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 4_000),
    ("grpc.http2.ping_timeout_ms", 4_000),
)

# A status travels in headers, its message twice and escaped; of headers over 8 KiB gRPC refuses some at random.
MESSAGE_MAX_BYTES = 800
VIOLATIONS_MAX_BYTES = 2_000
VIOLATION_MAX_BYTES = 300

WRITE_MAX_S = 60.0
"""How long a stream waits for its reader to take one message."""

STREAM_AGE_MAX_S = 3600.0
"""How long a stream lasts; clients resume it. No stream then outlives its purpose, or a changed set of servers."""

FAREWELL_MAX_S = 5.0
"""How long a stream that failed waits for its reader to take the status."""

ended_with: ContextVar[str] = ContextVar("ended_with", default="OK")
"""The code that the running call has been ended with: none of the contexts can be asked for it on a thread."""

Method = TypeVar("Method", bound=Callable[..., Any])
_BY_NUMBER = {
    code_pb2.Code.Value(error.code): error
    for error in (
        errors.NotFound,
        errors.AlreadyExists,
        errors.FailedPrecondition,
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.Aborted,
        errors.Unavailable,
        errors.DeadlineExceeded,
    )
} | {code_pb2.CANCELLED: errors.Unavailable}  # not by us: the other side ended in the middle of the call

# What gRPC calls a connection that broke in the middle of a call; a service of ours that fails gives details.
_BROKEN_WAY = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS}

# What our caller learns when gRPC gives up: its own text names addresses.
_GIVEN_UP = {
    errors.Unavailable: "a service that is needed cannot be reached",
    errors.DeadlineExceeded: "a service that is needed did not answer in time",
}


class ReaderTooSlow(ResourceExhausted):
    """A client does not read the stream it asked for."""


class StreamTooOld(Unavailable):
    """A stream has lasted as long as any may."""


# -- the server's side


def rpc(method: Method) -> Method:
    """Wrap a servicer method: plain, `async def`, or an asynchronous generator for a stream."""
    if inspect.isasyncgenfunction(method):
        return _stream(method)  # type: ignore[return-value]  # same shape as the method it wraps
    if inspect.iscoroutinefunction(method):
        return _coroutine(method)  # type: ignore[return-value]  # same shape as the method it wraps

    @functools.wraps(method)
    def blocking(servicer: Any, request: Message, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 -- any message
        failure: Exception
        waits = deadline.answer_by.set(deadline.in_seconds(context.time_remaining()))
        with bound(**_ids(context)):
            try:
                rules.check(request)
                answer = method(servicer, request, context)
                access.require_asked()
            except Exception as error:  # noqa: BLE001 -- the seam: nothing raised may pass as it is
                failure = error
            else:
                return answer
            finally:
                deadline.answer_by.reset(waits)  # the thread is another call's next
            status = _said(failure, request, method.__name__)
        return end_with(status, context)

    return blocking  # type: ignore[return-value]  # same shape as the method it wraps


def _coroutine(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def waiting(servicer: Any, request: Message, context: grpc.aio.ServicerContext[Any, Any]) -> Any:  # noqa: ANN401 -- any message
        failure: Exception
        with bound(**_ids(context)):
            try:
                rules.check(request)
                answer = await method(servicer, request, context)
                access.require_asked()
            except Exception as error:  # noqa: BLE001 -- the seam: nothing raised may pass as it is
                failure = error
            else:
                return answer
            status = _said(failure, request, method.__name__)
        return await end_with(status, context)

    return waiting


def _stream(method: Callable[..., AsyncGenerator[Message, None]]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def streaming(servicer: Any, request: Message, context: grpc.aio.ServicerContext[Any, Any]) -> None:  # noqa: ANN401 -- any servicer
        failure: Exception
        with bound(**_ids(context)):
            try:
                rules.check(request)
                await _send(method(servicer, request, context), context)
                access.require_asked()
            except Exception as error:  # noqa: BLE001 -- the seam: nothing raised may pass as it is
                failure = error
            else:
                return
            status = _said(failure, request, method.__name__)
        with suppress(TimeoutError):  # who reads nothing is told when it reads on, and nobody waits here until then
            async with asyncio.timeout(FAREWELL_MAX_S):
                await end_with(status, context)

    return streaming


async def _send(messages: AsyncGenerator[Message, None], context: grpc.aio.ServicerContext[Any, Any]) -> None:
    """Write what a stream gives, but neither for ever nor to a reader that does not read."""
    age, writing = asyncio.timeout(STREAM_AGE_MAX_S), asyncio.timeout(None)
    try:
        async with aclosing(messages), age:
            async for message in messages:
                async with (writing := asyncio.timeout(WRITE_MAX_S)):
                    await context.write(message)
    except TimeoutError:
        if writing.expired():
            raise ReaderTooSlow("the stream was not read in time; resume after the last event") from None
        if age.expired():
            raise StreamTooOld("the stream has lasted long enough; resume after the last event") from None
        raise


def _ids(context: Any) -> dict[str, str]:  # noqa: ANN401 -- three kinds of context
    """What the lines of a call say of it: its id, and who makes it if that is known."""
    caller = access.caller()
    ids = {"request_id": request_id(context)}
    if known := caller.subject or caller.peer:
        ids["caller"] = known
    return ids


def request_id(context: Any) -> str:  # noqa: ANN401 -- three kinds of context, one method in common
    """The caller's request id, or a new one."""
    return metadata(context, REQUEST_ID)[:128] or uuid4().hex


def metadata(context: Any, key: str) -> str:  # noqa: ANN401 -- three kinds of context, one method in common
    """A text value of the call's metadata; empty if there is none."""
    for name, value in context.invocation_metadata() or ():
        if name == key and isinstance(value, str):
            return value
    return ""


def _said(failure: Exception, request: Message, method: str) -> status_pb2.Status:
    """The status for a failure, and a line in the log that is as loud as the failure is ours."""
    status = status_of(failure, domain=request.DESCRIPTOR.file.package)
    if isinstance(failure, ServiceError):
        log.info("rpc refused", method=method, code=failure.code, reason=failure.reason, error=failure.message)
    else:
        log.error("rpc failed", method=method, exc_info=failure)
    return status


def status_of(failure: Exception, domain: str) -> status_pb2.Status:
    """A failure as a status with details; one that is not a ServiceError says nothing of itself."""
    if not isinstance(failure, ServiceError):
        return status_pb2.Status(code=code_pb2.INTERNAL, message=UNFORESEEN)
    message = _cut(failure.message, MESSAGE_MAX_BYTES)
    status = status_pb2.Status(code=code_pb2.Code.Value(failure.code), message=message)
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=failure.reason, domain=domain)]
    if isinstance(failure, InvalidArgument):
        details.append(_bad_request(failure.violations))
    if isinstance(failure, ResourceExhausted):
        delay = duration_pb2.Duration(seconds=failure.retry_after_s)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _bad_request(violations: Sequence[Violation]) -> error_details_pb2.BadRequest:
    """The violations, as many as there is room for, and how many more there are."""
    request, room = error_details_pb2.BadRequest(), VIOLATIONS_MAX_BYTES
    for violation in violations:
        field, description = (
            _cut(violation.field, VIOLATION_MAX_BYTES),
            _cut(violation.description, VIOLATION_MAX_BYTES),
        )
        room -= len(field.encode()) + len(description.encode())
        if room < 0:
            more = len(violations) - len(request.field_violations)
            request.field_violations.add(description=f"and {more} more")
            break
        request.field_violations.add(field=field, description=description)
    return request


def _cut(sentence: str, most_bytes: int) -> str:
    """A sentence that takes so many bytes at most, three more if it was cut."""
    sent = sentence.encode()
    return sentence if len(sent) <= most_bytes else sent[:most_bytes].decode(errors="ignore") + "..."


def end_with(status: status_pb2.Status, context: Any) -> Any:  # noqa: ANN401 -- three kinds of context
    """End a call with a failure: raises in a plain method, and must be awaited in an `async def` one."""
    trailers: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", status.SerializeToString())]
    if status.code == code_pb2.UNAUTHENTICATED:
        trailers.append(("www-authenticate", "Bearer"))
    for detail in status.details:
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(retry):
            trailers.append(("retry-after", str(retry.retry_delay.seconds)))
    context.set_trailing_metadata(tuple(trailers))
    code = code_pb2.Code.Name(status.code)
    ended_with.set(code)
    return context.abort(grpc.StatusCode[code], status.message)


# -- the client's side


def channel(target: str, name: str = "", folder: Path | None = None) -> grpc.Channel:
    """A channel to another service: round-robin over what the name resolves to, no retries underneath ours.

    Args:
        target: Where it is.
        name: Whose certificate it must have, whatever its address is called.
        folder: Our certificates; without them nothing is encrypted.

    Raises:
        ValueError: The certificates cannot be used.
    """
    options: list[tuple[str, str | int]] = [
        *RECONNECT_QUICKLY,
        *NOTICE_DEAD_PEERS,
        ("grpc.enable_retries", 0),
        ("grpc.lb_policy_name", "round_robin"),
    ]
    if folder is None:
        return grpc.insecure_channel(target, options=options)
    if name:
        options.append((tls.SERVER_NAME, name))

    def connect(identity: tls.Identity) -> grpc.Channel:
        return grpc.secure_channel(target, tls.channel_credentials(identity), options=options)

    return tls.RenewedChannel(tls.Watched(folder), connect)


def call(stub: Callable[..., Any], request: Message, *, timeout_s: float, caller_request_id: str = "") -> Any:  # noqa: ANN401 -- the stub knows
    """Call another service.

    Args:
        stub: The stub's method.
        request: What to send.
        timeout_s: How long to wait for the answer.
        caller_request_id: The id under which both sides log this; a new one if empty.

    Raises:
        ServiceError: What the other side, or the way to it, answered.
    """
    sent = ((REQUEST_ID, caller_request_id or uuid4().hex),)
    try:
        return stub(request, timeout=timeout_s, metadata=sent)
    except grpc.RpcError as error:
        raise received(error) from error


def received(error: grpc.RpcError) -> ServiceError:
    """The failure that another service answered with, with its reason; without one, gRPC itself gave up the call."""
    answered: Any = error  # an RpcError raised by a call is that call
    try:
        status = rpc_status.from_call(answered)
    except (ValueError, DecodeError):
        status = None  # details that contradict the code, or are none
    if status is not None and (failure := error_of(status)):
        return failure
    code = answered.code()
    log.warning("call failed", code=code.name, error=answered.details())
    kind = errors.Unavailable if code in _BROKEN_WAY else _BY_NUMBER.get(code.value[0], ServiceError)
    return kind(_GIVEN_UP.get(kind, "the service that is asked failed"))


def error_of(status: status_pb2.Status) -> ServiceError | None:
    """The failure that a status stands for; None for success."""
    if status.code == code_pb2.OK:
        return None
    cause, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in status.details:
        detail.Unpack(cause)  # each takes only what is its own
        detail.Unpack(retry)
    if status.code == code_pb2.RESOURCE_EXHAUSTED:
        retry_after_s = max(1, retry.retry_delay.seconds)
        return ResourceExhausted(status.message, retry_after_s=retry_after_s, reason=cause.reason)
    kind = _BY_NUMBER.get(status.code, ServiceError)
    return kind(status.message, reason=cause.reason)


def verdicts(failures: Sequence[Exception | None], domain: str) -> list[status_pb2.Status]:
    """One status for each item of a batch; OK where nothing failed."""
    return [status_of(failure, domain) if failure else status_pb2.Status() for failure in failures]


def remaining_s(context: Any, most_s: float) -> float:  # noqa: ANN401 -- three kinds of context
    """How much of the caller's time is left, and never more than `most_s`."""
    left = context.time_remaining()
    return most_s if left is None else max(0.0, min(most_s, left))
