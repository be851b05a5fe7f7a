"""The catalogue of reasons in the contract: what the system writes is in it, and what customers read comes from it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from uuid import UUID

import pytest

from chassis.personal import Name, Phone
from loan_service import clients, domain
from loan_service.domain import Application, Change, CreditPolicy, Loan, LoanType, Status, SystemReason
from loan_service.servicer import reviews
from los.loan.v1 import loan_pb2

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
CATALOGUE = {loan_pb2.Reason.Code.Name(reason.code): reason for reason in reviews.reasons()}
USE = {
    Status.APPROVED_BY_SYSTEM: loan_pb2.Reason.APPROVAL,
    Status.REJECTED_BY_SYSTEM: loan_pb2.Reason.REJECTION,
    Status.UNDER_REVIEW: loan_pb2.Reason.REFERRAL,
    Status.EXPIRED: loan_pb2.Reason.EXPIRY,
}
VALUE_MOST = 400  # of the notification service: the most characters of one value


def processing(amount: str) -> Loan:
    application = Application(
        UUID(int=1), Name("Ada"), Phone("+14155550123"), Decimal(amount), "USD", LoanType.HOME, bytes(16)
    )
    return domain.started(domain.submitted(application, NOW).loan, NOW)[0].loan


def made_by_the_system() -> list[Change]:
    """Every step for which the system gives a reason."""
    decided = [domain.decided(processing(amount), CreditPolicy(), NOW) for amount in ("1", "10000", "500001")]
    return [*decided, domain.referred_unassessed(processing("1"), NOW), domain.expired(decided[1].loan, NOW)]


def test_the_catalogue_lists_every_code_but_the_unset_one_in_the_order_of_the_enum() -> None:
    assert list(CATALOGUE) == loan_pb2.Reason.Code.keys()[1:]
    assert all(reason.use for reason in CATALOGUE.values())


@pytest.mark.parametrize("change", made_by_the_system(), ids=lambda change: change.event.reason_codes[0])
def test_what_the_system_writes_is_in_the_catalogue_for_that_use(change: Change) -> None:
    (code,) = change.loan.reason_codes
    assert CATALOGUE[code].use == USE[change.loan.status]


def test_the_system_writes_every_reason_of_its_own_and_no_other() -> None:
    written = {code for change in made_by_the_system() for code in change.event.reason_codes}
    assert written == set(SystemReason)


@pytest.mark.parametrize(
    "code", [code for code, reason in CATALOGUE.items() if reason.use == loan_pb2.Reason.REJECTION]
)
def test_every_rejection_says_something_to_the_customer_and_to_the_authorities(code: str) -> None:
    reason = CATALOGUE[code]
    assert reason.customer_text.endswith(".")
    assert reason.regulatory_code.startswith("HMDA-")
    assert clients.reasons_for_customer([code]) == reason.customer_text


def test_a_customer_reads_all_reasons_in_their_order() -> None:
    assert clients.reasons_for_customer(["INCOME_INSUFFICIENT", "CREDIT_HISTORY"]) == (
        "Your income does not suffice for this amount. Your credit history does not suffice."
    )


@pytest.mark.parametrize("codes", [[], ["A_CODE_OF_LONG_AGO"], ["INCOME_VERIFIED"], ["CODE_UNSPECIFIED"]])
def test_a_customer_reads_something_although_no_reason_has_words_for_them(codes: list[str]) -> None:
    assert clients.reasons_for_customer(codes) == CATALOGUE["OTHER"].customer_text


def test_the_four_longest_reasons_fit_into_one_message() -> None:
    longest = sorted(CATALOGUE, key=lambda code: len(CATALOGUE[code].customer_text))[-4:]
    assert all(len(clients.reasons_for_customer(order)) <= VALUE_MOST for order in combinations(longest, 4))


def rejected() -> Loan:
    loan = domain.decided(processing("600000"), CreditPolicy(), NOW).loan
    assert loan.status is Status.REJECTED_BY_SYSTEM
    return loan


def test_the_message_of_a_rejection_has_its_reasons_and_the_time_by_which_it_must_be_sent() -> None:
    sms = clients.outcome_sms(rejected(), timedelta(days=30))
    assert sms.template == "LOAN_REJECTED"
    assert sms.values["reasons"] == "The amount is above what we lend."
    assert sms.due_at.ToDatetime(tzinfo=UTC) == NOW + timedelta(days=30)


def test_other_messages_have_neither() -> None:
    for loan in (
        domain.decided(processing("1"), CreditPolicy(), NOW).loan,
        domain.withdrawn(processing("1"), NOW).loan,
        domain.expired(domain.decided(processing("10000"), CreditPolicy(), NOW).loan, NOW).loan,
    ):
        sms = clients.outcome_sms(loan, timedelta(days=30))
        assert "reasons" not in sms.values
        assert not sms.HasField("due_at")
