"""The providers that carry messages to people."""

from typing import Protocol

from chassis.errors import FailedPrecondition
from chassis.logs import log
from notification_service.domain import Message


class MessageRefused(FailedPrecondition):
    """The provider will not carry this message; its reason is shown to staff."""


class Provider(Protocol):
    """Somebody who carries messages."""

    def send(self, message: Message) -> None:
        """Hand over a message; returns once it is accepted.

        It may be handed over again if this process dies meanwhile: the provider recognises it by its dedupe key.

        Raises:
            ServiceError: A passing one if the provider is away: another attempt follows and this one is not counted.
            MessageRefused: The provider will not carry it: after some attempts it is parked.
        """


class LogProvider:
    """Tells the log of every message and sends nothing: what there is until a provider is chosen."""

    def send(self, message: Message) -> None:
        """Write one structured line: which message it is and, masked, whom it reaches; not what it says."""
        log.info(
            f"{message.channel.lower()} sent",
            recipient=message.recipient,
            template=message.template,
            dedupe_key=message.dedupe_key,
        )
