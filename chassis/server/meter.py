"""Counts the calls that a server answers, and how long it takes, under the names that gRPC servers usually use."""

import asyncio
import time
from types import TracebackType

from prometheus_client import Counter, Histogram

from chassis import metrics, rpc

HANDLED = Counter(
    "grpc_server_handled",
    "Calls that have ended, by the code they ended with.",
    ["grpc_service", "grpc_method", "grpc_code"],
    registry=metrics.REGISTRY,
)
HANDLING = Histogram(
    "grpc_server_handling_seconds",
    "How long calls took; a stream is a call.",
    ["grpc_service", "grpc_method"],
    buckets=metrics.BUCKETS_S,
    registry=metrics.REGISTRY,
)


class Meter:
    """Measures the calls of one method that the server has; what callers make up is never measured.

    Attributes:
        method: As below.

    Args:
        method: `/los.loan.v1.LoanService/GetLoan`.
    """

    def __init__(self, method: str) -> None:
        self.method = method
        self._labels = method.strip("/").split("/")
        self._seconds = HANDLING.labels(*self._labels)
        self._codes: dict[str, Counter] = {}

    def call(self) -> "_Call":
        """Measure what happens in a `with` block, which is one call."""
        return _Call(self)

    def count(self, code: str, duration_s: float) -> None:
        """Count a call that has ended with a code after so long."""
        if code not in self._codes:  # looking a counter up by its labels costs more than counting
            self._codes[code] = HANDLED.labels(*self._labels, code)
        self._codes[code].inc()
        self._seconds.observe(duration_s)


class _Call:
    """One call."""

    __slots__ = ("_meter", "_started")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __enter__(self) -> None:
        rpc.ended_with.set("OK")  # a thread that is used again remembers its last call
        self._started = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        duration_s = time.perf_counter() - self._started
        code = rpc.ended_with.get()
        self._meter.count(_unforeseen(error) if code == "OK" else code, duration_s)


def _unforeseen(error: BaseException | None) -> str:
    """The code of a call that was not ended with a status: what gRPC itself makes of what was raised."""
    if error is None:
        return "OK"
    return "CANCELLED" if isinstance(error, asyncio.CancelledError) else "UNKNOWN"
