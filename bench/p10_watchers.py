"""P10: what watchers cost: memory, and the submits that go on beside them."""

import socket
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from bench import stand
from bench.load import cpu, wrk
from bench.measure import Curve, Line, Point, Round, point
from deploy import postgres

WATCHERS = 2_000
FEWER = (200, 800)
"""How many there are in the other places of the curve."""
ROUNDS = 3
WANTED_KIB = 64

REQUEST = b"GET /api/v1/loans:watch HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


def measure(server: postgres.Server) -> Iterator[Line | Curve]:
    """Submit without watchers and beside 2,000 that read nothing, in turn; look at the memory before they are told."""
    beside: dict[int, list[Round]] = {0: []}
    with stand.running(server, "p10", "review", "notification", "loan serve", "gateway") as ours:
        wrk.submits(ours.gateway_url, seconds=2)
        memory: Round | None = None
        for count in (*[WATCHERS] * ROUNDS, *FEWER):
            beside[0].append(wrk.submits(ours.gateway_url))
            before = _resident_bytes(ours)
            watchers, refused = _watch(ours.gateway_url, count)
            time.sleep(3)
            memory = memory or Round((_resident_bytes(ours) - before) / count / 1024, refused)
            found = wrk.submits(ours.gateway_url)
            beside.setdefault(count, []).append(Round(found.value, found.errors + refused, found.p99_ms))
            _leave(watchers)
        violations = ours.broken_histories()
    work = f"memory of an idle watcher, gateway and loan service together, of {WATCHERS:,}"
    yield Line("P10", work, "KiB", [memory or Round(0)], [Round(1)], WANTED_KIB, at_most=True)
    work = f"submits beside {WATCHERS:,} watchers that read nothing, against without"
    yield Line("P10", work, "requests/s", beside[WATCHERS], beside[0], 0.8, violations=violations)
    yield _curve(beside)


def _curve(beside: dict[int, list[Round]]) -> Curve:
    rates: list[Point] = [point(count, [each.value for each in rounds]) for count, rounds in beside.items()]
    tails: list[Point] = [point(count, [each.p99_ms or 0 for each in rounds]) for count, rounds in beside.items()]
    panels = {"submits/s": {"64 connections": rates}, "99th percentile, ms": {"64 connections": tails}}
    return Curve("P10", "Submits beside watchers of everything", "watchers", panels)


def _resident_bytes(ours: stand.Stand) -> int:
    return sum(cpu.resident_bytes(ours.processes[name].pid) for name in ("gateway", "loan"))


def _watch(url: str, count: int) -> tuple[list[socket.socket], int]:
    """Open so many streams; how many were refused."""
    address = urlsplit(url)
    watchers = []
    refused = 0
    for _ in range(count):
        watcher = socket.create_connection((str(address.hostname), address.port or 80), timeout=30)
        watcher.sendall(REQUEST)
        watchers.append(watcher)
    for watcher in watchers:
        refused += b" 200 " not in watcher.recv(64)
    return watchers, refused


def _leave(watchers: Sequence[socket.socket]) -> None:
    """Close all streams, and let the gateway notice."""
    for watcher in watchers:
        watcher.close()
    time.sleep(3)
