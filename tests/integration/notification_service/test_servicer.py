"""The notification service over gRPC: a verdict for each message, codes, reasons and violations."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import grpc
import grpc_testing
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from sqlalchemy import Engine, text

from los.notification.v1 import notification_pb2, notification_pb2_grpc
from notification_service import bootstrap
from notification_service.clients import MessageRefused
from notification_service.domain import Channel
from notification_service.servicer import NotificationInternalServicer
from tests.integration.notification_service.post import Post, StandIn, message, wait_for, working
from tests.integration.serving import serving

Code = grpc.StatusCode
Form = notification_pb2.SendNotificationRequest.Message
INVALID = (Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
UNKNOWN = str(uuid4())
PHONE = "+14155550123"
AGENT: dict[str, Any] = {"channel": Channel.PUSH, "recipient": "agent:7"}


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


def form(**fields: Any) -> Form:
    standard: dict[str, Any] = {
        "dedupe_key": f"sms:{uuid4()}",
        "loan_id": str(uuid4()),
        "channel": "SMS",
        "recipient": PHONE,
        "template": "LOAN_APPROVED",
        "values": {"customer_name": "Ada Lovelace", "loan_amount": "5000.50", "currency_code": "USD"},
    }
    return Form(**{**standard, **fields})


def request_of(*forms: Form) -> notification_pb2.SendNotificationRequest:
    return notification_pb2.SendNotificationRequest(messages=forms)


def said(status: status_pb2.Status) -> tuple[str, list[str]]:
    """The reason and the violated fields in a status."""
    reason, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        _ = detail.Unpack(reason) or detail.Unpack(bad)
    assert reason.domain == "los.notification.v1"
    return reason.reason, [violation.field for violation in bad.field_violations]


def refusal(call: Any, request: Any) -> tuple[Code, str, list[str]]:
    """The code, reason and violated fields that a call is refused with."""
    with pytest.raises(grpc.RpcError) as raised:
        call(request, timeout=30)
    status = rpc_status.from_call(raised.value)  # type: ignore[arg-type]  # it is the call
    assert status is not None
    return raised.value.code(), *said(status)


def keys(post: Post) -> list[str]:
    return [key for (key,) in post.rows("SELECT dedupe_key FROM notifications ORDER BY dedupe_key")]


def test_a_message_that_is_accepted_can_be_listed(service: Any, internal: Any) -> None:
    sent = form()
    (verdict,) = internal.SendNotification(request_of(sent)).verdicts
    assert verdict.code == code_pb2.OK
    (listed,) = service.ListNotifications(notification_pb2.ListNotificationsRequest(loan_id=sent.loan_id)).notifications
    assert (listed.loan_id, listed.channel, listed.recipient) == (sent.loan_id, sent.channel, sent.recipient)
    assert (listed.template, listed.state) == (sent.template, notification_pb2.Notification.PENDING)
    assert listed.body == "Dear Ada Lovelace, your loan of 5000.50 USD is approved."
    assert listed.HasField("created_at")
    assert not listed.HasField("sent_at")
    assert (list(listed.attempts), listed.last_error) == ([], "")


def test_a_repeated_message_succeeds_and_is_not_sent_again(internal: Any, post: Post) -> None:
    sent = form()
    for request in (request_of(sent), request_of(sent, sent)):
        assert {verdict.code for verdict in internal.SendNotification(request).verdicts} == {code_pb2.OK}
    assert keys(post) == [sent.dedupe_key]


def test_every_message_has_its_own_verdict_in_order(internal: Any, post: Post) -> None:
    wrong: dict[str, Any] = {
        "dedupe_key": {"dedupe_key": ""},
        "loan_id": {"loan_id": "1"},
        "recipient": {"recipient": "agent:7"},
        "template": {"template": "LOAN_FORGOTTEN"},
        "values.customer_name": {"values": {"loan_amount": "1.00", "currency_code": "USD"}},
        "channel": {"channel": "PUSH"},
    }
    good = [form() for _ in wrong]
    mixed = [each for right, fields in zip(good, wrong.values(), strict=True) for each in (form(**fields), right)]
    verdicts = internal.SendNotification(request_of(*mixed)).verdicts
    assert [verdict.code for verdict in verdicts] == [code_pb2.INVALID_ARGUMENT, code_pb2.OK] * len(wrong)
    assert [said(verdict) for verdict in verdicts[::2]] == [("INVALID_ARGUMENT", [field]) for field in wrong]
    assert keys(post) == sorted(each.dedupe_key for each in good)


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "\u00e4", "a\x00", "a\n"])
def test_a_key_that_is_none_is_refused(internal: Any, key: str) -> None:
    (verdict,) = internal.SendNotification(request_of(form(dedupe_key=key))).verdicts
    assert said(verdict) == ("INVALID_ARGUMENT", ["dedupe_key"])


@pytest.mark.parametrize("count", [0, 1001])
def test_a_request_of_impossible_size_is_refused(internal: Any, post: Post, count: int) -> None:
    assert refusal(internal.SendNotification, request_of(*[form()] * count)) == (*INVALID, ["messages"])
    assert keys(post) == []


def test_a_request_of_the_largest_size_is_accepted(internal: Any, post: Post) -> None:
    verdicts = internal.SendNotification(request_of(*(form() for _ in range(1000)))).verdicts
    assert {verdict.code for verdict in verdicts} == {code_pb2.OK}
    assert len(keys(post)) == 1000


def test_a_message_that_only_the_database_refuses_takes_no_other_with_it(
    internal: Any, post: Post, owner_engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    forbid = "ALTER TABLE notification.notifications ADD CONSTRAINT forbidden CHECK (dedupe_key <> 'forbidden')"
    with owner_engine.begin() as tx:
        tx.execute(text(forbid))
    try:
        forms = [form(), form(dedupe_key="forbidden"), form()]
        verdicts = internal.SendNotification(request_of(*forms)).verdicts
    finally:
        with owner_engine.begin() as tx:
            tx.execute(text("ALTER TABLE notification.notifications DROP CONSTRAINT forbidden"))
    assert [verdict.code for verdict in verdicts] == [code_pb2.OK, code_pb2.INTERNAL, code_pb2.OK]
    assert "forbidden" not in verdicts[1].message
    assert keys(post) == sorted([forms[0].dedupe_key, forms[2].dedupe_key])
    assert "one of many failed" in "".join(capfd.readouterr())


def test_a_listing_shows_every_attempt(service: Any, post: Post, provider: StandIn) -> None:
    (sent,) = post.send(message())
    provider.fail_with(MessageRefused("no such number"))
    with working(post.engine, provider, attempts_max=2):
        wait_for(post, PARKED=1)
        request = notification_pb2.ListNotificationsRequest(state="PARKED")
        (parked,) = service.ListNotifications(request).notifications
        assert (parked.notification_id, parked.last_error) == (str(sent.notification_id), "no such number")
        tried = [(attempt.number, attempt.error) for attempt in parked.attempts]
        assert tried == [(1, "no such number"), (2, "no such number")]
        assert all(attempt.HasField("started_at") and attempt.HasField("finished_at") for attempt in parked.attempts)
        provider.come_back()
        again = notification_pb2.RetryNotificationRequest(notification_id=parked.notification_id)
        assert service.RetryNotification(again).notification.state == notification_pb2.Notification.PENDING
        wait_for(post, SENT=1)
        delivered = service.RetryNotification(again).notification
    assert (delivered.state, len(delivered.attempts)) == (notification_pb2.Notification.SENT, 3)
    assert delivered.HasField("sent_at")


def test_a_token_walks_a_listing_to_its_end(service: Any, post: Post) -> None:
    there = post.send(*(message(**AGENT) for _ in range(6)), message())[:6]
    walked: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        request = notification_pb2.ListNotificationsRequest(recipient="agent:7", size=2, page_token=token)
        page = service.ListNotifications(request)
        walked += [notification.notification_id for notification in page.notifications]
        token, pages = page.next_page_token, pages + 1
    assert walked == [str(each.notification_id) for each in reversed(there)]
    assert pages == 3


def test_a_page_holds_ten_unless_told_otherwise(service: Any, post: Post) -> None:
    post.send_some(101)
    for size, count in ((None, 10), (1, 1), (100, 100)):
        page = service.ListNotifications(notification_pb2.ListNotificationsRequest(size=size))
        assert len(page.notifications) == count
        assert page.next_page_token


def test_a_token_of_another_listing_is_refused(service: Any, post: Post) -> None:
    post.send(message(**AGENT), message(**AGENT))
    request = notification_pb2.ListNotificationsRequest(recipient="agent:7", size=1)
    request.page_token = service.ListNotifications(request).next_page_token
    for changed in ({"recipient": ""}, {"state": "PENDING"}, {"loan_id": UNKNOWN}):
        other = notification_pb2.ListNotificationsRequest()
        other.CopyFrom(request)
        for name, value in changed.items():
            setattr(other, name, value)
        assert refusal(service.ListNotifications, other) == (*INVALID, ["page_token"])


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        ("RetryNotification", {"notification_id": UNKNOWN}, (Code.NOT_FOUND, "NOTIFICATION_NOT_FOUND", [])),
        ("RetryNotification", {"notification_id": "1"}, (*INVALID, ["notification_id"])),
        ("RetryNotification", {}, (*INVALID, ["notification_id"])),
        ("ListNotifications", {"loan_id": "1"}, (*INVALID, ["loan_id"])),
        ("ListNotifications", {"recipient": "x" * 65}, (*INVALID, ["recipient"])),
        ("ListNotifications", {"recipient": "a\x00"}, (*INVALID, ["recipient"])),
        ("ListNotifications", {"state": 77}, (*INVALID, ["state"])),
        ("ListNotifications", {"size": 0}, (*INVALID, ["size"])),
        ("ListNotifications", {"size": 101}, (*INVALID, ["size"])),
        ("ListNotifications", {"page_token": "x"}, (*INVALID, ["page_token"])),
        ("ListNotifications", {"size": -1, "loan_id": "1"}, (*INVALID, ["loan_id", "size"])),
    ],
)
def test_what_cannot_be_answered_is_refused_with_code_reason_and_field(
    service: Any, method: str, fields: dict[str, Any], expected: tuple[Code, str, list[str]]
) -> None:
    request = getattr(notification_pb2, f"{method}Request")(**fields)
    assert refusal(getattr(service, method), request) == expected


def test_the_internal_servicer_works_behind_a_testing_server_too(post: Post) -> None:
    woken: list[bool] = []
    descriptor = notification_pb2.DESCRIPTOR.services_by_name["NotificationInternalService"]
    server = grpc_testing.server_from_dictionary(
        {descriptor: NotificationInternalServicer(post.engine, lambda: woken.append(True))},
        grpc_testing.strict_real_time(),
    )
    sent = form()
    method = descriptor.methods_by_name["SendNotification"]
    answer, _, code, _ = server.invoke_unary_unary(method, (), request_of(sent), 60).termination()
    assert code is Code.OK
    assert [verdict.code for verdict in answer.verdicts] == [code_pb2.OK]
    assert keys(post) == [sent.dedupe_key]
    assert woken == [True]
