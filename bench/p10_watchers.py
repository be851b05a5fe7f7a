"""P10: what idle watchers cost: memory, and the submits that go on beside them."""

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from bench import stand
from bench.load import cpu, wrk
from bench.measure import Line, Round
from deploy import postgres

WATCHERS = 2_000
ROUNDS = 3
WANTED_KIB = 64

REQUEST = b"GET /api/v1/loans:watch HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


def measure(server: postgres.Server) -> Iterator[Line]:
    """Submit without watchers, let 2,000 come, look at the memory, and submit again while they read nothing."""
    with stand.running(server, "p10", "review", "notification", "loan serve", "gateway") as ours:
        wrk.submits(ours.gateway_url, seconds=2)
        alone = [wrk.submits(ours.gateway_url) for _ in range(ROUNDS)]
        pids = [ours.processes[name].pid for name in ("gateway", "loan")]
        before = sum(map(cpu.resident_bytes, pids))
        watchers, refused = _watch(ours.gateway_url)
        time.sleep(3)
        kib_each = (sum(map(cpu.resident_bytes, pids)) - before) / WATCHERS / 1024
        beside = [wrk.submits(ours.gateway_url) for _ in range(ROUNDS)]
        for watcher in watchers:
            watcher.close()
    work = "memory of an idle watcher, gateway and loan service together, of 2,000"
    yield Line("P10", work, "KiB", [Round(kib_each, refused)], [Round(1)], WANTED_KIB, at_most=True)
    yield Line("P10", "submits beside 2,000 watchers that read nothing", "requests/s", beside, alone, 0.8)


def _watch(url: str) -> tuple[list[socket.socket], int]:
    """Open all streams; how many were refused."""
    address = urlsplit(url)
    watchers = []
    refused = 0
    for _ in range(WATCHERS):
        watcher = socket.create_connection((str(address.hostname), address.port or 80), timeout=30)
        watcher.sendall(REQUEST)
        watchers.append(watcher)
    for watcher in watchers:
        refused += b" 200 " not in watcher.recv(64)
    return watchers, refused
