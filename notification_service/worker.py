"""How notifications are delivered: the job of each is done once the provider has accepted it."""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import Connection

from chassis.errors import ServiceError
from chassis.jobs import Job
from chassis.pool import Handler, Hung, Task
from notification_service import usecases
from notification_service.clients import Provider
from notification_service.domain import Message

INTERRUPTED = "the process stopped before the provider answered"


def handlers(provider: Provider, attempts_max: int) -> dict[str, Handler]:
    """What to do with each kind of job.

    Args:
        provider: Who carries the messages.
        attempts_max: How often the provider may refuse a message before it is parked.
    """

    def start(tx: Connection, started: Sequence[Job]) -> list[Message | None]:
        ids = [_notification_id(job) for job in started]
        messages = usecases.start_attempts(tx, ids)
        return [messages.get(notification_id) for notification_id in ids]

    def perform(tasks: Sequence[Task]) -> list[Exception | None]:
        return [_raised_by(provider.send, task.subject) for task in tasks]

    def finish(tx: Connection, tasks: Sequence[Task]) -> None:
        usecases.record_sent(tx, [_notification_id(task.job) for task in tasks])

    return {
        usecases.DELIVER: Handler(
            start=start,
            perform=perform,
            finish=finish,
            release=lambda tx, tasks: usecases.record_failed(tx, _errors(tasks)),
            give_up=lambda tx, tasks: usecases.park_notifications(tx, _errors(tasks)),
            attempts_max=attempts_max,
        )
    }


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
    return " ".join(said.replace("\x00", " ").split())[:500] or type(error).__name__


def _notification_id(job: Job) -> UUID:
    return UUID(job.args["notification_id"])
