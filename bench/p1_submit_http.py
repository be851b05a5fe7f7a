"""P1: submitting through the gateway, against the usual way to write this."""

import sys
from collections.abc import Iterator

from bench import stand
from bench.load import wrk
from bench.measure import Line, Round, alternate
from deploy import ports, postgres

ROUNDS = 3


def measure(server: postgres.Server) -> Iterator[Line]:
    """Accept applications and leave the deciding for later; then, beside it, decide and notify at the same time."""
    port = ports.free_port()
    server.create_database("monolith")
    url = server.url("monolith").replace("postgresql://", "postgresql+psycopg2://")
    theirs = f"http://{ports.HOST}:{port}"
    command = [sys.executable, "-m", "bench.peers.monolith", str(port)]
    with stand.peer(command, f"{theirs}/health", MONOLITH_DATABASE_URL=url):
        accepting = ("review", "notification", "loan serve", "gateway")
        with stand.running(server, "p1_accepting", *accepting) as ours:
            wrk.submits(theirs, seconds=2)
            wrk.submits(ours.gateway_url, seconds=2)
            rounds = alternate(ROUNDS, lambda: wrk.submits(ours.gateway_url), lambda: wrk.submits(theirs))
            yield Line(
                "P1",
                "POST /api/v1/loans, 64 connections, against the monolith",
                "requests/s",
                rounds[0],
                rounds[1],
                wanted=8,
            )
        with stand.running(server, "p1_working") as ours:
            rounds[0] = [_submits_and_rest(ours) for _ in range(ROUNDS)]
            yield Line(
                "P1", "the same while all of it is decided and notified", "requests/s", rounds[0], rounds[1], None
            )


def _submits_and_rest(ours: stand.Stand) -> Round:
    """Submit, and let all of it be done before anything else is measured; nothing may be lost or twice."""
    found = wrk.submits(ours.gateway_url)
    violations = ours.violations()
    return Round(found.value, found.errors + len(violations), found.p99_ms)
