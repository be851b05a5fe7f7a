"""P1: submitting through the gateway, against the usual way to write this."""

import sys
from collections.abc import Iterator

from bench import stand
from bench.load import wrk
from bench.measure import Curve, Line, Point, Round, alternate, point
from deploy import ports, postgres

ROUNDS = 3
CONNECTIONS = 64
OTHERS = (1, 8, 256)
"""How many connections there are in the other places of the curve."""


def measure(server: postgres.Server) -> Iterator[Line | Curve]:
    """Accept applications and leave the deciding for later; then, beside it, decide and notify at the same time."""
    port = ports.free_port()
    server.create_database("monolith")
    url = server.url("monolith").replace("postgresql://", "postgresql+psycopg2://")
    theirs = f"http://{ports.HOST}:{port}"
    command = [sys.executable, "-m", "bench.peers.monolith", str(port)]
    with stand.peer(command, f"{theirs}/health", MONOLITH_DATABASE_URL=url):
        with stand.running(server, "p1_accepting", "review", "notification", "loan serve", "gateway") as ours:
            sides: dict[int, list[list[Round]]] = {}
            wrk.submits(theirs, seconds=2)
            wrk.submits(ours.gateway_url, seconds=2)
            for connections in (CONNECTIONS, *OTHERS):
                rounds = ROUNDS if connections == CONNECTIONS else 1
                sides[connections] = _round(rounds, ours.gateway_url, theirs, connections)
            violations = ours.broken_histories()
        accepting, monolith = sides[CONNECTIONS]
        work = "POST /api/v1/loans, 64 connections, against the monolith"
        yield Line("P1", work, "requests/s", accepting, monolith, wanted=8, violations=violations)
        yield Line("P1", f"{work}: 99th percentile", "ms", _tails(accepting), _tails(monolith), 1, at_most=True)
        yield _curve(sides)
        with stand.running(server, "p1_working") as ours:
            working = [wrk.submits(ours.gateway_url) for _ in range(ROUNDS)]
            violations = ours.finish()
    work = "the same while all of it is decided and notified"
    yield Line("P1", work, "requests/s", working, monolith, None, violations=violations)


def _round(rounds: int, ours: str, theirs: str, connections: int) -> list[list[Round]]:
    return alternate(
        rounds,
        lambda: wrk.submits(ours, connections=connections),
        lambda: wrk.submits(theirs, connections=connections),
    )


def _tails(rounds: list[Round]) -> list[Round]:
    """The 99th percentiles as figures of their own."""
    return [Round(each.p99_ms or 0) for each in rounds]


def _curve(sides: dict[int, list[list[Round]]]) -> Curve:
    panels: dict[str, dict[str, list[Point]]] = {"requests/s": {}, "99th percentile, ms": {}}
    for number, name in enumerate(("ours", "monolith")):
        rates = {at: [each.value for each in side[number]] for at, side in sides.items()}
        tails = {at: [each.value for each in _tails(side[number])] for at, side in sides.items()}
        panels["requests/s"][name] = [point(at, values) for at, values in rates.items()]
        panels["99th percentile, ms"][name] = [point(at, values) for at, values in tails.items()]
    return Curve("P1", "Submitting through the gateway", "connections", panels, is_log=True)
