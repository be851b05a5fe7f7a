"""The rules of a loan application, without anything around them."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from chassis.personal import Name, Personal, Phone
from loan_service import domain
from loan_service.domain import (
    NEXT,
    Application,
    Authority,
    Change,
    CreditPolicy,
    Event,
    EventKind,
    Loan,
    LoanAlreadyFinal,
    LoanNotUnderReview,
    LoanType,
    Position,
    ReviewDecision,
    ReviewStep,
    Right,
    Status,
    StoredEvent,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
APPLICATION = Application(
    loan_id=UUID("0192f0c1-7d2b-7c3a-9a51-3f0f5a3b2c1d"),
    customer_name=Name("Ada Lovelace"),
    customer_phone=Phone("+14155550123"),
    loan_amount=Decimal("5000.50"),
    currency_code="USD",
    loan_type=LoanType.HOME,
    salt=bytes(16),
)
FINAL = [status for status in Status if status.is_final]


def loan_in(status: Status) -> Loan:
    decided_at = NOW if status.is_final else None
    return replace(domain.submitted(APPLICATION, NOW).loan, status=status, version=3, decided_at=decided_at)


@pytest.mark.parametrize(
    ("amount", "outcome", "reason"),
    [
        ("0.01", Status.APPROVED_BY_SYSTEM, "AMOUNT_BELOW_REVIEW_THRESHOLD"),
        ("9999.99", Status.APPROVED_BY_SYSTEM, "AMOUNT_BELOW_REVIEW_THRESHOLD"),
        ("10000.00", Status.UNDER_REVIEW, "AMOUNT_REQUIRES_REVIEW"),
        ("10000.01", Status.UNDER_REVIEW, "AMOUNT_REQUIRES_REVIEW"),
        ("500000.00", Status.UNDER_REVIEW, "AMOUNT_REQUIRES_REVIEW"),
        ("500000.01", Status.REJECTED_BY_SYSTEM, "AMOUNT_ABOVE_MAXIMUM"),
        ("10000000.00", Status.REJECTED_BY_SYSTEM, "AMOUNT_ABOVE_MAXIMUM"),
    ],
)
def test_the_amount_says_who_decides(amount: str, outcome: Status, reason: str) -> None:
    assert CreditPolicy().decide(Decimal(amount)) == (outcome, (reason,))


@given(one=st.decimals("0.01", "10000000", places=2), other=st.decimals("0.01", "10000000", places=2), drawn=st.data())
def test_every_amount_falls_into_exactly_one_band(one: Decimal, other: Decimal, drawn: st.DataObject) -> None:
    policy = CreditPolicy(min(one, other), max(one, other))
    amount = drawn.draw(st.decimals("0.01", "10000000", places=2))
    outcome, _ = policy.decide(amount)
    assert (outcome is Status.APPROVED_BY_SYSTEM) == (amount < policy.review_from)
    assert (outcome is Status.REJECTED_BY_SYSTEM) == (amount > policy.review_to)


def test_what_can_follow_nothing_is_final() -> None:
    assert {status for status in Status if not NEXT[status]} == {
        Status.APPROVED_BY_SYSTEM,
        Status.REJECTED_BY_SYSTEM,
        Status.APPROVED_BY_AGENT,
        Status.REJECTED_BY_AGENT,
        Status.WITHDRAWN,
        Status.EXPIRED,
    }


@pytest.mark.parametrize(("before", "after"), [(before, after) for before in Status for after in Status])
def test_only_steps_of_the_table_can_be_taken(before: Status, after: Status) -> None:
    loan = loan_in(before)
    if after not in NEXT[before]:
        with pytest.raises(ValueError, match=f"{before} is never followed by {after}"):
            domain.moved(loan, after, EventKind.DECIDED, now=NOW)
        return
    change = domain.moved(loan, after, EventKind.DECIDED, now=NOW, reason_codes=["WHY"])
    assert change.loan.status is after
    assert change.loan.version == loan.version + 1 == change.event.version
    assert change.loan.decided_at == (NOW if after.is_final else None)
    assert (change.event.from_status, change.event.to_status) == (before, after)
    assert change.loan.reason_codes == change.event.reason_codes == ("WHY",)


def test_an_assessment_that_ended_without_a_word_begins_again_and_both_are_remembered() -> None:
    kinds = [change.event.kind for change in domain.started(loan_in(Status.PROCESSING), NOW)]
    assert kinds == [EventKind.ASSESSMENT_INTERRUPTED, EventKind.ASSESSMENT_STARTED]


@pytest.mark.parametrize("status", [Status.UNDER_REVIEW, *FINAL])
def test_a_loan_that_needs_no_assessment_is_not_assessed(status: Status) -> None:
    assert domain.started(loan_in(status), NOW) == []


def test_a_loan_that_cannot_be_assessed_goes_to_people_and_is_never_rejected() -> None:
    change = domain.referred_unassessed(loan_in(Status.PROCESSING), NOW)
    assert change.loan.status is Status.UNDER_REVIEW
    assert change.loan.reason_codes == ("ASSESSMENT_UNAVAILABLE",)


@pytest.mark.parametrize(("approved", "status"), [(True, Status.APPROVED_BY_AGENT), (False, Status.REJECTED_BY_AGENT)])
def test_a_person_decides_a_loan_under_review(approved: bool, status: Status) -> None:
    authority = Authority(Right.OF_MANAGER, None, Decimal(5), Decimal(6))
    decision = ReviewDecision(7, approved, ("A", "B"), Personal("because"), authority)
    change = domain.decided_by_agent(loan_in(Status.UNDER_REVIEW), decision, NOW)
    assert change.loan.status is status
    assert (change.event.actor, change.event.reason_codes, change.event.comment) == ("agent:7", ("A", "B"), "because")
    assert change.event.authority == authority


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.UNDER_REVIEW])
def test_a_person_decides_no_other_loan(status: Status) -> None:
    with pytest.raises(LoanNotUnderReview):
        domain.decided_by_agent(loan_in(status), ReviewDecision(7, approved=True), NOW)


@pytest.mark.parametrize("status", [Status.APPLIED, Status.PROCESSING, Status.UNDER_REVIEW])
def test_a_loan_without_decision_can_be_withdrawn(status: Status) -> None:
    change = domain.withdrawn(loan_in(status), NOW)
    assert (change.loan.status, change.event.actor) == (Status.WITHDRAWN, "customer")


@pytest.mark.parametrize("status", FINAL)
def test_a_loan_with_a_decision_cannot_be_withdrawn(status: Status) -> None:
    with pytest.raises(LoanAlreadyFinal):
        domain.withdrawn(loan_in(status), NOW)


def step(number: int, kind: EventKind = EventKind.ASSIGNED, **fields: object) -> ReviewStep:
    standard: dict[str, object] = {
        "occurred_at": NOW - timedelta(hours=1),
        "actor": "system",
        "assigned_agent_id": 7 if kind.assigns else None,
    }
    return ReviewStep(number, kind, **{**standard, **fields})  # type: ignore[arg-type]  # whatever the test gives


STEP_KINDS = [
    EventKind.ASSIGNED,
    EventKind.RECOMMENDED,
    EventKind.FIRST_APPROVED,
    EventKind.ESCALATED,
    EventKind.COVERED,
    EventKind.REASSIGNED,
    EventKind.UNASSIGNED,
]


@pytest.mark.parametrize("kind", STEP_KINDS)
def test_a_step_of_a_review_is_an_event_that_leaves_the_status(kind: EventKind) -> None:
    authority = Authority(Right.OF_SUBSTITUTE, 4, Decimal("10000.00"), Decimal("25000.00"))
    taken = step(3, kind, actor="agent:5", reason_codes=("A", "B"), comment="because", authority=authority)
    (change,) = domain.reviewed(loan_in(Status.UNDER_REVIEW), [taken], NOW)
    assert replace(change.event, personal_digest=b"", hash=b"") == Event(
        APPLICATION.loan_id, 4, kind, Status.UNDER_REVIEW, Status.UNDER_REVIEW, taken.occurred_at, "agent:5",
        ("A", "B"), Personal("because"), taken.assigned_agent_id, authority,
    )  # fmt: skip
    assert (change.loan.review_step_number, change.loan.version, change.loan.updated_at) == (3, 4, NOW)
    assert change.loan.reason_codes == loan_in(Status.UNDER_REVIEW).reason_codes


@pytest.mark.parametrize(
    ("kind", "agent_id"),
    [
        (EventKind.ASSIGNED, 7),
        (EventKind.ESCALATED, 7),
        (EventKind.COVERED, 7),
        (EventKind.REASSIGNED, 7),
        (EventKind.RECOMMENDED, 1),
        (EventKind.FIRST_APPROVED, 1),
        (EventKind.UNASSIGNED, None),
    ],
)
def test_a_step_says_who_has_the_review_from_then_on(kind: EventKind, agent_id: int | None) -> None:
    loan = replace(loan_in(Status.UNDER_REVIEW), assigned_agent_id=1, review_step_number=1)
    (change,) = domain.reviewed(loan, [step(2, kind)], NOW)
    assert change.loan.assigned_agent_id == agent_id


def test_only_steps_that_the_history_lacks_are_added_in_their_order() -> None:
    loan = replace(loan_in(Status.UNDER_REVIEW), assigned_agent_id=1, review_step_number=2)
    steps = [step(1), step(2), step(4, assigned_agent_id=8), step(5, EventKind.UNASSIGNED)]
    changes = domain.reviewed(loan, steps, NOW)
    assert [(change.event.version, change.loan.review_step_number) for change in changes] == [(4, 4), (5, 5)]
    assert [change.loan.assigned_agent_id for change in changes] == [8, None]
    assert domain.reviewed(changes[-1].loan, steps, NOW) == []


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.UNDER_REVIEW])
def test_steps_of_a_review_that_is_over_come_too_late(status: Status) -> None:
    assert domain.reviewed(loan_in(status), [step(1)], NOW) == []


@pytest.mark.parametrize("status", Status)
def test_a_final_loan_is_approved_or_rejected_or_neither(status: Status) -> None:
    assert not (status.is_approved and status.is_rejected)
    assert status.is_final or not (status.is_approved or status.is_rejected)
    assert status.is_rejected == ("REJECTED" in status)


@given(st.lists(st.sampled_from(["start", "interrupt", "decide", "refer", "review", "agent", "withdraw", "expire"])))
def test_whatever_happens_the_history_is_a_chain_without_gaps(story: list[str]) -> None:
    steps: dict[str, Callable[[Loan, datetime], list[Change]]] = {
        "start": domain.started,
        "interrupt": lambda loan, now: [domain.interrupted(loan, now)],
        "decide": lambda loan, now: [domain.decided(loan, CreditPolicy(Decimal(1), Decimal(10)), now)],
        "refer": lambda loan, now: [domain.referred_unassessed(loan, now)],
        "review": lambda loan, now: domain.reviewed(loan, [step(1), step(loan.review_step_number + 1)], now),
        "agent": lambda loan, now: [domain.decided_by_agent(loan, ReviewDecision(1, approved=False), now)],
        "withdraw": lambda loan, now: [domain.withdrawn(loan, now)],
        "expire": lambda loan, now: [domain.expired(loan, now)],
    }
    changes: list[Change] = [domain.submitted(APPLICATION, NOW)]
    for minute, name in enumerate(story):
        try:
            changes += steps[name](changes[-1].loan, NOW + timedelta(minutes=minute))
        except (ValueError, LoanNotUnderReview, LoanAlreadyFinal):
            assert changes[-1].loan.status.is_final or name != "withdraw"
    assert [change.event.version for change in changes] == list(range(1, len(changes) + 1))
    for before, after in itertools.pairwise(changes):
        assert after.event.from_status is before.event.to_status
        assert after.event.kind is EventKind.ASSIGNED or after.event.to_status in NEXT[before.event.to_status]
    assert sum(change.loan.status.is_final for change in changes) <= 1


def test_the_same_content_has_the_same_fingerprint_whatever_its_id_and_key() -> None:
    again = replace(APPLICATION, loan_id=UUID(int=1), idempotency_key="k")
    assert again.fingerprint() == APPLICATION.fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        replace(APPLICATION, customer_name=Name("Ada")),
        replace(APPLICATION, customer_phone=Phone("+14155550124")),
        replace(APPLICATION, loan_amount=Decimal("5000.51")),
        replace(APPLICATION, currency_code="EUR"),
        replace(APPLICATION, loan_type=LoanType.AUTO),
    ],
)
def test_other_content_has_another_fingerprint(other: Application) -> None:
    assert other.fingerprint() != APPLICATION.fingerprint()


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("  Ada  Lovelace ", "Ada  Lovelace"), ("Ma\u0301rta", "M\u00e1rta"), ("\u00a0Ada\u2003", "Ada")],
)
def test_a_name_has_one_canonical_form(written: str, canonical: str) -> None:
    assert domain.canonical_name(written) == canonical


@pytest.mark.parametrize("name", ["", " ", "\u00a0\u2003", "\u200b", "\u202e", "\u2028", "\x85"])
def test_a_name_of_which_nothing_can_be_seen_is_blank(name: str) -> None:
    assert domain.is_blank(name)


@pytest.mark.parametrize("name", ["A", "\u200bA", "\u738b", "\U0001f600", "'"])
def test_a_name_of_which_something_can_be_seen_is_not_blank(name: str) -> None:
    assert not domain.is_blank(name)


@given(st.uuids(), st.none() | st.sampled_from(Status), st.sampled_from(["", "+14155550123"]))
def test_a_page_token_gives_back_where_the_page_ended(after: UUID, status: Status | None, phone: str) -> None:
    assert domain.read_page_token(domain.page_token(after, status, phone), status, phone) == after


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "not a token",
        "\u00e4",
        "A" * 200,
        domain.page_token(UUID(int=1), Status.APPLIED, ""),
        domain.page_token(UUID(int=1), None, "+14155550123"),
    ],
)
def test_a_page_token_of_another_listing_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        domain.read_page_token(token, None, "")
    assert [violation.field for violation in refusal.value.violations] == ["page_token"]


@given(st.integers(0, 2**63 - 1), st.uuids(), st.integers(1, 2**31 - 1))
def test_an_event_id_is_a_position(transaction: int, loan_id: UUID, version: int) -> None:
    event = replace(domain.submitted(APPLICATION, NOW).event, loan_id=loan_id, version=version)
    assert Position.parse(StoredEvent(transaction, event).event_id) == Position(transaction, loan_id, version)


@pytest.mark.parametrize("text", ["", "1", "1-2-3", f"{2**63}-{'0' * 32}-1", f"1-{'0' * 32}-{2**31}", "a-b-c-d"])
def test_what_is_no_event_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        Position.parse(text)
