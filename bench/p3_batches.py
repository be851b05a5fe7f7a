"""P3: BatchSubmitLoans, against a multi-row INSERT of the same rows and nothing else."""

import time
from collections.abc import Callable, Iterator

import grpc
import psycopg2
from psycopg2.extras import execute_values
from uuid_utils.compat import uuid7

from bench import stand
from bench.load.rpc import application
from bench.measure import Line, Round, alternate
from bench.p2_submit_rpc import MAKE_COPY
from deploy import postgres
from los.loan.v1 import loan_pb2, loan_pb2_grpc

ROUNDS = 5
ROWS = 1_000
SECONDS = 3.0

INSERT = """
INSERT INTO copies (loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, status, version,
                    created_at, updated_at) VALUES %s
"""
TEMPLATE = "(%s::uuid, %s, %s, %s, 'USD', %s, 'APPLIED', 1, now(), now())"


def measure(server: postgres.Server) -> Iterator[Line]:
    """One caller, one call after the other, each of 1,000 rows; and the same rows by psycopg2."""
    requests = [loan_pb2.BatchSubmitLoansRequest(loans=[application() for _ in range(ROWS)]) for _ in range(4)]
    with stand.running(server, "p3", "loan serve") as ours, grpc.insecure_channel(ours.loan_target) as channel:
        with ours.owner().begin() as tx:
            tx.execute(MAKE_COPY)
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        connection = psycopg2.connect(ours.owner_url)

        def submit(request: loan_pb2.BatchSubmitLoansRequest) -> int:
            answer = stub.BatchSubmitLoans(request, timeout=30)
            return sum(result.HasField("error") for result in answer.results)

        def insert(request: loan_pb2.BatchSubmitLoansRequest) -> int:
            rows = [
                (
                    str(uuid7()),
                    each.customer_name,
                    each.customer_phone,
                    each.loan_amount,
                    loan_pb2.Loan.Type.Name(each.loan_type),
                )
                for each in request.loans
            ]
            with connection, connection.cursor() as cursor:
                execute_values(cursor, INSERT, rows, TEMPLATE, page_size=ROWS)
            return 0

        of_ours, of_theirs = alternate(ROUNDS, lambda: _rows(submit, requests), lambda: _rows(insert, requests))
        connection.close()
        violations = ours.broken_histories()
    work = "BatchSubmitLoans, 1,000 rows a call, against INSERT"
    yield Line("P3", work, "rows/s", of_ours, of_theirs, wanted=0.35, violations=violations)


def _rows(
    store: Callable[[loan_pb2.BatchSubmitLoansRequest], int], requests: list[loan_pb2.BatchSubmitLoansRequest]
) -> Round:
    count = errors = 0
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < SECONDS:
        errors += store(requests[count // ROWS % len(requests)])
        count += ROWS
    return Round(count / passed, errors)
