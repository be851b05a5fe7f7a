"""Who is let in when many wait: what other services deliver before writes, writes before reads."""

import threading

import pytest

from chassis.server import gate
from chassis.server.gate import Threads
from los.loan.v1 import loan_pb2
from los.notification.v1 import notification_pb2
from los.review.v1 import review_pb2

SIZE = 4
CONTRACTS = [file.DESCRIPTOR.package for file in (loan_pb2, notification_pb2, review_pb2)]


@pytest.mark.parametrize(
    ("method", "importance"),
    [
        ("/los.loan.v1.LoanInternalService/RecordReviewDecision", "delivery"),
        ("/los.review.v1.ReviewInternalService/OpenReview", "delivery"),
        ("/los.loan.v1.LoanService/WithdrawLoan", "write"),
        ("/los.review.v1.ReviewService/DecideLoan", "write"),
        ("/los.loan.v1.LoanService/ListLoans", "read"),
        ("/los.notification.v1.NotificationService/ListNotifications", "read"),
        ("/bakery.Bakery/Bake", "write"),
    ],
)
def test_the_importance_of_a_method_is_read_from_its_contract(method: str, importance: str) -> None:
    assert CONTRACTS  # which are known once they are imported
    assert gate.class_of(method) == importance


def test_as_the_line_grows_reads_are_refused_first_then_writes_then_deliveries() -> None:
    threads, go = Threads(SIZE), threading.Event()
    refused: list[str] = []
    try:
        while len(refused) < len(gate.SHARES):
            threads.submit(go.wait, 60)
            refused += [name for name, share in gate.SHARES.items() if name not in refused and threads.are_taken(share)]
    finally:
        go.set()
        threads.shutdown()
    assert refused == ["read", "write", "delivery"]
