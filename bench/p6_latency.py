"""P6: from submit to decision when loans arrive evenly, against the same system with nothing else to do."""

import asyncio
import time
from collections.abc import Iterator

import grpc.aio
import uvloop
from sqlalchemy import Engine, text

from bench import stand
from bench.load.rpc import application
from bench.measure import Line, Round, alternate
from deploy import postgres
from los.loan.v1 import loan_pb2_grpc

ROUNDS = 3
PER_S = 200
SECONDS = 8
ALONE = 60
PATIENCE_S = 60
SETTLE_S = 2
"""How long after the last decision messages may still be under way, before the next round begins."""

# Both moments are those at which the transactions began; what a commit takes is in neither.
SHARE = text("""
SELECT extract(epoch FROM percentile_cont(:share) WITHIN GROUP (ORDER BY decision.occurred_at - loans.created_at)) * 1e3
FROM loan.loans JOIN loan.loan_events AS decision USING (loan_id)
WHERE decision.version = 3 AND loans.created_at > :since
""")
UNDECIDED = text("SELECT count(*) FROM loan.loans WHERE status IN ('APPLIED', 'PROCESSING')")
NOW = text("SELECT clock_timestamp()")


def measure(server: postgres.Server) -> Iterator[Line]:
    """One loan at a time, with a pause between them, and 200 a second, in turn."""
    with stand.running(server, "p6") as ours:
        engine = ours.owner().execution_options(isolation_level="AUTOCOMMIT")
        uvloop.run(_submit(ours.loan_target, 20, 10))  # warms up
        arriving, alone = alternate(
            ROUNDS,
            lambda: _latency(engine, ours.loan_target, PER_S * SECONDS, PER_S, 0.99),
            lambda: _latency(engine, ours.loan_target, ALONE, 10, 0.5),
        )
        violations = ours.finish()
    work = "submit to decision: p99 at 200 loans a second against the median of one at a time"
    yield Line("P6", work, "ms", arriving, alone, 5, at_most=True, violations=violations)


def _latency(engine: Engine, target: str, count: int, per_s: int, share: float) -> Round:
    with engine.connect() as reading:
        since = reading.execute(NOW).scalar_one()
        errors = uvloop.run(_submit(target, count, per_s))
        end = time.monotonic() + PATIENCE_S
        while (undecided := reading.execute(UNDECIDED).scalar_one()) and time.monotonic() < end:
            time.sleep(0.2)
        time.sleep(SETTLE_S)
        value = float(reading.execute(SHARE, {"share": share, "since": since}).scalar_one())
    return Round(value, errors + undecided)


async def _submit(target: str, count: int, per_s: int) -> int:
    """Submit so many, evenly, whether or not those before were answered; how many failed."""
    async with grpc.aio.insecure_channel(target) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        await channel.channel_ready()
        begun = time.perf_counter()
        calls = []
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / per_s - time.perf_counter()))
            calls.append(asyncio.ensure_future(stub.SubmitLoan(application(), timeout=30)))
        answers = await asyncio.gather(*calls, return_exceptions=True)
    return sum(isinstance(answer, BaseException) for answer in answers)
