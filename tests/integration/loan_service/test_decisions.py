"""Decisions of people, withdrawals and expiry: compare-and-set, told once, repeatable."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine

from chassis import db
from chassis.errors import ServiceError
from chassis.personal import Personal
from loan_service import usecases
from loan_service.domain import (
    Loan,
    LoanAlreadyFinal,
    LoanNotFound,
    LoanNotUnderReview,
    ReviewDecision,
    Status,
)
from tests.integration.loan_service.loans import Loans

APPROVAL = ReviewDecision(7, approved=True, reason_codes=("INCOME_VERIFIED",), comment=Personal("known for years"))
REJECTION = ReviewDecision(7, approved=False, reason_codes=("INCOME_INSUFFICIENT",))


def record(loans: Loans, loan: Loan, decision: ReviewDecision) -> Loan:
    with db.transaction(loans.engine) as tx:
        return usecases.record_review_decision(tx, loan.loan_id, decision)


@pytest.mark.parametrize(
    ("decision", "status"), [(APPROVAL, Status.APPROVED_BY_AGENT), (REJECTION, Status.REJECTED_BY_AGENT)]
)
def test_a_persons_decision_is_final_and_the_customer_is_told(
    loans: Loans, decision: ReviewDecision, status: Status
) -> None:
    loan = loans.submit_to_review()
    assert record(loans, loan, decision) == loans.get(loan.loan_id)
    assert loans.get(loan.loan_id).status is status
    assert loans.get(loan.loan_id).reason_codes == decision.reason_codes
    assert loans.job_keys(usecases.NOTIFY_CUSTOMER) == [f"notify_customer:{loan.loan_id}"]
    assert loans.rows("SELECT actor, comment FROM loan_events WHERE kind = 'DECIDED'") == [
        ("agent:7", decision.comment)
    ]


def test_the_same_decision_again_answers_the_same_loan(loans: Loans) -> None:
    loan = loans.submit_to_review()
    assert record(loans, loan, APPROVAL) == record(loans, loan, APPROVAL)
    assert loans.kinds(loan.loan_id)[-2:] == ["REFERRED", "DECIDED"]


@pytest.mark.parametrize("other", [REJECTION, ReviewDecision(8, approved=True)])
def test_another_decision_comes_too_late(loans: Loans, other: ReviewDecision) -> None:
    loan = loans.submit_to_review()
    record(loans, loan, APPROVAL)
    with pytest.raises(LoanNotUnderReview):
        record(loans, loan, other)
    assert loans.get(loan.loan_id).status is Status.APPROVED_BY_AGENT


def test_nobody_decides_a_loan_before_it_is_referred(loans: Loans) -> None:
    (loan,) = loans.submit("20000")
    with pytest.raises(LoanNotUnderReview):
        record(loans, loan, APPROVAL)


def test_of_a_decision_and_a_withdrawal_at_once_one_wins_and_one_message_is_due(loans: Loans) -> None:
    under_review = [loans.submit_to_review() for _ in range(20)]
    start = threading.Barrier(2)

    def race(work: Callable[[Connection, Loan], Loan]) -> list[bool]:
        won = []
        for loan in under_review:
            start.wait()
            try:
                with db.transaction(loans.engine) as tx:
                    work(tx, loan)
                won.append(True)
            except (LoanNotUnderReview, LoanAlreadyFinal):
                won.append(False)
        return won

    with ThreadPoolExecutor(2) as threads:
        decided = threads.submit(race, lambda tx, loan: usecases.record_review_decision(tx, loan.loan_id, APPROVAL))
        withdrawn = threads.submit(race, lambda tx, loan: usecases.withdraw_loan(tx, loan.loan_id))
    assert [one != other for one, other in zip(decided.result(), withdrawn.result(), strict=True)] == [True] * 20
    statuses = loans.statuses()
    for loan, decision_won in zip(under_review, decided.result(), strict=True):
        assert statuses[loan.loan_id] is (Status.APPROVED_BY_AGENT if decision_won else Status.WITHDRAWN)
    assert len(loans.job_keys(usecases.NOTIFY_CUSTOMER)) == 20
    assert len(loans.job_keys(usecases.CANCEL_REVIEW)) == withdrawn.result().count(True)


def test_a_withdrawal_under_review_cancels_the_review(loans: Loans) -> None:
    loan = loans.submit_to_review()
    with db.transaction(loans.engine) as tx:
        assert usecases.withdraw_loan(tx, loan.loan_id).status is Status.WITHDRAWN
        assert usecases.withdraw_loan(tx, loan.loan_id).status is Status.WITHDRAWN
    assert loans.job_keys(usecases.CANCEL_REVIEW) == [f"cancel_review:{loan.loan_id}"]
    assert loans.kinds(loan.loan_id).count("WITHDRAWN") == 1


def test_a_withdrawal_before_the_review_cancels_nothing(loans: Loans) -> None:
    (loan,) = loans.submit("20000")
    with db.transaction(loans.engine) as tx:
        usecases.withdraw_loan(tx, loan.loan_id)
    assert loans.job_keys(usecases.CANCEL_REVIEW) == []


def test_only_reviews_that_are_old_enough_expire(loans: Loans, loan_database: Engine) -> None:
    old, young = loans.submit_to_review(), loans.submit_to_review()
    (undecided,) = loans.submit("20000")
    loans.rows(
        "UPDATE loans SET created_at = created_at - interval '1 hour' WHERE loan_id <> :young RETURNING 1",
        young=young.loan_id,
    )
    with db.transaction(loan_database) as tx:
        assert usecases.expire_loans(tx, age_s=1800) == 1
    statuses = loans.statuses()
    assert statuses[old.loan_id] is Status.EXPIRED
    assert statuses[young.loan_id] is Status.UNDER_REVIEW
    assert statuses[undecided.loan_id] is Status.APPLIED


@pytest.mark.parametrize(
    "work",
    [
        usecases.withdraw_loan,
        lambda tx, loan_id: usecases.record_review_decision(tx, loan_id, APPROVAL),
    ],
)
def test_an_unknown_loan_is_said_to_be_unknown(loans: Loans, work: Callable[[Connection, object], object]) -> None:
    with pytest.raises(LoanNotFound) as refusal, db.transaction(loans.engine) as tx:
        work(tx, uuid4())
    assert isinstance(refusal.value, ServiceError)
    assert refusal.value.reason == "LOAN_NOT_FOUND"
