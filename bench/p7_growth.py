"""P7: what is read often, at many loans against few."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median

import grpc

from bench import stand
from bench.load import history
from bench.measure import Line, Round, alternate
from bench.p4_decisions import owner
from deploy import postgres
from los.loan.v1 import loan_pb2, loan_pb2_grpc

ROUNDS = 5
FEW = 10_000
MANY = int(os.environ.get("BENCH_LOANS", "1000000"))
CALLS = 200

Reading = Callable[[], object]


def measure(server: postgres.Server) -> Iterator[Line]:
    """Read alternately from a service with many loans and from one with few; `BENCH_LOANS` says how many are many."""
    with ExitStack() as ends:
        many, few = (_readings(server, count, ends) for count in (MANY, FEW))
        for name, reading in many.items():
            of_many, of_few = alternate(ROUNDS, _timing(reading), _timing(few[name]))
            work = f"{name} at {MANY:,} loans against {FEW:,}"
            yield Line("P7", work, "ms", of_many, of_few, 1.5, at_most=True)


def _readings(server: postgres.Server, count: int, ends: ExitStack) -> dict[str, Reading]:
    started = ends.enter_context(stand.running(server, f"p7_{count}", "notification"))
    history.make(owner(started.owner_url), count)
    started.play("loan", "serve")
    channel = ends.enter_context(grpc.insecure_channel(started.loan_target))
    stub = loan_pb2_grpc.LoanServiceStub(channel)
    loan_ids, tokens = _walk(stub)
    return {
        "GetLoan": lambda: stub.GetLoan(loan_pb2.GetLoanRequest(loan_id=random.choice(loan_ids))),
        "CountLoansByStatus": lambda: stub.CountLoansByStatus(loan_pb2.CountLoansByStatusRequest()),
        "ListTopCustomers": lambda: stub.ListTopCustomers(loan_pb2.ListTopCustomersRequest()),
        "a page by token": lambda: stub.ListLoans(loan_pb2.ListLoansRequest(page_token=random.choice(tokens))),
        "a page of a status": lambda: stub.ListLoans(loan_pb2.ListLoansRequest(status=loan_pb2.Loan.APPROVED_BY_AGENT)),
    }


def _walk(stub: loan_pb2_grpc.LoanServiceStub) -> tuple[list[str], list[str]]:
    """The ids and tokens met on a walk through the newest 5,000 loans."""
    loan_ids, tokens, token = [], [], ""
    for _ in range(50):
        page = stub.ListLoans(loan_pb2.ListLoansRequest(size=100, page_token=token))
        loan_ids += [loan.loan_id for loan in page.loans]
        token = page.next_page_token
        tokens.append(token)
    return loan_ids, tokens


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
