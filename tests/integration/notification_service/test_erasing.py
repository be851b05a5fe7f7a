"""Erasing a customer from the messages about their loans."""

from uuid import uuid4

from chassis import db
from notification_service import usecases
from notification_service.domain import Channel, Message, MessagesNotSent, State
from tests.integration.notification_service.post import Post, StandIn, message, wait_for, working

PSEUDONYM = "erased:" + "0a" * 16
NAME, PHONE = "Quuxfield", "+14155550177"


def about_customer() -> tuple[Message, Message]:
    """What the customer and an agent are told of a loan."""
    loan_id = uuid4()
    sms = message(loan_id=loan_id, recipient=PHONE, body=f"Dear {NAME}, it is approved.")
    push = message(
        f"push:{loan_id}", loan_id=loan_id, channel=Channel.PUSH, recipient="agent:3", body=f"{NAME} waits for you."
    )
    return sms, push


def erase(post: Post, *about: Message) -> set[object]:
    """The loans that have to wait."""
    with db.transaction(post.engine) as tx:
        waiting = usecases.erase_loans(tx, {each.loan_id: PSEUDONYM for each in about})
    assert all(isinstance(why, MessagesNotSent) for why in waiting.values())
    return set(waiting)


def said(post: Post) -> str:
    """Every row of every table."""
    tables = ("notifications", "delivery_attempts", "jobs")
    return str([post.rows(f"SELECT row_to_json({table})::text FROM {table}") for table in tables])


def test_no_message_about_the_loan_tells_who_the_customer_was(post: Post, provider: StandIn) -> None:
    sms, push = post.send(*about_customer())
    (other,) = post.send(message())
    with working(post.engine, provider):
        wait_for(post, SENT=3)
    assert erase(post, sms) == set()
    once = said(post)
    assert NAME not in once
    assert PHONE not in once
    assert [(post.get(each).message.recipient.shown, post.get(each).message.body) for each in (sms, push)] == [
        (PSEUDONYM, ""),
        ("agent:3", ""),
    ]
    assert post.get(sms).sent_at is not None
    assert post.get(other).message == other
    assert erase(post, sms) == set()
    assert said(post) == once


def test_what_is_still_to_be_sent_is_waited_for_and_holds_up_no_other_loan(post: Post, provider: StandIn) -> None:
    done, _ = post.send(*about_customer())
    with working(post.engine, provider):
        wait_for(post, SENT=2)
    sms, _ = post.send(*about_customer())
    assert erase(post, done, sms) == {sms.loan_id}
    assert post.get(sms).message == sms
    assert post.get(done).message.body == ""


def test_a_message_that_was_given_up_is_erased_and_cannot_be_taken_up_again(post: Post, provider: StandIn) -> None:
    (sms,) = post.send(about_customer()[0])
    post.park(sms, f"{NAME} is unknown at {PHONE}")
    assert erase(post, sms) == set()
    assert NAME not in said(post)
    assert PHONE not in said(post)
    assert post.rows("SELECT 1 FROM jobs") == []
    assert post.retry(sms).state is State.PARKED
    with db.transaction(post.engine) as tx:
        assert usecases.start_attempts(tx, [sms.notification_id]) == {}
    assert provider.handed == []
    post.rows("DELETE FROM delivery_attempts RETURNING 1")
    post.rows("DELETE FROM notifications RETURNING 1")
