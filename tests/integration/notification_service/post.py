"""The notification service around a real database, as tests speak of it, with a stand-in for the provider."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, text
from uuid_utils.compat import uuid7

from chassis import db
from chassis.pool import Pool
from deploy.processes import wait_until
from notification_service import store, usecases, worker
from notification_service.domain import Channel, Message, Notification


def message(dedupe_key: str = "", **fields: object) -> Message:
    """A message of its own, unless a key is given."""
    loan_id = uuid4()
    standard: dict[str, object] = {
        "notification_id": UUID(int=uuid7().int),
        "dedupe_key": dedupe_key or f"sms:{loan_id}",
        "loan_id": loan_id,
        "channel": Channel.SMS,
        "recipient": "+14155550123",
        "template": "LOAN_APPROVED",
        "body": "Dear Ada, your loan of 5000.50 USD is approved.",
    }
    return Message(**{**standard, **fields})  # type: ignore[arg-type]  # whatever the test gives


class Post:
    """The notification service's database, as tests speak of it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def url(self) -> str:
        """Where the service's own login finds the database."""
        return self.engine.url.render_as_string(hide_password=False)

    def send(self, *messages: Message) -> list[Message]:
        with db.transaction(self.engine) as tx:
            usecases.send_notifications(tx, messages)
        return list(messages)

    def send_some(self, count: int) -> list[Message]:
        return self.send(*(message() for _ in range(count)))

    def get(self, sent: Message) -> Notification:
        with db.transaction(self.engine) as tx:
            return store.get_notification(tx, sent.notification_id)

    def retry(self, sent: Message) -> Notification:
        with db.transaction(self.engine) as tx:
            return usecases.retry_notification(tx, sent.notification_id)

    def start(self, sent: Message) -> None:
        """Begin an attempt, as the pool does."""
        with db.transaction(self.engine) as tx:
            usecases.start_attempts(tx, [sent.notification_id])

    def park(self, sent: Message, error: str = "refused") -> None:
        """Fail a message for the last time, as the pool does."""
        self.start(sent)
        with db.transaction(self.engine) as tx:
            usecases.park_notifications(tx, {sent.notification_id: error})
        self.rows("UPDATE jobs SET state = 'PARKED', last_error = :error WHERE key = :key RETURNING 1", error, sent)

    def hastened(self, done: Callable[[], bool]) -> bool:
        """Whether something is done; if it is not, no job waits any longer, however often it has failed."""
        if not done():
            self.rows("UPDATE jobs SET run_at = now() WHERE state = 'READY' AND run_at > now() RETURNING 1")
        return done()

    def states(self) -> dict[str, int]:
        """How many there are in each state."""
        return dict(self.rows("SELECT state, count(*) FROM notifications GROUP BY state"))

    def errors(self, sent: Message) -> list[str | None]:
        """How each attempt ended: empty for success, None for one that did not end."""
        return [attempt.error if attempt.finished_at else None for attempt in self.get(sent).attempts]

    def rows(self, statement: str, error: str = "", sent: Message | None = None) -> list[tuple[Any, ...]]:
        values = {"error": error, "key": f"deliver:{sent.notification_id}" if sent else ""}
        with self.engine.begin() as tx:
            return [tuple(row) for row in tx.execute(text(statement), values)]


def check(post: Post) -> None:
    """Nothing is stuck and nothing is left over: what is still to be delivered has a job that says so, nothing else.

    Attempts are counted without a gap, and the last one tells how the notification stands.
    """
    wanted = {"PENDING": "READY", "SENDING": "LEASED", "PARKED": "PARKED", "SENT": None}
    for state, job in post.rows("""
        SELECT notifications.state, jobs.state FROM notifications
        FULL JOIN jobs ON jobs.args ->> 'notification_id' = notification_id::text
    """):
        assert job == wanted[state]
    for state, attempt_count, last_error, numbers, last_end, last_attempt_error in post.rows("""
        SELECT state, attempt_count, notifications.last_error, array_agg(number ORDER BY number),
               (array_agg(finished_at ORDER BY number DESC))[1], (array_agg(error ORDER BY number DESC))[1]
        FROM notifications JOIN delivery_attempts USING (notification_id) GROUP BY notification_id
    """):
        assert numbers == list(range(1, attempt_count + 1))
        assert (last_end is None) == (state == "SENDING")
        assert state in {"SENDING", "PENDING"} or last_attempt_error == last_error


class StandIn:
    """Stands for the provider, and remembers what it was given.

    Attributes:
        answer: What it does with a message; replace it to make it refuse or wait.
        handed: Every message it was handed, in order.
        accepted: Every message it accepted, in order.
    """

    def __init__(self) -> None:
        self.answer: Callable[[Message], None] = lambda _: None
        self.handed: list[Message] = []
        self.accepted: list[Message] = []
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        with self._lock:
            self.handed.append(message)
        self.answer(message)
        with self._lock:
            self.accepted.append(message)

    def fail_with(self, error: Exception) -> None:
        """Refuse every message from now on."""

        def answer(_: Message) -> None:
            raise error

        self.answer = answer

    def come_back(self) -> None:
        """Accept every message from now on."""
        self.answer = lambda _: None


@contextmanager
def working(
    engine: Engine, provider: StandIn, *, attempts_max: int = 3, size: int = 4, batch_size: int = 50
) -> Iterator[Pool]:
    """A pool that delivers while the block lasts."""
    handlers = worker.handlers(dict.fromkeys(Channel, provider), attempts_max)
    pool = Pool(engine, handlers, name="test", size=size, batch_size=batch_size)
    pool.start()
    try:
        yield pool
    finally:
        pool.stop(grace_s=10)


def wait_for(post: Post, **counts: int) -> None:
    """Wait until there are so many notifications in each state."""
    wait_until(lambda: post.states() == counts, f"{counts}", 60)
