"""P9: memory of each process after many loans have passed through, against after 10,000."""

import os
from collections.abc import Iterator

import grpc

from bench import stand
from bench.load import cpu
from bench.load.rpc import application
from bench.measure import Line, Round
from deploy import postgres
from los.loan.v1 import loan_pb2, loan_pb2_grpc

FEW = 10_000
MANY = int(os.environ.get("BENCH_LOANS", "1000000"))
ROWS = 1_000


def measure(server: postgres.Server) -> Iterator[Line]:
    """Submit in batches, wait until all of it is done, look; `BENCH_LOANS` says how many are many."""
    with stand.running(server, "p9") as ours:
        few = _memory_after(ours, FEW)
        many = _memory_after(ours, MANY - FEW)
    for name in few:
        work = f"memory of {name} after {MANY:,} loans against after {FEW:,}"
        yield Line("P9", work, "MiB", [many[name]], [few[name]], 1.2, at_most=True)


def _memory_after(ours: stand.Stand, count: int) -> dict[str, Round]:
    errors = 0
    with grpc.insecure_channel(ours.loan_target) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        for _ in range(count // ROWS):
            request = loan_pb2.BatchSubmitLoansRequest(loans=[application() for _ in range(ROWS)])
            answer = stub.BatchSubmitLoans(request, timeout=60)
            errors += sum(result.HasField("error") for result in answer.results)
    violations = ours.violations(patience_s=3_600)
    return {
        name: Round(cpu.resident_bytes(pid) / 2**20, errors + len(violations))
        for name, pid in ours.pids().items()
        if name != "gateway"
    }
