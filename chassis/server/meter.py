"""Counts the calls that a server answers, and how long it takes, under the names that gRPC servers usually use."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

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

    Args:
        method: `/los.loan.v1.LoanService/GetLoan`.
    """

    def __init__(self, method: str) -> None:
        self._labels = method.strip("/").split("/")
        self._seconds = HANDLING.labels(*self._labels)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Measure what happens in the block, which is one call."""
        started = time.perf_counter()
        rpc.ended_with.set("OK")  # a thread that is used again remembers its last call
        unforeseen = "OK"
        try:
            yield
        except asyncio.CancelledError:
            unforeseen = "CANCELLED"
            raise
        except Exception:
            unforeseen = "UNKNOWN"  # what gRPC answers, unless the call was ended with a status
            raise
        finally:
            code = rpc.ended_with.get()
            HANDLED.labels(*self._labels, unforeseen if code == "OK" else code).inc()
            self._seconds.observe(time.perf_counter() - started)
