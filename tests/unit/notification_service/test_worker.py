"""What the worker says of itself."""

from notification_service import worker
from notification_service.clients import LogProvider
from notification_service.domain import Channel


def test_the_kinds_that_are_told_of_are_those_that_are_handled() -> None:
    handled = worker.handlers({channel: LogProvider() for channel in Channel}, attempts_max=1)
    assert sorted(worker.KINDS) == sorted(handled)
