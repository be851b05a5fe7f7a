"""The pool that delivers: every message once, whatever happens to the provider or to the process."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from chassis import db, jobs
from chassis.errors import Unavailable
from chassis.jobs import Job
from deploy.processes import wait_until
from notification_service import usecases
from notification_service.clients import MessageRefused
from notification_service.domain import Message, State
from tests.integration.notification_service.post import Post, StandIn, message, wait_for, working


def die_at_work(post: Post, messages: list[Message]) -> list[Job]:
    """Claim and start everything as a process does that dies then; answer what it had claimed."""
    with db.transaction(post.engine) as tx:
        kinds = list(usecases.DELIVER.values())
        claimed = jobs.claim_stale(tx, kinds, 100, "dead", lease_s=0)
        claimed += jobs.claim(tx, dict.fromkeys(kinds, 100), 100, "dead", lease_s=0)
        assert len(claimed) == len(messages)
        usecases.start_attempts(tx, [each.notification_id for each in messages])
    return claimed


@contextmanager
def unable_to_start(owner_engine: Engine, sent: Message) -> Iterator[None]:
    """The database refuses every attempt to deliver a message while the block lasts."""
    table = "ALTER TABLE notification.delivery_attempts"
    with owner_engine.begin() as tx:
        tx.execute(text(f"{table} ADD CONSTRAINT odd CHECK (notification_id <> '{sent.notification_id}')"))
    try:
        yield
    finally:
        with owner_engine.begin() as tx:
            tx.execute(text(f"{table} DROP CONSTRAINT odd"))


def test_a_message_is_delivered_once(post: Post, provider: StandIn) -> None:
    (sent,) = post.send(message())
    with working(post.engine, provider):
        wait_for(post, SENT=1)
    assert provider.accepted == [sent]
    notification = post.get(sent)
    assert notification.message == sent
    (attempt,) = notification.attempts
    assert (attempt.number, attempt.error, notification.last_error) == (1, "", "")
    assert attempt.finished_at == notification.sent_at
    assert notification.created_at <= attempt.started_at <= (notification.sent_at or attempt.started_at)


def test_a_message_is_sending_while_the_provider_is_at_it(post: Post, provider: StandIn) -> None:
    (sent,) = post.send(message())
    begun, go_on = threading.Event(), threading.Event()

    def answer(_: Message) -> None:
        begun.set()
        assert go_on.wait(30)

    provider.answer = answer
    with working(post.engine, provider):
        assert begun.wait(30)
        assert post.get(sent).state is State.SENDING
        assert post.errors(sent) == [None]
        go_on.set()
        wait_for(post, SENT=1)


def test_a_message_that_is_refused_again_and_again_is_parked_and_holds_up_nobody(post: Post, provider: StandIn) -> None:
    bad, *good = post.send_some(5)

    def answer(handed: Message) -> None:
        if handed == bad:
            raise MessageRefused("no such number")

    provider.answer = answer
    with working(post.engine, provider, attempts_max=3):
        wait_for(post, SENT=4, PARKED=1)
    assert post.get(bad).last_error == "no such number"
    assert post.errors(bad) == ["no such number"] * 3
    assert Counter(provider.handed) == {bad: 3, **dict.fromkeys(good, 1)}


def test_a_parked_message_is_delivered_when_a_person_tries_it_again(post: Post, provider: StandIn) -> None:
    (sent,) = post.send(message())
    provider.fail_with(MessageRefused("no such number"))
    with working(post.engine, provider, attempts_max=2) as pool:
        wait_for(post, PARKED=1)
        provider.come_back()
        assert post.retry(sent).state is State.PENDING
        pool.wake()
        wait_for(post, SENT=1)
    assert post.errors(sent) == ["no such number", "no such number", ""]
    assert post.get(sent).last_error == ""


def test_a_message_that_is_tried_again_by_hand_has_all_its_attempts_before_it(post: Post, provider: StandIn) -> None:
    (sent,) = post.send(message())
    provider.fail_with(MessageRefused("no such number"))
    with working(post.engine, provider, attempts_max=2):
        wait_for(post, PARKED=1)
        post.retry(sent)
        wait_until(lambda: len(provider.handed) == 4, "two more attempts", 60)
        wait_for(post, PARKED=1)


def test_staff_do_not_read_what_an_unforeseen_error_says_of_our_inside(post: Post, provider: StandIn) -> None:
    (sent,) = post.send(message())
    provider.fail_with(ValueError("password=hunter2"))
    with working(post.engine, provider, attempts_max=1):
        wait_for(post, PARKED=1)
    assert post.errors(sent) == [post.get(sent).last_error] == ["something went wrong on our side"]
    assert post.rows("SELECT last_error FROM jobs") == [("ValueError: password=hunter2",)]


def test_an_outage_of_the_provider_costs_time_and_parks_nothing(post: Post, provider: StandIn) -> None:
    sent = post.send_some(3)
    provider.fail_with(Unavailable("the provider is away"))
    with working(post.engine, provider, attempts_max=1):
        wait_until(lambda: len(provider.handed) > 5, "some failures", 60)
        assert "PARKED" not in post.states()
        provider.come_back()
        wait_for(post, SENT=3)
    for each in sent:
        assert post.errors(each) in (["the provider is away", ""], [""])
    assert sorted(each.dedupe_key for each in provider.accepted) == sorted(each.dedupe_key for each in sent)


def test_a_dead_workers_messages_are_taken_over_with_the_same_key_and_its_attempts_stay_visible(
    post: Post, provider: StandIn
) -> None:
    sent = post.send_some(5)
    claimed = die_at_work(post, sent)
    with working(post.engine, provider):
        wait_for(post, SENT=5)
    assert sorted(each.dedupe_key for each in provider.handed) == sorted(each.dedupe_key for each in sent)
    assert [post.errors(each) for each in sent] == [[None, ""]] * 5
    with db.transaction(post.engine) as tx:  # it comes back from the dead
        assert jobs.finish(tx, claimed, "dead") == set()


def test_a_message_that_kills_every_worker_is_parked(post: Post, provider: StandIn) -> None:
    sent = post.send_some(1)
    for _ in range(2):
        die_at_work(post, sent)
    with working(post.engine, provider, attempts_max=2):
        wait_for(post, PARKED=1)
    assert provider.handed == []
    reason = "every attempt ended without a result"
    assert post.get(sent[0]).last_error == reason
    assert post.errors(sent[0]) == [None, None, reason]


def test_a_message_whose_attempt_cannot_even_begin_is_parked_and_holds_up_nobody(
    post: Post, provider: StandIn, owner_engine: Engine
) -> None:
    bad, *_ = post.send_some(4)
    with unable_to_start(owner_engine, bad), working(post.engine, provider, attempts_max=2):
        wait_for(post, SENT=3, PARKED=1)
    assert post.errors(bad) == []
    assert post.get(bad).last_error == "something went wrong on our side"
    post.retry(bad)
    with working(post.engine, provider):
        wait_for(post, SENT=4)
    assert post.errors(bad) == [""]


def test_two_pools_deliver_every_message_exactly_once(post: Post, provider: StandIn) -> None:
    sent = post.send_some(500)
    second = db.engine(post.url, schema="notification", name="second", pool_size=5)
    with working(post.engine, provider), working(second, provider):
        wait_for(post, SENT=500)
    second.dispose()
    assert Counter(provider.handed) == dict.fromkeys(sent, 1)
    assert post.rows("SELECT count(*), max(number) FROM delivery_attempts") == [(500, 1)]


def test_a_stopped_pool_leaves_no_message_in_its_hands(post: Post, provider: StandIn) -> None:
    post.send_some(40)
    begun, go_on = threading.Event(), threading.Event()

    def answer(_: Message) -> None:
        begun.set()
        assert go_on.wait(30)

    provider.answer = answer
    with working(post.engine, provider, size=2) as pool:
        assert begun.wait(30)
        pool.drain()
        go_on.set()
    assert set(post.states()) <= {"PENDING", "SENT"}
    assert post.states()["SENT"] == len(provider.accepted) == len(provider.handed)


def test_a_message_that_the_provider_still_has_when_the_process_must_end_is_given_back(
    post: Post, provider: StandIn
) -> None:
    (sent,) = post.send(message())
    begun, go_on = threading.Event(), threading.Event()

    def answer(_: Message) -> None:
        begun.set()
        assert go_on.wait(60)

    provider.answer = answer
    with working(post.engine, provider) as pool:
        assert begun.wait(30)
        pool.stop(grace_s=0)
        assert post.get(sent).state is State.PENDING
        assert post.errors(sent) == ["the process stopped before the provider answered"]
        go_on.set()
    provider.come_back()
    with working(post.engine, provider, attempts_max=1):
        wait_for(post, SENT=1)
