"""What the worker says of itself."""

from datetime import timedelta
from decimal import Decimal

from chassis import rpc
from loan_service import worker
from loan_service.clients import NotificationClient, ReviewClient, SimulatedAssessor
from loan_service.domain import CreditPolicy


def test_the_kinds_that_are_told_of_are_those_that_are_handled() -> None:
    channel = rpc.channel("127.0.0.1:1")  # nobody is called
    handled = {
        **worker.assessment(SimulatedAssessor(0, 0), CreditPolicy(Decimal(1), Decimal(2)), 1),
        **worker.delivery(ReviewClient(channel), NotificationClient(channel, timedelta(days=30))),
        **worker.housekeeping(1, 1),
    }
    assert sorted(worker.KINDS) == sorted(handled)
    channel.close()
