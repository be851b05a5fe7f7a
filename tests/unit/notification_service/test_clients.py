"""The provider that there is until one is chosen."""

from uuid import uuid4

import pytest
import structlog

from chassis import logs
from chassis.personal import Personal, Recipient
from notification_service.clients import LogProvider
from notification_service.domain import Channel, Message


@pytest.mark.parametrize(
    ("channel", "event", "recipient", "told"),
    [(Channel.SMS, "sms sent", "+14155550123", "+1******0123"), (Channel.PUSH, "push sent", "agent:3", "agent:3")],
)
def test_a_message_becomes_one_line_that_tells_no_customer(
    channel: Channel, event: str, recipient: str, told: str
) -> None:
    message = Message(
        uuid4(), "the key", uuid4(), channel, Recipient(recipient), "LOAN_APPROVED", Personal("Dear Ada Lovelace")
    )
    with structlog.testing.capture_logs([logs.mask_values]) as lines:
        LogProvider().send(message)
    assert lines == [
        {
            "event": event,
            "log_level": "info",
            "recipient": told,
            "template": "LOAN_APPROVED",
            "dedupe_key": "the key",
        }
    ]
