"""Notices: messages that must be sent by a certain time, those that are late, and the proof of those that were not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import code_pb2
from sqlalchemy import Connection, Engine, text

from chassis import db
from chassis.metrics.stored import Stored
from los.notification.v1 import notification_pb2, notification_pb2_grpc
from notification_service import bootstrap, store
from notification_service.domain import Message, NoticePlace
from tests.integration.notification_service.post import Post, StandIn, message, wait_for, working
from tests.integration.notification_service.test_servicer import INVALID, form, refusal, request_of, said
from tests.integration.serving import serving
from tests.scraping import Stand

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=400)
FAR = NOW + timedelta(days=400)


@pytest.fixture
def channel(post: Post) -> Iterator[grpc.Channel]:
    """The whole service, wired as the process wires it, but for its pool."""
    with serving(partial(bootstrap._register, engine=post.engine, pools=[])) as channel:
        yield channel


@pytest.fixture
def service(channel: grpc.Channel) -> Any:
    return notification_pb2_grpc.NotificationServiceStub(channel)


@pytest.fixture
def internal(channel: grpc.Channel) -> Any:
    return notification_pb2_grpc.NotificationInternalServiceStub(channel)


def notice(due_at: datetime) -> Message:
    return message(template="LOAN_REJECTED", due_at=due_at)


def deliver(post: Post, provider: StandIn, *messages: Message) -> list[Message]:
    """Send messages and wait until they have arrived."""
    sent = post.send(*messages)
    before = post.states().get("SENT", 0)
    with working(post.engine, provider):
        wait_for(post, SENT=before + len(sent))
    return sent


def listed(post: Post, overdue: bool | None = None, after: NoticePlace | None = None, size: int = 100) -> list[Message]:
    with db.transaction(post.engine) as tx:
        found = store.list_notices(tx, overdue=overdue, after=after, size=size)
    return [notification.message for notification in found]


def test_notices_are_listed_by_the_time_at_which_they_are_due_and_other_messages_are_not(post: Post) -> None:
    later, sooner, _ = post.send(notice(FAR), notice(LONG_AGO), message())
    assert listed(post) == [sooner, later]


def test_only_a_notice_that_is_not_sent_although_its_time_has_passed_is_overdue(post: Post, provider: StandIn) -> None:
    in_time, late_but_sent = deliver(post, provider, notice(FAR), notice(LONG_AGO))
    parked, pending, waiting = post.send(
        notice(LONG_AGO + timedelta(seconds=1)), notice(LONG_AGO + timedelta(seconds=2)), notice(FAR)
    )
    post.park(parked)
    assert listed(post, overdue=True) == [parked, pending]
    assert listed(post, overdue=False) == [late_but_sent, in_time, waiting]
    assert listed(post) == [late_but_sent, parked, pending, in_time, waiting]


def test_a_walk_neither_repeats_nor_skips_although_many_are_due_at_once_and_others_arrive(post: Post) -> None:
    there = post.send(*(notice(LONG_AGO + timedelta(days=number // 4)) for number in range(12)))
    walked: list[Message] = []
    after = None
    while page := listed(post, overdue=True, after=after, size=3):
        post.send(notice(LONG_AGO - timedelta(days=1)), notice(FAR))
        after = page[-1].place
        walked += page
    assert walked == sorted(there, key=lambda each: (each.due_at, each.notification_id))


def test_the_time_and_the_proof_are_answered(service: Any, internal: Any, post: Post, provider: StandIn) -> None:
    due_at = Timestamp(seconds=int(FAR.timestamp()), nanos=123_000_000)
    values = {**form().values, "reasons": "Your income does not suffice for this amount."}
    sent = form(template="LOAN_REJECTED", values=values, due_at=due_at)
    (verdict,) = internal.SendNotification(request_of(sent)).verdicts
    assert verdict.code == code_pb2.OK
    (listed,) = service.ListNotices(notification_pb2.ListNoticesRequest(overdue=False)).notices
    assert listed.due_at == due_at
    assert not listed.HasField("sent_at")
    with working(post.engine, provider):
        wait_for(post, SENT=1)
    (listed,) = service.ListNotices(notification_pb2.ListNoticesRequest()).notices
    assert listed.due_at == due_at
    assert listed.HasField("sent_at")
    assert listed.body.endswith("Your income does not suffice for this amount.")
    (same,) = service.ListNotifications(notification_pb2.ListNotificationsRequest(loan_id=sent.loan_id)).notifications
    assert same == listed


def test_a_message_that_is_no_notice_has_no_due_time(service: Any, internal: Any) -> None:
    sent = form()
    internal.SendNotification(request_of(sent))
    (listed,) = service.ListNotifications(notification_pb2.ListNotificationsRequest(loan_id=sent.loan_id)).notifications
    assert not listed.HasField("due_at")
    assert list(service.ListNotices(notification_pb2.ListNoticesRequest()).notices) == []


def test_a_repeated_notice_keeps_its_first_time(internal: Any, post: Post) -> None:
    sent = form(due_at=Timestamp(seconds=1))
    internal.SendNotification(request_of(sent))
    sent.due_at.seconds = 2
    internal.SendNotification(request_of(sent))
    assert post.rows("SELECT due_at FROM notifications") == [(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),)]


@pytest.mark.parametrize("stamp", [{"seconds": 2**62}, {"seconds": -(2**62)}, {"nanos": -1}, {"nanos": 2**31 - 1}])
def test_a_due_time_that_no_calendar_has_is_refused_alone(internal: Any, post: Post, stamp: dict[str, int]) -> None:
    verdicts = internal.SendNotification(request_of(form(due_at=Timestamp(**stamp)), form())).verdicts
    assert [verdict.code for verdict in verdicts] == [code_pb2.INVALID_ARGUMENT, code_pb2.OK]
    assert said(verdicts[0]) == ("INVALID_ARGUMENT", ["due_at"])
    assert post.states() == {"PENDING": 1}


@pytest.mark.parametrize("overdue", [None, True])
def test_a_token_walks_the_notices_to_their_end(service: Any, post: Post, overdue: bool | None) -> None:
    there = post.send(*(notice(LONG_AGO) for _ in range(5)), notice(LONG_AGO - timedelta(days=1)))
    walked: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        page = service.ListNotices(notification_pb2.ListNoticesRequest(overdue=overdue, size=2, page_token=token))
        walked += [notification.notification_id for notification in page.notices]
        token, pages = page.next_page_token, pages + 1
    assert walked == [str(each.notification_id) for each in (there[5], *there[:5])]
    assert pages == 3


def test_a_page_holds_ten_notices_unless_told_otherwise(service: Any, post: Post) -> None:
    post.send(*(notice(FAR) for _ in range(11)))
    page = service.ListNotices(notification_pb2.ListNoticesRequest())
    assert len(page.notices) == 10
    assert page.next_page_token


def test_a_token_of_another_filter_or_listing_is_refused(service: Any, post: Post) -> None:
    post.send(notice(LONG_AGO), notice(LONG_AGO))
    token = service.ListNotices(notification_pb2.ListNoticesRequest(overdue=True, size=1)).next_page_token
    other = service.ListNotifications(notification_pb2.ListNotificationsRequest(size=1)).next_page_token
    for request in (
        notification_pb2.ListNoticesRequest(page_token=token),
        notification_pb2.ListNoticesRequest(page_token=token, overdue=False),
        notification_pb2.ListNoticesRequest(page_token=other),
    ):
        assert refusal(service.ListNotices, request) == (*INVALID, ["page_token"])
    notices = notification_pb2.ListNotificationsRequest(page_token=token)
    assert refusal(service.ListNotifications, notices) == (*INVALID, ["page_token"])


@pytest.mark.parametrize(("fields", "violated"), [({"size": 0}, "size"), ({"size": 101}, "size")])
def test_a_page_of_impossible_size_is_refused(service: Any, fields: dict[str, Any], violated: str) -> None:
    assert refusal(service.ListNotices, notification_pb2.ListNoticesRequest(**fields)) == (*INVALID, [violated])


def told(post: Post) -> dict[str, float]:
    """How many notices are not sent, as it is told now."""
    stand = Stand([Stored(post.engine, bootstrap.figures)])
    try:
        return dict(stand.scrape().by("notices_unsent", "due"))
    finally:
        stand.close()


def test_notices_that_were_not_sent_are_told_by_when_they_are_due(post: Post, provider: StandIn) -> None:
    assert told(post) == {"overdue": 0, "within_3_days": 0, "later": 0}
    deliver(post, provider, notice(LONG_AGO), notice(FAR), message())
    soon = [notice(NOW + timedelta(days=2)), notice(NOW + timedelta(days=1))]
    late, *_ = post.send(notice(LONG_AGO), *soon, notice(FAR), notice(FAR), notice(FAR), message())
    post.park(late)
    assert told(post) == {"overdue": 1, "within_3_days": 2, "later": 3}
    with db.transaction(post.engine) as tx:
        assert store.count_unsent_notices(tx, 2) == {"overdue": 1, "within_3_days": 2, "later": 2}


# Of 20,000 messages every other one is a notice; the time of most of these has passed, and only 50 are not sent.
FILL = text("""
INSERT INTO notifications (notification_id, dedupe_key, loan_id, channel, recipient, template, body, state,
                           attempt_count, sent_at, due_at)
SELECT gen_random_uuid(), number, gen_random_uuid(), 'SMS', '+1' || 2012000000 + number, 'LOAN_REJECTED', 'body',
       state, 1, CASE state WHEN 'SENT' THEN now() END,
       CASE number % 2 WHEN 0 THEN now() + make_interval(secs => number - 18000) END
FROM generate_series(1, 20000) AS number, LATERAL (SELECT CASE number % 400 WHEN 0 THEN 'PENDING' ELSE 'SENT' END)
     AS chosen (state)
""")


@pytest.fixture(scope="module")
def crowded(owner_engine: Engine) -> Iterator[Connection]:
    """The table with many rows in it, until the transaction is rolled back."""
    with owner_engine.connect() as tx:
        tx.execute(text("SET search_path TO notification"))
        tx.execute(FILL)
        tx.execute(text("ANALYZE notifications"))
        yield tx


def plan_of(tx: Connection, statement: object, values: dict[str, Any]) -> str:
    return "\n".join(tx.scalars(text(f"EXPLAIN {statement}"), values))


@pytest.mark.parametrize(
    ("overdue", "index"),
    [(None, "notifications_due_index"), (False, "notifications_due_index"), (True, "notifications_unsent_due_index")],
)
@pytest.mark.parametrize("place", [{}, {"due_at": NOW, "after": message().notification_id}])
def test_an_index_serves_the_order_of_notices_so_that_depth_costs_nothing(
    crowded: Connection, overdue: bool | None, index: str, place: dict[str, Any]
) -> None:
    plan = plan_of(crowded, store.notices(overdue, *place), {**place, "size": 11})
    assert f"Index Scan using {index} on notifications" in plan


def test_counting_unsent_notices_reads_their_index_only(crowded: Connection) -> None:
    plan = plan_of(crowded, store.COUNT_NOTICES, {"most": 100_000})
    assert "notifications_unsent_due_index" in plan
    assert "Seq Scan on notifications" not in plan
