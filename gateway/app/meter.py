"""Counts the requests that are answered, and how long it takes.

Labels name what is served, never what was asked for: a path is told by its pattern, a method if it is a usual one.
"""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from chassis import metrics

NO_PATH = "none"
"""Told of requests for paths that are not served, or that are not understood."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"

REQUESTS = Counter(
    "http_requests",
    "Requests that were answered, by the status they were answered with; 499 if the client left before.",
    ["method", "path", "status"],
    registry=metrics.REGISTRY,
)
SECONDS = Histogram(
    "http_request_duration_seconds",
    "How long requests took; a stream is a request.",
    ["method", "path"],
    buckets=metrics.BUCKETS_S,
    registry=metrics.REGISTRY,
)
STREAMS = Gauge("http_streams_open", "Streams that are open.", registry=metrics.REGISTRY)


def count(method: str, pattern: str, status: int, duration_s: float) -> None:
    """Count a request.

    Args:
        method: As it was asked with.
        pattern: Of the path that was served; empty if none was.
        status: What was answered.
        duration_s: How long it took.
    """
    requests, seconds = _figures(method if method in METHODS else OTHER_METHOD, pattern or NO_PATH, status)
    requests.inc()
    seconds.observe(duration_s)


@cache
def _figures(method: str, pattern: str, status: int) -> tuple[Counter, Histogram]:
    """What is counted with these labels; looking it up by them costs more than counting."""
    return REQUESTS.labels(method, pattern, str(status)), SECONDS.labels(method, pattern)
