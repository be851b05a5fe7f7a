"""P7: what is read often, at many loans against few; `BENCH_SIZES=10000,100000` for other sizes."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from statistics import median

import grpc
from sqlalchemy import text

from bench import stand
from bench.load import history
from bench.load.rpc import application
from bench.measure import Curve, Line, Point, Round, alternate, point
from deploy import postgres
from loan_service.domain.paging import page_token
from los.loan.v1 import loan_pb2, loan_pb2_grpc

ROUNDS = 5
SIZES = tuple(int(size) for size in os.environ.get("BENCH_SIZES", "10000,1000000,10000000").split(","))
CALLS = 200
CHECKED_MAX = 1_000_000
"""The most loans whose histories are checked afterwards: at more of them the same statements made the same rows."""

# Loans of all ages, not the newest alone, so that what is read is seldom in memory already.
SAMPLE = text("SELECT loan_id, customer_phone FROM loan.loans TABLESAMPLE BERNOULLI (:percent) LIMIT 5000")

Reading = Callable[[], object]


def measure(server: postgres.Server) -> Iterator[Line | Curve]:
    """Call alternately a service with few loans and some with more."""
    with ExitStack() as ends:
        few, *many = SIZES
        stands = {size: ends.enter_context(stand.running(server, f"p7_{size}", "notification")) for size in SIZES}
        notes = {size: _filled(started, size) for size, started in stands.items()}
        calls = {size: _calls(started, size, ends) for size, started in stands.items()}
        times: dict[str, dict[int, list[Round]]] = {}
        for name in calls[few]:
            sides = alternate(ROUNDS, *(_timing(calls[size][name]) for size in SIZES))
            times[name] = dict(zip(SIZES, sides, strict=True))
        violations = {
            size: started.broken_histories() if size <= CHECKED_MAX else [] for size, started in stands.items()
        }
    for size in many:
        for name, of_size in times.items():
            work = f"{name} at {size:,} loans against {few:,}"
            wanted = None if name == "SubmitLoan" else 1.5
            line = Line("P7", work, "ms", of_size[size], of_size[few], wanted, True, violations[size] + violations[few])
            yield line if name != "GetLoan" else replace(line, notes=[notes[size]])
    yield _curve(times)


def _filled(started: stand.Stand, size: int) -> str:
    """Fill a system, and let the loan service serve it; what that took, in words."""
    begun = time.monotonic()
    history.make(started.owner(), size)
    took_s = time.monotonic() - begun
    started.play("loan", "serve")
    return f"{size:,} loans were made in {took_s:.0f} s; {history.sizes(started.owner())}"


def _calls(started: stand.Stand, size: int, ends: ExitStack) -> dict[str, Reading]:
    channel = ends.enter_context(grpc.insecure_channel(started.loan_target))
    stub = loan_pb2_grpc.LoanServiceStub(channel)
    with started.owner().connect() as reading:
        found = reading.execute(SAMPLE, {"percent": min(100, 100 * 10_000 / size)}).all()
    loan_ids = [str(loan_id) for loan_id, _ in found]
    tokens = [page_token(loan_id, None, "") for loan_id, _ in found]
    phones = [phone for _, phone in found]
    of_status = loan_pb2.ListLoansRequest(status=loan_pb2.Loan.APPROVED_BY_AGENT)
    return {
        "GetLoan": lambda: stub.GetLoan(loan_pb2.GetLoanRequest(loan_id=random.choice(loan_ids))),
        "CountLoansByStatus": lambda: stub.CountLoansByStatus(loan_pb2.CountLoansByStatusRequest()),
        "ListTopCustomers": lambda: stub.ListTopCustomers(loan_pb2.ListTopCustomersRequest()),
        "any page by token": lambda: stub.ListLoans(loan_pb2.ListLoansRequest(page_token=random.choice(tokens))),
        "a page of a status": lambda: stub.ListLoans(of_status),
        "the loans of a customer": lambda: stub.ListLoans(
            loan_pb2.ListLoansRequest(customer_phone=random.choice(phones))
        ),
        "SubmitLoan": lambda: stub.SubmitLoan(application()),
    }


def _timing(reading: Reading) -> Callable[[], Round]:
    """The median time of some calls, one after the other, in milliseconds."""

    def measured() -> Round:
        times = []
        for _ in range(CALLS):
            begun = time.perf_counter()
            reading()
            times.append(time.perf_counter() - begun)
        return Round(median(times) * 1000)

    return measured


def _curve(times: dict[str, dict[int, list[Round]]]) -> Curve:
    series: dict[str, list[Point]] = {
        name: [point(size, [each.value for each in rounds]) for size, rounds in of_size.items()]
        for name, of_size in times.items()
    }
    return Curve("P7", "Calls, one at a time", "loans", {"median, ms": series}, is_log=True)
