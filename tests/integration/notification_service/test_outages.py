"""Providers that are away: nothing is lost or parked, no other channel waits, and the history stays readable."""

import threading
from collections.abc import Callable
from functools import partial

import pytest

from chassis.errors import DeadlineExceeded, ServiceError, Unavailable
from deploy.processes import wait_until
from notification_service.clients import MessageRefused
from notification_service.domain import Channel, Message, State
from tests.integration.notification_service.post import Post, StandIn, message, wait_for, working

AWAY = Unavailable("the provider is away")


def push() -> Message:
    return message(channel=Channel.PUSH, recipient="agent:7", template="LOAN_ASSIGNED")


def unreachable(channel: Channel, back: threading.Event) -> Callable[[Message], None]:
    """A provider of one channel that is away until it is back."""

    def answer(handed: Message) -> None:
        if handed.channel is channel and not back.is_set():
            raise AWAY

    return answer


@pytest.mark.parametrize("failure", [AWAY, DeadlineExceeded("the provider is away")])
def test_an_outage_is_one_attempt_however_often_the_provider_was_asked(
    post: Post, provider: StandIn, failure: ServiceError
) -> None:
    (sent,) = post.send(message())
    provider.fail_with(failure)
    with working(post.engine, provider, attempts_max=1):
        wait_until(lambda: len(provider.handed) >= 4, "some failures", 60)
        assert post.get(sent).state in {State.PENDING, State.SENDING}
        provider.come_back()
        wait_for(post, SENT=1)
    assert post.errors(sent) == ["the provider is away", ""]
    outage, delivery = post.get(sent).attempts
    assert outage.finished_at is not None
    assert outage.started_at < outage.finished_at <= delivery.started_at
    assert provider.accepted == [sent]


def test_a_second_outage_after_a_refusal_is_an_attempt_of_its_own(post: Post, provider: StandIn) -> None:
    def has_handed(count: int) -> bool:
        return len(provider.handed) >= count

    (sent,) = post.send(message())
    with working(post.engine, provider):
        for failure in (AWAY, MessageRefused("no such number"), AWAY):
            enough = len(provider.handed) + 2
            provider.fail_with(failure)
            wait_until(partial(post.hastened, partial(has_handed, enough)), "two attempts", 60)
        provider.come_back()
        wait_for(post, SENT=1)
    errors = post.errors(sent)
    away = [number for number, error in enumerate(errors) if error == "the provider is away"]
    assert len(away) == 2
    assert set(errors[away[0] + 1 : away[1]]) == {"no such number"}


def test_the_end_of_an_outage_leaves_the_attempt_of_a_dead_process_alone(post: Post, provider: StandIn) -> None:
    (sent,) = post.send(message())
    provider.fail_with(AWAY)
    with working(post.engine, provider):
        wait_until(lambda: "the provider is away" in post.errors(sent), "a failure", 60)
    post.rows("UPDATE jobs SET state = 'LEASED', worker = 'dead', lease_until = now() RETURNING 1")
    post.start(sent)
    with working(post.engine, provider):
        wait_until(lambda: post.errors(sent)[-1] == "the provider is away" and len(post.errors(sent)) > 2, "more", 60)
        provider.come_back()
        wait_for(post, SENT=1)
    assert post.errors(sent) == ["the provider is away", None, "the provider is away", ""]


@pytest.mark.parametrize("channel", Channel)
def test_an_outage_of_one_channel_leaves_the_other_alone(post: Post, provider: StandIn, channel: Channel) -> None:
    post.send(*(make() for make in (message, push) for _ in range(20)))
    back = threading.Event()
    provider.answer = unreachable(channel, back)
    with working(post.engine, provider, size=1):
        wait_until(lambda: post.states().get("SENT") == 20, "the others", 60)
        assert channel not in {accepted.channel for accepted in provider.accepted}
        post.send(push(), message())
        wait_until(lambda: post.states().get("SENT") == 21, "one more during the outage", 60)
        back.set()
        wait_for(post, SENT=42)
    assert len(provider.accepted) == 42


def test_once_the_provider_is_away_the_rest_of_a_share_is_not_handed_over(post: Post, provider: StandIn) -> None:
    post.send_some(200)
    first = threading.Event()
    asked = 0

    def answer(_: Message) -> None:
        nonlocal asked
        if first.is_set():
            asked += 1
            raise AWAY

    provider.answer = answer
    with working(post.engine, provider, size=1, batch_size=200):
        wait_for(post, SENT=200)  # a pace at which much is claimed ahead
        first.set()
        post.send_some(200)
        wait_until(lambda: asked >= 3, "some failures", 60)
        assert asked < 20
        first.clear()
        wait_for(post, SENT=400)


@pytest.mark.parametrize("said", ["a\x00b\nc", "\ud800", "x" * 5000, ""])
def test_whatever_a_provider_says_can_be_stored(post: Post, provider: StandIn, said: str) -> None:
    (sent,) = post.send(message())
    provider.fail_with(MessageRefused(said))
    with working(post.engine, provider, attempts_max=1):
        wait_until(lambda: post.get(sent).state is State.PARKED, "the parking", 20)
    assert 0 < len(post.get(sent).last_error) <= 500
    assert len(provider.handed) == 1


def test_a_backlog_is_delivered_in_sets(post: Post, provider: StandIn, statements: list[str]) -> None:
    post.send_some(2000)
    statements.clear()
    with working(post.engine, provider, batch_size=200):
        wait_for(post, SENT=2000)
        seen = [statement for statement in statements if "delivery_attempts" in statement]
    assert len(seen) < 2000 / 10
