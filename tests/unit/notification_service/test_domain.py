"""What messages say, to whom they may go, and where listings go on."""

import base64
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from chassis.personal import Personal, Recipient
from notification_service.domain import (
    TEMPLATES,
    VALUE_MOST,
    Channel,
    Message,
    NoticePlace,
    State,
    notices_token,
    page_token,
    read_notices_token,
    read_page_token,
    rendered,
)

PHONE = "+14155550123"
AGENT = "agent:3"
VALUES = {
    "customer_name": "Ada Lovelace",
    "loan_amount": "5000.50",
    "currency_code": "USD",
    "loan_type": "AUTO",
    "agent_name": "Grace Hopper",
    "reasons": "Your income does not suffice for this amount. Your credit history does not suffice.",
}
TO_CUSTOMERS = {"customer_name", "loan_amount", "currency_code"}
NEEDED = {
    "LOAN_APPROVED": (Channel.SMS, TO_CUSTOMERS),
    "LOAN_REJECTED": (Channel.SMS, {*TO_CUSTOMERS, "reasons"}),
    "LOAN_WITHDRAWN": (Channel.SMS, TO_CUSTOMERS),
    "LOAN_EXPIRED": (Channel.SMS, TO_CUSTOMERS),
    "LOAN_ASSIGNED": (Channel.PUSH, {*TO_CUSTOMERS, "loan_type"}),
    "LOAN_ASSIGNED_TO_REPORT": (Channel.PUSH, {*TO_CUSTOMERS, "loan_type", "agent_name"}),
    "LOAN_COVERED": (Channel.PUSH, {*TO_CUSTOMERS, "loan_type", "agent_name"}),
    "LOAN_ESCALATED": (Channel.PUSH, {*TO_CUSTOMERS, "loan_type"}),
    "LOAN_ESCALATED_TO_MANAGER": (Channel.PUSH, {*TO_CUSTOMERS, "loan_type", "agent_name"}),
}
RECIPIENTS = {Channel.SMS: PHONE, Channel.PUSH: AGENT}


def violated(*arguments: object) -> list[str]:
    """The fields that a message breaks rules in."""
    with pytest.raises(InvalidArgument) as refused:
        rendered(*arguments)  # type: ignore[arg-type]  # whatever the test gives
    return [violation.field for violation in refused.value.violations]


def test_every_template_is_known_with_its_channel_and_the_values_it_needs() -> None:
    assert {name: (each.channel, set(each.places)) for name, each in TEMPLATES.items()} == NEEDED


@pytest.mark.parametrize(("template", "channel"), [(name, channel) for name, (channel, _) in NEEDED.items()])
def test_a_text_holds_every_value_it_needs_and_no_place_is_left(template: str, channel: Channel) -> None:
    text = rendered(template, channel, RECIPIENTS[channel], VALUES)
    assert all(VALUES[name] in text for name in NEEDED[template][1])
    assert "{" not in text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("LOAN_APPROVED", "Dear Ada Lovelace, your loan of 5000.50 USD is approved."),
        (
            "LOAN_REJECTED",
            "Dear Ada Lovelace, we are sorry: we cannot grant your loan of 5000.50 USD. Your income does not suffice "
            "for this amount. Your credit history does not suffice.",
        ),
        (
            "LOAN_ASSIGNED_TO_REPORT",
            "Ada Lovelace waits for the decision of Grace Hopper: AUTO loan of 5000.50 USD.",
        ),
        (
            "LOAN_COVERED",
            "Ada Lovelace waits for your decision on behalf of Grace Hopper: AUTO loan of 5000.50 USD.",
        ),
        ("LOAN_ESCALATED", "Ada Lovelace waited too long: AUTO loan of 5000.50 USD went to a manager above you."),
        (
            "LOAN_ESCALATED_TO_MANAGER",
            "Ada Lovelace waited too long for Grace Hopper and waits for your decision: AUTO loan of 5000.50 USD.",
        ),
    ],
)
def test_texts_read_as_sentences(template: str, text: str) -> None:
    channel, _ = NEEDED[template]
    assert rendered(template, channel, RECIPIENTS[channel], VALUES) == text


def test_values_are_never_read_as_templates() -> None:
    odd = {**VALUES, "customer_name": "{loan_amount} {0} {x.__class__} %s"}
    assert rendered("LOAN_APPROVED", Channel.SMS, PHONE, odd).startswith("Dear {loan_amount} {0} {x.__class__} %s,")


def test_values_that_no_place_needs_are_left_out() -> None:
    odd = {**VALUES, "unneeded": "a\x00b" * 1_000}
    assert rendered("LOAN_APPROVED", Channel.SMS, PHONE, odd) == rendered("LOAN_APPROVED", Channel.SMS, PHONE, VALUES)


def test_an_unknown_template_is_refused() -> None:
    assert violated("LOAN_FORGOTTEN", Channel.SMS, PHONE, VALUES) == ["template"]


def test_every_missing_value_is_named() -> None:
    assert violated("LOAN_ASSIGNED", Channel.PUSH, AGENT, {"loan_type": "HOME", "customer_name": ""}) == [
        "values.currency_code",
        "values.customer_name",
        "values.loan_amount",
    ]


@pytest.mark.parametrize("value", ["a\x00b", "a\nb", "\x7f", "a" * (VALUE_MOST + 1)])
def test_a_value_that_cannot_be_stored_or_shown_is_refused(value: str) -> None:
    assert violated("LOAN_APPROVED", Channel.SMS, PHONE, {**VALUES, "customer_name": value}) == ["values.customer_name"]


def test_a_value_may_be_as_long_as_allowed() -> None:
    assert "a" * VALUE_MOST in rendered("LOAN_APPROVED", Channel.SMS, PHONE, {**VALUES, "customer_name": "a" * 400})


def test_a_template_travels_its_own_way_only() -> None:
    assert violated("LOAN_APPROVED", Channel.PUSH, AGENT, VALUES) == ["channel"]


@pytest.mark.parametrize(
    ("template", "recipient"),
    [
        ("LOAN_APPROVED", AGENT),
        ("LOAN_APPROVED", "+0123456789"),
        ("LOAN_APPROVED", f"{PHONE}\n"),
        ("LOAN_ASSIGNED", PHONE),
        ("LOAN_ASSIGNED", "agent:0"),
    ],
)
def test_a_recipient_must_be_reached_by_the_channel(template: str, recipient: str) -> None:
    assert violated(template, TEMPLATES[template].channel, recipient, VALUES) == ["recipient"]


@given(st.uuids(), st.none() | st.uuids(), st.text(), st.none() | st.sampled_from(State))
def test_a_token_reads_back_as_the_place_it_was_made_of(
    after: UUID, loan_id: UUID | None, recipient: str, state: State | None
) -> None:
    filters = (loan_id, recipient, state)
    assert read_page_token(page_token(after, *filters), *filters) == after


@pytest.mark.parametrize("others", [(None, "", State.SENT), (None, PHONE, None), (uuid4(), "", None)])
def test_a_token_of_other_filters_is_refused(others: tuple[object, ...]) -> None:
    token = page_token(uuid4(), None, "", None)
    with pytest.raises(InvalidArgument, match="page_token: does not belong to this listing"):
        read_page_token(token, *others)


TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))


@given(TIMES, st.uuids(), st.none() | st.booleans())
def test_a_token_of_notices_reads_back_as_the_place_it_was_made_of(
    due_at: datetime, notification_id: UUID, overdue: bool | None
) -> None:
    place = NoticePlace(due_at, notification_id)
    assert read_notices_token(notices_token(place, overdue), overdue) == place


@pytest.mark.parametrize("overdue", [None, True, False])
def test_a_token_of_notices_goes_on_only_where_it_was_made(overdue: bool | None) -> None:
    token = notices_token(NoticePlace(datetime(2026, 1, 31, tzinfo=UTC), uuid4()), overdue)
    for other in {None, True, False} - {overdue}:
        with pytest.raises(InvalidArgument, match="page_token: does not belong to this listing"):
            read_notices_token(token, other)
    with pytest.raises(InvalidArgument):
        read_page_token(token, None, "", None)
    with pytest.raises(InvalidArgument):
        read_notices_token(page_token(uuid4(), "notices", overdue), overdue)


def test_a_token_of_notices_with_a_time_of_no_calendar_is_refused() -> None:
    sound = notices_token(NoticePlace(datetime(2026, 1, 31, tzinfo=UTC), UUID(int=0)), None)
    forged = b"\x7f" * 8 + base64.urlsafe_b64decode(sound + "=" * (-len(sound) % 4))[8:]
    with pytest.raises(InvalidArgument, match="page_token"):
        read_notices_token(base64.urlsafe_b64encode(forged).decode().rstrip("="), None)


def test_a_message_without_a_due_time_has_no_place_among_notices() -> None:
    message = Message(uuid4(), "key", uuid4(), Channel.SMS, Recipient(PHONE), "LOAN_APPROVED", Personal("body"))
    with pytest.raises(ValueError, match="is no notice"):
        _ = message.place


@pytest.mark.parametrize("token", ["x", "!!!", "é", "\x00", "A" * 32, "A" * 33, "A" * 200])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument, match="page_token"):
        read_page_token(token, None, "", None)
    with pytest.raises(InvalidArgument, match="page_token"):
        read_notices_token(token, None)
