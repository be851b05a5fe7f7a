"""P6: from submit to decision when loans arrive evenly, against the same system with nothing else to do."""

import asyncio
import time
from collections.abc import Iterator

import grpc.aio
import uvloop
from sqlalchemy import Engine, text

from bench import stand
from bench.load.rpc import application
from bench.measure import Line, Round
from bench.p4_decisions import owner
from deploy import postgres
from los.loan.v1 import loan_pb2_grpc

PER_S = 200
SECONDS = 20
ALONE = 100

# Both moments are those at which the transactions began; what a commit takes is in neither.
SHARE = text("""
SELECT extract(epoch FROM percentile_cont(:share) WITHIN GROUP (ORDER BY decision.occurred_at - loans.created_at)) * 1e3
FROM loan.loans JOIN loan.loan_events AS decision USING (loan_id)
WHERE decision.version = 3 AND loans.created_at > :since
""")
UNDECIDED = text("SELECT count(*) FROM loan.loans WHERE status IN ('APPLIED', 'PROCESSING')")
NOW = text("SELECT clock_timestamp()")


def measure(server: postgres.Server) -> Iterator[Line]:
    """One loan at a time, with a pause between them; then 200 a second."""
    with stand.running(server, "p6") as ours:
        engine = owner(ours.owner_url).execution_options(isolation_level="AUTOCOMMIT")
        uvloop.run(_submit(ours.loan_target, 20, 10))  # warms up
        alone = _latency(engine, ours.loan_target, ALONE, 10, 0.5)
        arriving = _latency(engine, ours.loan_target, PER_S * SECONDS, PER_S, 0.99)
        violations = ours.violations()
    work = "submit to decision: p99 at 200 loans a second against the median of one at a time"
    errors = Round(arriving.value, arriving.errors + len(violations))
    yield Line("P6", work, "ms", [errors], [alone], 5, at_most=True)


def _latency(engine: Engine, target: str, count: int, per_s: int, share: float) -> Round:
    with engine.connect() as reading:
        since = reading.execute(NOW).scalar_one()
        errors = uvloop.run(_submit(target, count, per_s))
        time.sleep(2)
        undecided: int = reading.execute(UNDECIDED).scalar_one()
        return Round(float(reading.execute(SHARE, {"share": share, "since": since}).scalar_one()), errors + undecided)


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
