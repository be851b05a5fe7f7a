"""How notifications are delivered: the job of each is done once the provider has accepted it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from chassis import personal
from chassis.errors import ServiceError, is_passing
from chassis.jobs import Job
from chassis.pool import Handler, Hung, Task
from notification_service import usecases
from notification_service.clients import Provider
from notification_service.domain import Channel, Message

KINDS = tuple(usecases.DELIVER.values())
"""All that is handled."""

INTERRUPTED = "the process stopped before the provider answered"


def handlers(providers: Mapping[Channel, Provider], attempts_max: int) -> dict[str, Handler]:
    """What to do with each kind of job.

    Args:
        providers: Who carries the messages of each channel.
        attempts_max: How often a provider may refuse a message before it is parked.
    """
    return {
        usecases.DELIVER[channel]: Handler(
            start=_start,
            perform=partial(_send, provider),
            finish=_record_sent,
            release=_record_failed,
            give_up=lambda tx, tasks: usecases.park_notifications(tx, _errors(tasks)),
            attempts_max=attempts_max,
        )
        for channel, provider in providers.items()
    }


def _start(tx: Connection, started: Sequence[Job]) -> list[Message | None]:
    ids = [_notification_id(job) for job in started]
    messages = usecases.start_attempts(tx, ids)
    return [messages.get(notification_id) for notification_id in ids]


def _send(provider: Provider, tasks: Sequence[Task]) -> list[Exception | None]:
    """Hand over messages, one by one. Once the provider is away the rest is not tried: all of them come back."""
    outcomes: list[Exception | None] = []
    away: Exception | None = None
    for task in tasks:
        outcome = away or _raised_by(provider.send, task.subject)
        if outcome is not None and is_passing(outcome):
            away = outcome
        outcomes.append(outcome)
    return outcomes


def _record_sent(tx: Connection, tasks: Sequence[Task]) -> None:
    usecases.record_sent(tx, [_notification_id(task.job) for task in tasks])


def _record_failed(tx: Connection, tasks: Sequence[Task]) -> None:
    """End attempts that others will follow; whether the provider was away, or refused, or the process has to stop."""
    for found_away, record in ((True, usecases.record_away), (False, usecases.record_failed)):
        if ended := [task for task in tasks if (task.failed and is_passing(task.outcome)) is found_away]:
            record(tx, _errors(ended))


def _raised_by(work: Callable[[Message], None], message: Message) -> Exception | None:
    """Do the work for a message; answer what it raised."""
    try:
        work(message)
    except Exception as error:  # noqa: BLE001 -- not handled here: it is the outcome of this one task
        return error
    return None


def _errors(tasks: Sequence[Task]) -> dict[UUID, str]:
    """Why each attempt failed, in one line."""
    return {_notification_id(task.job): _line(task.outcome) if task.failed else INTERRUPTED for task in tasks}


def _line(error: Exception) -> str:
    """What staff may read of an error: what an unforeseen one says of our inside stays in the log."""
    said = str(error) if isinstance(error, (ServiceError, Hung)) else "something went wrong on our side"
    storable = said.replace("\x00", " ").encode(errors="replace").decode()  # what PostgreSQL cannot hold
    return personal.hidden(" ".join(storable.split()))[:500] or type(error).__name__


def _notification_id(job: Job) -> UUID:
    return UUID(job.args["notification_id"])
