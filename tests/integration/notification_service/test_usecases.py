"""Accepting each message once, trying again by hand, and the tables' own walls."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chassis import db, jobs
from notification_service import store, usecases
from notification_service.domain import Channel, Message, NotificationNotFound, State
from tests.integration.notification_service.post import Post, message

THREADS = 20


def at_once(work: Callable[[int], object]) -> None:
    """Do something on twenty threads at the same moment."""
    barrier = threading.Barrier(THREADS)

    def wait_and_work(number: int) -> None:
        barrier.wait(30)
        work(number)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(wait_and_work, range(THREADS)))


def job_count(post: Post) -> int:
    return len(post.rows("SELECT 1 FROM jobs"))


def test_an_accepted_message_waits_for_its_delivery(post: Post) -> None:
    (sent,) = post.send(message())
    notification = post.get(sent)
    assert notification.message == sent
    assert (notification.state, notification.attempts, notification.last_error) == (State.PENDING, (), "")
    assert notification.sent_at is None
    assert post.rows("SELECT kind, key FROM jobs") == [("deliver_sms", f"deliver:{sent.notification_id}")]


def test_a_second_message_with_the_same_key_changes_nothing(post: Post) -> None:
    (first,) = post.send(message("key"))
    post.send(message("key", body="something else"), message("other"), message("other"))
    assert post.states() == {"PENDING": 2}
    assert post.get(first).message.body == first.body
    assert job_count(post) == 2


def test_the_same_key_from_twenty_threads_at_once_is_one_message(post: Post) -> None:
    at_once(lambda _: post.send(message("key")))
    assert post.states() == {"PENDING": 1}
    assert job_count(post) == 1


def test_the_same_keys_in_twenty_orders_at_once_are_accepted_once_and_nobody_is_in_the_way(post: Post) -> None:
    def send(number: int) -> None:
        keys = [f"key:{each * (2 * number + 1) % 53}" for each in range(1, 53)]
        post.send(*(message(key) for key in keys))

    at_once(send)
    assert post.states() == {"PENDING": 52}
    assert job_count(post) == 52


def test_nothing_is_accepted_of_a_transaction_that_fails(post: Post) -> None:
    def send_and_fail() -> None:
        with db.transaction(post.engine) as tx:
            usecases.send_notifications(tx, [message()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        send_and_fail()
    assert post.states() == {}
    assert job_count(post) == 0


def test_only_a_parked_message_is_tried_again(post: Post) -> None:
    waiting, parked = post.send_some(2)
    post.park(parked)
    assert post.retry(waiting) == post.get(waiting)
    again = post.retry(parked)
    assert (again.state, again.last_error) == (State.PENDING, "refused")
    assert post.retry(parked) == again
    assert post.rows("SELECT DISTINCT state FROM jobs") == [("READY",)]


def test_a_message_whose_job_was_removed_is_tried_again_all_the_same(post: Post) -> None:
    (sent,) = post.send(message())
    post.park(sent)
    post.rows("DELETE FROM jobs RETURNING 1")
    post.retry(sent)
    assert post.rows("SELECT key, state FROM jobs") == [(f"deliver:{sent.notification_id}", "READY")]


def test_a_message_that_twenty_people_try_again_at_once_is_due_once(post: Post) -> None:
    (sent,) = post.send(message())
    post.park(sent)
    at_once(lambda _: post.retry(sent))
    assert post.states() == {"PENDING": 1}
    assert post.rows("SELECT state FROM jobs") == [("READY",)]


def test_there_is_no_trying_again_what_does_not_exist(post: Post) -> None:
    unknown = message()
    with pytest.raises(NotificationNotFound, match=str(unknown.notification_id)):
        post.retry(unknown)


def test_what_is_sent_is_not_started_again(post: Post) -> None:
    (sent,) = post.send(message())
    with db.transaction(post.engine) as tx:
        usecases.start_attempts(tx, [sent.notification_id])
        usecases.record_sent(tx, [sent.notification_id])
        assert usecases.start_attempts(tx, [sent.notification_id, uuid4()]) == {}
        tx.execute(text("DELETE FROM jobs WHERE key = :key"), {"key": f"deliver:{sent.notification_id}"})
    assert post.errors(sent) == [""]


def test_a_parked_message_whose_job_an_operator_replays_is_started_again(post: Post) -> None:
    (sent,) = post.send(message())
    post.park(sent)
    with db.transaction(post.engine) as tx:
        assert jobs.replay(tx, [f"deliver:{sent.notification_id}"]) == 1
        assert usecases.start_attempts(tx, [sent.notification_id]) == {sent.notification_id: sent}
        usecases.record_failed(tx, {sent.notification_id: "refused again"})
    assert post.errors(sent) == ["refused", "refused again"]


@pytest.mark.parametrize(
    ("change", "wall"),
    [
        ("state = 'LOST'", "state"),
        ("state = 'SENT', attempt_count = 1", "sent"),
        ("sent_at = now()", "sent"),
        ("state = 'PARKED'", "parked_with_reason"),
        ("state = 'SENDING'", "attempt_count"),
        ("recipient = 'agent:3'", "recipient"),
        ("channel = 'PUSH'", "recipient"),
        ("channel = 'FAX'", "recipient"),
    ],
)
def test_the_tables_refuse_what_the_rules_forbid(post: Post, change: str, wall: str) -> None:
    post.send(message())
    with pytest.raises(IntegrityError, match=f"notifications_{wall}_check"):
        post.rows(f"UPDATE notifications SET {change} RETURNING 1")


def test_every_channel_and_state_has_its_place_in_the_tables(post: Post) -> None:
    post.send(message(channel=Channel.PUSH, recipient="agent:3"))
    allowed = store.METADATA.tables["notifications"].constraints
    texts = " ".join(str(getattr(each, "sqltext", "")) for each in allowed)
    assert all(f"'{word}'" in texts for word in (*State, *Channel))


def test_listings_filter_and_go_on_where_they_stopped_while_others_arrive(post: Post) -> None:
    loan_id = uuid4()
    mine = [
        message(f"mine:{number}", loan_id=loan_id, recipient=f"+1415555000{number % 2}", template="LOAN_EXPIRED")
        for number in range(9)
    ]
    for each in mine:
        post.send(each, message())
    post.park(mine[3])

    def walk(**filters: object) -> list[Message]:
        seen: list[Message] = []
        while True:
            wanted = {"loan_id": loan_id, "recipient": "", "state": None, **filters}
            before = seen[-1].notification_id if seen else None
            with db.transaction(post.engine) as tx:
                page = store.list_notifications(tx, before=before, size=2, **wanted)  # type: ignore[arg-type]  # filters
            seen += [each.message for each in page]
            post.send(message(loan_id=loan_id))  # newer than the page: never seen on it
            if len(page) < 2:
                return seen

    newest_first = mine[::-1]
    assert walk() == newest_first
    mine_only = [each for each in newest_first if each.recipient == "+14155550001"]
    assert walk(recipient="+14155550001") == mine_only
    assert walk(recipient="+14155550001", state=State.PARKED) == [mine[3]]
    assert walk(state=State.SENT) == []
    assert walk(loan_id=None, recipient="+14155550001") == mine_only
