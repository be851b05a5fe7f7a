"""Listings and figures: pages that neither repeat nor skip, totals that are right, plans that stay cheap."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from chassis import db
from loan_service import store, usecases
from loan_service.domain import Loan, Status
from tests.integration.loan_service.loans import POLICY, Loans

ADA, ALAN = "+14155550123", "+14155550124"


def listed(loans: Loans, **filters: object) -> list[UUID]:
    given = {"status": None, "phone": "", "size": 100, **filters}
    with db.transaction(loans.engine) as tx:
        return [loan.loan_id for loan in store.list_loans(tx, **given)]  # type: ignore[arg-type]  # as the test says


def decide(loans: Loans, submitted: list[Loan]) -> None:
    loan_ids = [loan.loan_id for loan in submitted]
    with db.transaction(loans.engine) as tx:
        usecases.start_assessments(tx, loan_ids)
        usecases.decide_loans(tx, loan_ids, POLICY)


def test_the_newest_loan_comes_first(loans: Loans) -> None:
    submitted = loans.submit("1", "2", "3")
    assert listed(loans) == [loan.loan_id for loan in reversed(submitted)]


def test_filters_narrow_a_listing_alone_and_together(loans: Loans) -> None:
    adas = loans.submit("1", "20000", customer_phone=ADA)
    alans = loans.submit("1", customer_phone=ALAN)
    decide(loans, [adas[1], alans[0]])
    assert listed(loans, phone=ADA) == [adas[1].loan_id, adas[0].loan_id]
    assert listed(loans, status=Status.APPLIED) == [adas[0].loan_id]
    assert listed(loans, status=Status.UNDER_REVIEW, phone=ADA) == [adas[1].loan_id]
    assert listed(loans, status=Status.UNDER_REVIEW, phone=ALAN) == []


def test_pages_by_number_skip_what_was_on_the_pages_before(loans: Loans) -> None:
    everything = [loan.loan_id for loan in reversed(loans.submit(*["1"] * 7))]
    assert listed(loans, size=3, skip=3) == everything[3:6]
    assert listed(loans, size=3, skip=6) == everything[6:]
    assert listed(loans, size=3, skip=9) == []


def walk(loans: Loans) -> Iterator[UUID]:
    """Walk by the last loan of the page before, while two loans arrive on each page."""
    before = None
    while page := listed(loans, size=3, before=before):
        loans.submit("1", "2")
        before = page[-1]
        yield from page


def test_a_walk_neither_repeats_nor_skips_while_others_arrive(loans: Loans) -> None:
    there = [loan.loan_id for loan in reversed(loans.submit(*["1"] * 10))]
    assert list(walk(loans)) == there


def test_status_counts_hold_every_status_zeros_included(loans: Loans) -> None:
    decide(loans, loans.submit("1", "2", "20000", "600000"))
    loans.submit("1")
    with db.transaction(loans.engine) as tx:
        counts = store.count_by_status(tx)
    assert list(counts) == list(Status)
    assert {status: count for status, count in counts.items() if count} == {
        Status.APPLIED: 1,
        Status.UNDER_REVIEW: 1,
        Status.APPROVED_BY_SYSTEM: 2,
        Status.REJECTED_BY_SYSTEM: 1,
    }


def test_the_best_customers_are_those_with_the_most_loans_then_the_largest_sum_then_the_lowest_phone(
    loans: Loans,
) -> None:
    phones = [f"+1415555000{number}" for number in range(5)]
    amounts = [["10"], ["10", "20"], ["30"], ["10"], ["600000", "700000"]]
    for phone, of_customer in zip(phones, amounts, strict=True):
        decide(loans, loans.submit(*of_customer, customer_phone=phone))
    with db.transaction(loans.engine) as tx:
        best = store.list_top_customers(tx, 100)
        assert store.list_top_customers(tx, 2) == best[:2]
    assert [(phone, count, amount) for _, phone, count, amount in best] == [
        (phones[1], 2, Decimal("30.00")),
        (phones[2], 1, Decimal("30.00")),
        (phones[0], 1, Decimal("10.00")),
        (phones[3], 1, Decimal("10.00")),
    ]


def test_a_customer_has_the_name_of_the_latest_approved_loan(loans: Loans) -> None:
    decide(loans, loans.submit("10", customer_phone=ADA, customer_name="Ada Byron"))
    decide(loans, loans.submit("10", customer_phone=ADA, customer_name="Ada Lovelace"))
    with db.transaction(loans.engine) as tx:
        assert [name for name, *_ in store.list_top_customers(tx, 3)] == ["Ada Lovelace"]
