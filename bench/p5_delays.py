"""P5: automated decisions that take 2 to 5 seconds each, against what so many at a time can do at best."""

import time
from collections.abc import Iterator

from sqlalchemy import Engine, text

from bench import stand
from bench.measure import Line, Round
from bench.p4_decisions import DEAD, backlog, owner
from chassis import db
from deploy import postgres

SIZES = (8, 256)
DELAY_MIN_S, DELAY_MAX_S = 2.0, 5.0
WARM_UP_S = 6.0
SECONDS = 45.0

# The third event of a loan that nothing happened to but its assessment.
DECIDED = text("""
SELECT count(*) FROM loan.loan_events
WHERE version = 3 AND occurred_at >= :since AND occurred_at < clock_timestamp()
""")
NOW = text("SELECT clock_timestamp()")


def measure(server: postgres.Server) -> Iterator[Line]:
    """Let a backlog be worked off by so many at a time, and count for a while."""
    delays = {"LOAN_ASSESSMENT_DELAY_MIN_S": str(DELAY_MIN_S), "LOAN_ASSESSMENT_DELAY_MAX_S": str(DELAY_MAX_S)}
    dead = {"LOAN_REVIEW_TARGET": DEAD, "LOAN_NOTIFICATION_TARGET": DEAD}
    for size in SIZES:
        settings = {**delays, **dead, "LOAN_POOL_SIZE": str(size)}
        with stand.running(server, f"p5_{size}", "notification", **settings) as started:
            engine = db.engine(started.loan_url, schema="loan", name="bench", pool_size=1)
            backlog(engine, 20_000 if size > 100 else 1_000)
            engine.dispose()
            started.play("loan", "work")
            time.sleep(WARM_UP_S)
            rate = _rate(owner(started.owner_url))
        at_best = size / ((DELAY_MIN_S + DELAY_MAX_S) / 2)
        work = f"decisions that take 2 to 5 s, {size} at a time, against {size} / 3.5 s"
        yield Line("P5", work, "loans/s", [Round(rate)], [Round(at_best)], 0.95)


def _rate(engine: Engine) -> float:
    """Decisions per second while we wait."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as reading:
        since = reading.execute(NOW).scalar_one()
        time.sleep(SECONDS)
        decided: int = reading.execute(DECIDED, {"since": since}).scalar_one()
        passed = reading.execute(NOW).scalar_one() - since
    rate: float = decided / passed.total_seconds()
    return rate
