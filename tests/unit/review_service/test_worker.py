"""What the worker says of itself."""

from chassis import rpc
from review_service import worker
from review_service.clients import LoanClient, NotificationClient
from review_service.domain import ReviewPolicy


def test_the_kinds_that_are_told_of_are_those_that_are_handled() -> None:
    channel = rpc.channel("127.0.0.1:1")  # nobody is called
    handled = worker.handlers(
        LoanClient(channel), NotificationClient(channel), ReviewPolicy(), assign_every_s=1, escalate_every_s=1
    )
    assert sorted(worker.KINDS) == sorted(handled)
    channel.close()
