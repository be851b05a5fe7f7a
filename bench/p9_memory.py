"""P9: memory of each process after many loans have passed through, against after 10,000."""

import os
from collections.abc import Iterator

import httpx

from bench import stand
from bench.load import cpu
from bench.load.rpc import application
from bench.measure import Curve, Line, Point, Round, point
from deploy import postgres
from los.loan.v1 import loan_pb2

FEW = 10_000
PROMISED = 1_000_000
MANY = int(os.environ.get("BENCH_PASSED", PROMISED))
STEPS = 8
ROWS = 1_000


def measure(server: postgres.Server) -> Iterator[Line | Curve]:
    """Submit in batches through the gateway, wait until all of it is done, look; `BENCH_PASSED` says how many."""
    points: dict[str, list[Point]] = {}
    with stand.running(server, "p9", GATEWAY_DEADLINE_S="60") as ours:
        few, errors = _memory_after(ours, FEW)
        passed, many = FEW, few
        while passed < MANY:
            for name, mebibytes in many.items():
                points.setdefault(name, []).append(point(passed, [mebibytes]))
            count = min(MANY - passed, max(ROWS, (MANY - FEW) // STEPS // ROWS * ROWS))
            many, failed = _memory_after(ours, count)
            passed += count
            errors += failed
        violations = ours.finish()
    for name, mebibytes in many.items():
        points[name].append(point(passed, [mebibytes]))
        work = f"memory of {name} after {passed:,} loans against after {FEW:,}"
        sides = [Round(mebibytes, errors)], [Round(few[name])]
        notes = [] if passed >= PROMISED else [f"promised is this after {PROMISED:,}: not shown yet"]
        yield Line("P9", work, "MiB", *sides, 1.2, at_most=True, violations=violations, notes=notes)
    yield Curve("P9", "Memory of the processes", "loans that have passed through", {"MiB": points})


def _memory_after(ours: stand.Stand, count: int) -> tuple[dict[str, float], int]:
    """The memory of each process in MiB once so many loans more are done, and how many of them were refused."""
    errors = 0
    with httpx.Client(base_url=ours.gateway_url, timeout=60) as client:
        for _ in range(count // ROWS):
            loans = [_as_json(application()) for _ in range(ROWS)]
            answer = client.post("/api/v1/loans:batchSubmit", json={"loans": loans}).raise_for_status().json()
            errors += sum("error" in result for result in answer["results"])
    ours.wait_until_done()
    return {name: cpu.resident_bytes(pid) / 2**20 for name, pid in ours.pids().items()}, errors


def _as_json(request: loan_pb2.SubmitLoanRequest) -> dict[str, str]:
    return {
        "customer_name": request.customer_name,
        "customer_phone": request.customer_phone,
        "loan_amount": request.loan_amount,
        "loan_type": loan_pb2.Loan.Type.Name(request.loan_type),
    }
