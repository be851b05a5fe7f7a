"""`python -m loan_service erase`: nobody can tell any more whose the loans were, and everything still adds up."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from uuid import UUID

import pytest

from chassis import db
from chassis.errors import Aborted
from chassis.personal import Personal, Phone
from deploy.processes import ROOT, wait_until
from loan_service import usecases
from loan_service.clients import Verdicts
from loan_service.domain import (
    CustomerNotFound,
    EventKind,
    Loan,
    LoansNotFinal,
    LoansNotSettled,
    ReviewDecision,
    Status,
    erasing,
)
from tests.integration.loan_service.loans import POLICY, Loans, Outside, application, step, wait_for_no_jobs, working

NAME = "Zz\u00eb Quuxfield"
PHONE = Phone("+14155550177")
COMMENT = "Quuxfield has moved"
DECISION = ReviewDecision(7, approved=True, reason_codes=("INCOME_VERIFIED",), comment=Personal(COMMENT))

TEXTS = """
SELECT string_agg(format('SELECT %L AS place, row_to_json(%I)::text AS said FROM %I', tablename, tablename, tablename),
                  ' UNION ALL ')
FROM pg_tables WHERE schemaname = 'loan'
"""


class Erasing(Outside):
    """The other services, which also erase; they are given the pseudonyms of loans."""

    def __init__(self) -> None:
        super().__init__()
        self.erased: list[tuple[UUID, str]] = []

    def erase_loans(self, pseudonyms: Sequence[tuple[UUID, Phone]]) -> Verdicts:
        return self._take(self.erased, [(loan_id, (loan_id, name.shown)) for loan_id, name in pseudonyms])


def find(loans: Loans) -> list[UUID]:
    with db.transaction(loans.engine) as tx:
        return usecases.find_erasable(tx, PHONE)


def erase(loans: Loans, loan_ids: Sequence[UUID] = ()) -> str:
    """Erase the customer from these loans, or from all of theirs; answer the pseudonym."""
    pseudonym = erasing.pseudonym()
    chosen = loan_ids or find(loans)
    with db.transaction(loans.engine) as tx:
        assert usecases.erase_loans(tx, PHONE, chosen, pseudonym) == len(chosen)
    return pseudonym.shown


def decide(loans: Loans, *submitted: Loan) -> None:
    loan_ids = [loan.loan_id for loan in submitted]
    with db.transaction(loans.engine) as tx:
        usecases.start_assessments(tx, loan_ids)
        usecases.decide_loans(tx, loan_ids, POLICY)


def settle(loans: Loans) -> None:
    """Others have been told of everything."""
    loans.rows("DELETE FROM jobs RETURNING 1")


def of_customer(loans: Loans, *amounts: str) -> list[Loan]:
    """Decided loans of the customer, of which nobody is to be told any more."""
    submitted = loans.submit(*amounts, customer_name=NAME, customer_phone=PHONE)
    decide(loans, *submitted)
    settle(loans)
    return submitted


def said(loans: Loans) -> str:
    """Every row of every table of the service."""
    ((everything,),) = loans.rows(TEXTS)
    return "\n".join(f"{place}: {row}" for place, row in loans.rows(everything.replace(":", "\\:")))


def run(loans: Loans, phone: str = PHONE.shown) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loan_service", "erase", "--phone", phone]
    environment = {**os.environ, "LOAN_DATABASE_URL": loans.url}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_nothing_in_any_table_tells_who_the_customer_was(loans: Loans) -> None:
    (loan,) = loans.submit_all(
        [application("20000", customer_name=NAME, customer_phone=PHONE, idempotency_key="first")]
    )
    decide(loans, loan)
    with db.transaction(loans.engine) as tx:
        steps = [step(1), step(2, EventKind.RECOMMENDED, actor="agent:7", comment=Personal(COMMENT))]
        usecases.record_review_decision(tx, loan.loan_id, DECISION, steps)
    settle(loans)
    before = said(loans)
    assert all(mark in before for mark in ("Quuxfield", PHONE.shown, COMMENT, "idempotency_keys"))
    erase(loans)
    after = said(loans)
    assert not [mark for mark in ("Quuxfield", PHONE[1:], COMMENT, "idempotency_keys") if mark in after]


def test_one_pseudonym_stands_for_the_customer_and_totals_and_histories_go_on(loans: Loans) -> None:
    submitted = of_customer(loans, "100", "200.50", "600000")
    other = loans.submit("300")
    decide(loans, *other)
    settle(loans)
    pseudonym = erase(loans)
    assert re.fullmatch("erased:[0-9a-f]{32}", pseudonym)
    after = [loans.get(loan.loan_id) for loan in submitted]
    assert {(loan.customer_name.shown, loan.customer_phone.shown) for loan in after} == {("erased", pseudonym)}
    assert [loan.loan_amount for loan in after] == [loan.loan_amount for loan in submitted]
    for loan in after:
        last = loans.history(loan.loan_id)[-1]
        assert (last.kind, last.actor, last.version) == (EventKind.ERASED, "operator", loan.version)
        assert last.from_status is last.to_status is loan.status
    totals = loans.rows(
        "SELECT approved_loan_count, total_approved_amount FROM customer_totals WHERE customer_phone = :phone",
        phone=pseudonym,
    )
    assert [(count, str(amount)) for count, amount in totals] == [(2, "300.50")]
    assert loans.get(other[0].loan_id).customer_name == "Ada Lovelace"


def test_a_customer_with_an_undecided_loan_is_not_erased(loans: Loans) -> None:
    of_customer(loans, "100")
    loans.submit("50", "60", customer_name=NAME, customer_phone=PHONE)
    before = said(loans)
    with pytest.raises(LoansNotFinal, match="2 of the customer's 3 loans have no final state"):
        find(loans)
    refused = run(loans)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "withdraw or decide them first" in refused.stderr
    assert PHONE[1:] not in refused.stderr
    assert said(loans) == before


def test_a_customer_of_whom_others_are_still_to_be_told_is_not_erased(loans: Loans) -> None:
    submitted = loans.submit("100", customer_name=NAME, customer_phone=PHONE)
    decide(loans, *submitted)
    with pytest.raises(LoansNotSettled, match="told of 1 of the customer's 1 loans"):
        find(loans)
    loans.rows("UPDATE jobs SET state = 'PARKED', last_error = 'no' RETURNING 1")
    with pytest.raises(LoansNotSettled):
        find(loans)


def test_nobody_is_erased_who_has_no_loan_or_is_erased_already(loans: Loans) -> None:
    with pytest.raises(CustomerNotFound):
        find(loans)
    of_customer(loans, "100")
    done = run(loans, "(415) 555-0177")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("erased from 1 loans")
    again = run(loans)
    assert (again.returncode, again.stderr) == (1, "erase: nobody with this phone number has a loan\n")
    wrong = run(loans, "erased:" + "0" * 32)
    assert (wrong.returncode, wrong.stderr) == (1, "erase: --phone: must be a phone number, for example +14155550123\n")


def test_a_loan_that_is_submitted_meanwhile_keeps_its_customer(loans: Loans) -> None:
    of_customer(loans, "100")
    erasable = find(loans)
    (late,) = loans.submit("200", customer_name=NAME, customer_phone=PHONE)
    decide(loans, late)
    erase(loans, erasable)
    assert loans.get(late.loan_id).customer_phone == PHONE
    assert loans.rows("SELECT approved_loan_count FROM customer_totals WHERE customer_phone = :phone", phone=PHONE) == [
        (1,)
    ]


def test_a_customer_may_be_erased_from_some_loans_today_and_from_the_rest_another_day(loans: Loans) -> None:
    first, second, third = (loan.loan_id for loan in of_customer(loans, "1", "2", "3"))
    erase(loans, [first, second])
    assert find(loans) == [third]
    erase(loans)
    assert sum(count for (count,) in loans.rows("SELECT approved_loan_count FROM customer_totals")) == 3


def test_a_decision_that_is_told_again_after_the_erasure_is_the_same_decision(loans: Loans) -> None:
    (loan,) = loans.submit("20000", customer_name=NAME, customer_phone=PHONE)
    decide(loans, loan)
    with db.transaction(loans.engine) as tx:
        usecases.record_review_decision(tx, loan.loan_id, DECISION)
    settle(loans)
    erase(loans)
    with db.transaction(loans.engine) as tx:
        assert usecases.record_review_decision(tx, loan.loan_id, DECISION).status is Status.APPROVED_BY_AGENT


def test_messages_are_erased_after_the_review_however_long_that_takes(loans: Loans) -> None:
    outside = Erasing()
    outside.failure = Aborted("the review is open")
    (loan,) = of_customer(loans, "100")
    pseudonym = erase(loans)
    ((args,),) = loans.rows("SELECT args FROM jobs")
    assert args == {"loan_id": str(loan.loan_id), "pseudonym": pseudonym}
    with working(loans.engine, outside):
        tried = "SELECT 1 FROM jobs WHERE kind = 'erase_review' AND attempt >= 2"
        wait_until(lambda: loans.rows(tried) != [], "calls in vain", 60)
        assert loans.job_keys(usecases.ERASE_NOTIFICATIONS) == []
        outside.failure = None
        wait_for_no_jobs(loans)
    assert outside.erased == [(loan.loan_id, pseudonym)] * 2
