"""Submitting loans: what is stored, once, whatever is repeated."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import IntegrityError

from chassis import batch, db
from loan_service import domain, servicer, store, usecases
from loan_service.domain import IdempotencyKeyReused, LoanType, Status, Submission
from tests.integration.loan_service.loans import Loans, application


def test_a_submitted_loan_is_stored_with_its_event_and_its_job(loans: Loans) -> None:
    (loan,) = loans.submit("5000.50")
    stored = loans.get(loan.loan_id)
    assert stored == loan
    assert (stored.status, stored.loan_amount, stored.version) == (Status.APPLIED, Decimal("5000.50"), 1)
    assert loans.kinds(loan.loan_id) == ["SUBMITTED"]
    assert loans.job_keys(usecases.DECIDE_LOAN) == [f"decide_loan:{loan.loan_id}"]


def test_a_batch_is_stored_in_few_statements_whatever_its_size(loans: Loans, loan_database: Engine) -> None:
    def statements(count: int) -> int:
        seen: list[str] = []
        listen = lambda *arguments: seen.append(arguments[2])  # noqa: E731 -- an event listener
        event.listen(loan_database, "before_cursor_execute", listen)
        loans.submit(*["100"] * count)
        event.remove(loan_database, "before_cursor_execute", listen)
        return len(seen)

    assert statements(200) == statements(1)


def test_a_transaction_that_fails_stores_nothing(loans: Loans, loan_database: Engine) -> None:
    good, bad = application(), application(customer_phone="not a phone")
    with pytest.raises(IntegrityError), db.transaction(loan_database) as tx:
        usecases.submit_loans(tx, [good, bad])
    assert loans.statuses() == {}
    assert loans.rows("SELECT count(*) FROM jobs") == [(0,)]


def test_a_row_that_cannot_be_stored_takes_no_other_with_it(loans: Loans, loan_database: Engine) -> None:
    applications = [application() for _ in range(9)]
    applications.insert(4, application(customer_phone="not a phone"))
    outcomes = batch.each(servicer.submit(loan_database, lambda: None), applications)
    assert [isinstance(outcome, Submission) for outcome in outcomes] == [True] * 4 + [False] + [True] * 5
    assert set(loans.statuses()) == {each.loan_id for each in applications if each is not applications[4]}


def test_the_same_key_with_the_same_content_gives_the_same_loan(loans: Loans) -> None:
    first = application(idempotency_key="k", customer_phone="+14155550123")
    again = application(idempotency_key="k", customer_phone="+14155550123")
    assert loans.submit_all([first])[0].loan_id == loans.submit_all([again])[0].loan_id == first.loan_id
    assert len(loans.statuses()) == 1


def test_a_repetition_is_answered_with_the_loan_as_it_stands_now(loans: Loans, loan_database: Engine) -> None:
    (loan,) = loans.submit_all([application(idempotency_key="k", customer_phone="+14155550123")])
    with db.transaction(loan_database) as tx:
        usecases.withdraw_loan(tx, loan.loan_id)
        (again,) = usecases.submit_loans(tx, [application(idempotency_key="k", customer_phone="+14155550123")])
    assert isinstance(again, Submission)
    assert (again.is_replayed, again.loan.status) == (True, Status.WITHDRAWN)


def test_the_same_key_with_other_content_is_refused_and_stores_nothing(loans: Loans, loan_database: Engine) -> None:
    loans.submit_all([application("100", idempotency_key="k")])
    with db.transaction(loan_database) as tx:
        (outcome,) = usecases.submit_loans(tx, [application("200", idempotency_key="k")])
    assert isinstance(outcome, IdempotencyKeyReused)
    assert len(loans.statuses()) == 1


def test_equal_keys_within_one_batch_give_one_loan(loans: Loans, loan_database: Engine) -> None:
    same = {"idempotency_key": "k", "customer_phone": "+14155550123"}
    with db.transaction(loan_database) as tx:
        outcomes = usecases.submit_loans(
            tx, [application("1", **same), application("1", **same), application("2", **same), application("1")]
        )
    first, second, third, other = outcomes
    assert isinstance(first, Submission)
    assert isinstance(second, Submission)
    assert isinstance(third, IdempotencyKeyReused)
    assert isinstance(other, Submission)
    assert (first.is_replayed, second.is_replayed, other.is_replayed) == (False, True, False)
    assert first.loan == second.loan
    assert len(loans.statuses()) == 2


def test_fifty_equal_submits_at_once_give_one_loan_and_fifty_equal_answers(loans: Loans) -> None:
    fifty = Loans(db.engine(loans.url, schema="loan", name="test", pool_size=50))  # so that they really meet
    start = threading.Barrier(50)

    def submit(_: int) -> list[UUID]:
        start.wait()
        submitted = fifty.submit_all([application(idempotency_key="k", customer_phone="+14155550123")])
        return [loan.loan_id for loan in submitted]

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(submit, range(50)))
    fifty.engine.dispose()
    assert answers == [answers[0]] * 50
    assert set(loans.statuses()) == set(answers[0])


def test_batches_with_crossing_keys_do_not_deadlock(loans: Loans) -> None:
    keys = [f"k{number}" for number in range(40)]
    start = threading.Barrier(4)

    def submit(order: list[str]) -> set[UUID]:
        start.wait()
        batch_of = [application(idempotency_key=key, customer_phone="+14155550123") for key in order]
        return {loan.loan_id for loan in loans.submit_all(batch_of)}

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(submit, [keys, keys[::-1], keys[20:] + keys[:20], keys]))
    assert all(answer == answers[0] for answer in answers)
    assert len(loans.statuses()) == 40


def test_a_key_is_free_again_after_its_time(loans: Loans, loan_database: Engine) -> None:
    (loan,) = loans.submit_all([application(idempotency_key="k")])
    with db.transaction(loan_database) as tx:
        assert usecases.purge_idempotency_keys(tx, age_s=3600) == 0
        assert usecases.purge_idempotency_keys(tx, age_s=-1) == 1
    (other,) = loans.submit_all([application("7", idempotency_key="k")])
    assert other.loan_id != loan.loan_id


@pytest.mark.parametrize("amount", ["NaN", "0.00", "-1.00", "10000000.01"])
def test_the_table_refuses_what_the_domain_refuses(loans: Loans, loan_database: Engine, amount: str) -> None:
    impossible = application(loan_amount=Decimal(amount))
    with pytest.raises(IntegrityError, match="loans_loan_amount_check"), db.transaction(loan_database) as tx:
        store.insert_submissions(tx, [impossible], [])
    assert loans.statuses() == {}


def test_what_is_stored_of_a_submission_is_what_the_domain_makes_of_it(loan_database: Engine) -> None:
    applications = [application(), application("7", loan_type=LoanType.HOME)]
    with db.transaction(loan_database) as tx:
        usecases.submit_loans(tx, applications)
        now = store.get_now(tx)
    changes = [domain.submitted(each, now) for each in applications]
    with db.transaction(loan_database) as tx:
        assert store.find_loans(tx, [each.loan_id for each in applications]) == {
            change.loan.loan_id: change.loan for change in changes
        }
        for change in changes:
            assert [stored.event for stored in store.get_history(tx, change.loan.loan_id)] == [change.event]
        assert store.count_by_status(tx)[Status.APPLIED] == len(applications)
