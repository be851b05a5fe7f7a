"""P5: automated decisions that take 2 to 5 seconds each, against what so many at a time can do at best."""

import time
from collections.abc import Iterator

from sqlalchemy import Engine, text

from bench import stand
from bench.measure import Curve, Line, Point, Round, point
from bench.p4_decisions import DEAD, backlog
from chassis import db
from deploy import postgres

PROMISED = (8, 256)
SIZES = (8, 64, 256)
DELAY_MIN_S, DELAY_MAX_S = 2.0, 5.0
WARM_UP_S = 6.0
ROUNDS = 3
SECONDS = 20.0

# The third event of a loan that nothing happened to but its assessment.
DECIDED = text("""
SELECT count(*) FROM loan.loan_events
WHERE version = 3 AND occurred_at >= :since AND occurred_at < clock_timestamp()
""")
NOW = text("SELECT clock_timestamp()")


def measure(server: postgres.Server) -> Iterator[Line | Curve]:
    """Let a backlog be worked off by so many at a time, and count three times, one after the other."""
    points: list[Point] = []
    for size in SIZES:
        rounds, violations = _rounds(server, size)
        at_best = size / ((DELAY_MIN_S + DELAY_MAX_S) / 2)
        points.append(point(size, [each.value for each in rounds]))
        work = f"decisions that take 2 to 5 s, {size} at a time, against {size} / 3.5 s"
        wanted = 0.95 if size in PROMISED else None
        yield Line("P5", work, "loans/s", rounds, [Round(at_best)], wanted, violations=violations)
    best = [point(size, [size / ((DELAY_MIN_S + DELAY_MAX_S) / 2)]) for size in SIZES]
    panels = {"loans/s": {"ours": points, "at best": best}}
    yield Curve("P5", "Decisions that take 2 to 5 s", "at a time (LOAN_POOL_SIZE)", panels)


def _rounds(server: postgres.Server, size: int) -> tuple[list[Round], list[str]]:
    """The rates, and what is wrong with the loans in the middle of it."""
    delays = {"LOAN_ASSESSMENT_DELAY_MIN_S": str(DELAY_MIN_S), "LOAN_ASSESSMENT_DELAY_MAX_S": str(DELAY_MAX_S)}
    dead = {"LOAN_REVIEW_TARGET": DEAD, "LOAN_NOTIFICATION_TARGET": DEAD}
    settings = {**delays, **dead, "LOAN_POOL_SIZE": str(size)}
    with stand.running(server, f"p5_{size}", "notification", **settings) as started:
        engine = db.engine(started.loan_url, schema="loan", name="bench", pool_size=1)
        backlog(engine, 1_000 * max(1, size // 25))
        engine.dispose()
        started.play("loan", "work")
        time.sleep(WARM_UP_S)
        rounds = [Round(_rate(started.owner())) for _ in range(ROUNDS)]
        return rounds, started.broken_histories()


def _rate(engine: Engine) -> float:
    """Decisions per second while we wait."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as reading:
        since = reading.execute(NOW).scalar_one()
        time.sleep(SECONDS)
        decided: int = reading.execute(DECIDED, {"since": since}).scalar_one()
        passed = reading.execute(NOW).scalar_one() - since
    rate: float = decided / passed.total_seconds()
    return rate
