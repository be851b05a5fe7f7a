"""The provider that there is until one is chosen."""

from uuid import uuid4

import pytest
import structlog

from notification_service.clients import LogProvider
from notification_service.domain import Channel, Message


@pytest.mark.parametrize(("channel", "event"), [(Channel.SMS, "sms sent"), (Channel.PUSH, "push sent")])
def test_a_message_becomes_one_structured_line(channel: Channel, event: str) -> None:
    message = Message(uuid4(), "the key", uuid4(), channel, "the recipient", "LOAN_APPROVED", "the text")
    with structlog.testing.capture_logs() as lines:
        LogProvider().send(message)
    assert lines == [
        {
            "event": event,
            "log_level": "info",
            "recipient": "the recipient",
            "body": "the text",
            "template": "LOAN_APPROVED",
            "dedupe_key": "the key",
        }
    ]
