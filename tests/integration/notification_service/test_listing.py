"""Listings: filters, pages that neither repeat nor skip, one moment for a page, plans that stay cheap."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, text

from chassis import db
from notification_service import store
from notification_service.domain import Channel, Message, Notification, State
from tests.integration.notification_service.post import Post, message

ADA, ALAN = "+14155550123", "+14155550124"


def listing(post: Post, **filters: object) -> list[Notification]:
    given = {"loan_id": None, "recipient": "", "state": None, "before": None, "size": 100, **filters}
    with db.transaction(post.engine) as tx:
        return store.list_notifications(tx, **given)  # type: ignore[arg-type]  # as the test says


def listed(post: Post, **filters: object) -> list[Message]:
    return [notification.message for notification in listing(post, **filters)]


def test_the_newest_notification_comes_first(post: Post) -> None:
    sent = post.send_some(3)
    assert listed(post) == sent[::-1]
    assert listed(post, size=2) == [sent[2], sent[1]]


def test_filters_narrow_a_listing_alone_and_together(post: Post) -> None:
    to_ada, to_alan = post.send(message(recipient=ADA), message(recipient=ALAN))
    of_the_same_loan = message(loan_id=to_ada.loan_id, channel=Channel.PUSH, recipient="agent:7")
    again_to_ada = message(recipient=ADA)
    post.send(of_the_same_loan, again_to_ada)
    post.park(to_ada)
    post.park(to_alan)
    assert listed(post, loan_id=to_ada.loan_id) == [of_the_same_loan, to_ada]
    assert listed(post, recipient=ADA) == [again_to_ada, to_ada]
    assert listed(post, state=State.PARKED) == [to_alan, to_ada]
    assert listed(post, loan_id=to_ada.loan_id, recipient=ADA) == [to_ada]
    assert listed(post, loan_id=to_ada.loan_id, state=State.PENDING) == [of_the_same_loan]
    assert listed(post, recipient=ADA, state=State.PENDING) == [again_to_ada]
    assert listed(post, loan_id=to_ada.loan_id, recipient=ADA, state=State.PARKED) == [to_ada]
    assert listed(post, loan_id=to_ada.loan_id, recipient=ADA, state=State.SENT) == []


def walk(post: Post, **filters: object) -> Iterator[Message]:
    """Walk by the last notification of the page before, while two arrive on each page."""
    before = None
    while page := listed(post, size=3, before=before, **filters):
        post.send(message(recipient=ADA), message(recipient=ALAN))
        before = page[-1].notification_id
        yield from page


def test_a_walk_neither_repeats_nor_skips_while_others_arrive(post: Post) -> None:
    there = post.send(*(message(recipient=ADA if number % 3 else ALAN) for number in range(12)))
    assert list(walk(post)) == there[::-1]
    assert list(walk(post, recipient=ALAN))[-4:] == there[9::-3]


def test_a_page_with_all_its_attempts_is_one_statement_and_so_one_moment(post: Post, statements: list[str]) -> None:
    first, *_ = post.send_some(30)
    post.park(first)
    statements.clear()
    assert [len(notification.attempts) for notification in listing(post)] == [*[0] * 29, 1]
    assert len(statements) == 1


FILL = text("""
INSERT INTO notifications (notification_id, dedupe_key, loan_id, channel, recipient, template, body, state,
                           attempt_count, sent_at)
SELECT gen_random_uuid(), number, gen_random_uuid(), 'SMS', '+1' || 2012000000 + number, 'LOAN_APPROVED', 'body',
       'SENT', 1, now()
FROM generate_series(1, 20000) AS number
""")


@pytest.fixture(scope="module")
def crowded(owner_engine: Engine) -> Iterator[Connection]:
    """The table with many rows in it, until the transaction is rolled back."""
    with owner_engine.connect() as tx:
        tx.execute(text("SET search_path TO notification"))
        tx.execute(FILL)
        tx.execute(text("ANALYZE notifications"))
        yield tx


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "notifications_pkey"),
        ({"loan_id": UUID(int=1)}, "notifications_loan_index"),
        ({"recipient": ADA}, "notifications_recipient_index"),
        ({"state": "PARKED"}, "notifications_state_index"),
    ],
)
@pytest.mark.parametrize("before", [{}, {"before": UUID(int=2**128 - 1)}])
def test_an_index_serves_the_order_so_that_depth_costs_nothing(
    crowded: Connection, filters: dict[str, Any], index: str, before: dict[str, Any]
) -> None:
    given = {**filters, **before}
    plan = "\n".join(crowded.scalars(text(f"EXPLAIN {store.listing(*given)}"), {**given, "size": 11}))
    assert f"Index Scan Backward using {index} on notifications" in plan
