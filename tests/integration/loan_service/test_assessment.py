"""The pool that decides loans: every one once, in sets, whatever happens to the assessment or to the process."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from sqlalchemy import Engine, event

from chassis import db, jobs
from chassis.errors import InvalidArgument, Unavailable, Violation
from deploy.processes import wait_until
from loan_service import usecases, worker
from loan_service.domain import Loan, LoanAlreadyFinal, Status
from tests.integration.loan_service.loans import Loans, Outside, wait_for_no_jobs, working

EDGES = ("9999.99", "10000", "500000", "500000.01")
DECIDED = ["SUBMITTED", "ASSESSMENT_STARTED", "DECIDED"]


def test_every_amount_ends_where_it_should_and_those_concerned_are_told(
    loans: Loans, loan_database: Engine, outside: Outside
) -> None:
    small, lower, upper, large = loans.submit(*EDGES)
    with working(loan_database, outside):
        wait_for_no_jobs(loans)
    assert loans.statuses() == {
        small.loan_id: Status.APPROVED_BY_SYSTEM,
        lower.loan_id: Status.UNDER_REVIEW,
        upper.loan_id: Status.UNDER_REVIEW,
        large.loan_id: Status.REJECTED_BY_SYSTEM,
    }
    assert sorted(loan.loan_id for loan in outside.told) == [small.loan_id, large.loan_id]
    assert sorted(loan.loan_id for loan in outside.opened) == [lower.loan_id, upper.loan_id]
    assert {loan.status for loan in outside.opened} == {Status.UNDER_REVIEW}
    assert loans.kinds(small.loan_id) == DECIDED
    assert loans.kinds(lower.loan_id) == ["SUBMITTED", "ASSESSMENT_STARTED", "REFERRED"]


def test_a_backlog_is_decided_in_sets(loans: Loans, loan_database: Engine, outside: Outside) -> None:
    for _ in range(25):
        loans.submit(*["100"] * 200)
    seen: list[str] = []
    listen = lambda *arguments: seen.append(arguments[2])  # noqa: E731 -- an event listener
    event.listen(loan_database, "before_cursor_execute", listen)
    with working(loan_database, outside):
        wait_for_no_jobs(loans, usecases.DECIDE_LOAN)
        event.remove(loan_database, "before_cursor_execute", listen)
    assert set(loans.statuses().values()) == {Status.APPROVED_BY_SYSTEM}
    assert sum("UPDATE loans" in statement for statement in seen) < 5000 / 10  # two for each batch, not for each loan
    assert sorted(outside.assessed) == sorted(loans.statuses())


def test_two_services_share_a_backlog_and_no_loan_is_done_twice(
    loans: Loans, loan_database: Engine, outside: Outside
) -> None:
    for _ in range(10):
        loans.submit(*["100"] * 200)
    second = db.engine(loans.url, schema="loan", name="second", pool_size=10)
    with working(loan_database, outside, batch_size=50), working(second, outside, batch_size=50):
        wait_for_no_jobs(loans)
    second.dispose()
    assert sorted(outside.assessed) == sorted(loans.statuses())
    assert sorted(loan.loan_id for loan in outside.told) == sorted(loans.statuses())
    assert loans.rows("SELECT count(*) FROM loan_events WHERE kind = 'DECIDED'") == [(2000,)]


def test_a_loan_whose_assessment_keeps_failing_goes_to_people_and_holds_up_nobody(
    loans: Loans, loan_database: Engine, outside: Outside
) -> None:
    bad, *good = loans.submit("100", "100", "100")

    def assess(loan: Loan) -> None:
        if loan.loan_id == bad.loan_id:
            raise ValueError("a defect in the check")

    outside.assess = assess
    with working(loan_database, outside, attempts_max=2):
        wait_for_no_jobs(loans)
    assert loans.get(bad.loan_id).status is Status.UNDER_REVIEW
    assert loans.get(bad.loan_id).reason_codes == ("ASSESSMENT_UNAVAILABLE",)
    assert [loan.loan_id for loan in outside.opened] == [bad.loan_id]
    started = ["ASSESSMENT_STARTED", "ASSESSMENT_INTERRUPTED", "ASSESSMENT_STARTED"]
    assert loans.kinds(bad.loan_id) == ["SUBMITTED", *started, "REFERRED"]
    assert {loans.get(loan.loan_id).status for loan in good} == {Status.APPROVED_BY_SYSTEM}


def test_an_outage_of_the_assessment_costs_time_and_rejects_nobody(
    loans: Loans, loan_database: Engine, outside: Outside
) -> None:
    loans.submit(*["100"] * 3)
    away = threading.Event()
    away.set()

    def assess(_: Loan) -> None:
        if away.is_set():
            raise Unavailable("the check is away")

    outside.assess = assess
    with working(loan_database, outside, attempts_max=1):
        wait_until(lambda: len(outside.assessed) > 4, "some failures", 60)
        assert set(loans.statuses().values()) <= {Status.APPLIED, Status.PROCESSING}
        away.clear()
        wait_for_no_jobs(loans)
    assert set(loans.statuses().values()) == {Status.APPROVED_BY_SYSTEM}


def test_a_dead_workers_loans_are_taken_over_and_decided_once(
    loans: Loans, loan_database: Engine, outside: Outside
) -> None:
    submitted = loans.submit(*["100"] * 5)
    with db.transaction(loan_database) as tx:  # a process that claims, and dies
        claimed = jobs.claim(tx, {usecases.DECIDE_LOAN: 5}, 5, "dead", lease_s=0)
        usecases.start_assessments(tx, [loan.loan_id for loan in submitted])
    with working(loan_database, outside):
        wait_for_no_jobs(loans)
    assert set(loans.statuses().values()) == {Status.APPROVED_BY_SYSTEM}
    interrupted = ["ASSESSMENT_STARTED", "ASSESSMENT_INTERRUPTED", "ASSESSMENT_STARTED"]
    assert {tuple(loans.kinds(loan.loan_id)) for loan in submitted} == {("SUBMITTED", *interrupted, "DECIDED")}
    with db.transaction(loan_database) as tx:  # it comes back from the dead
        assert jobs.finish(tx, claimed, "dead") == set()


def test_a_loan_that_is_withdrawn_while_it_is_assessed_stays_withdrawn(
    loans: Loans, loan_database: Engine, outside: Outside
) -> None:
    (loan,) = loans.submit("100")
    begun, go_on = threading.Event(), threading.Event()

    def assess(_: Loan) -> None:
        begun.set()
        assert go_on.wait(30)

    outside.assess = assess
    with working(loan_database, outside):
        assert begun.wait(30)
        with db.transaction(loan_database) as tx:
            usecases.withdraw_loan(tx, loan.loan_id)
        go_on.set()
        wait_for_no_jobs(loans)
    assert loans.kinds(loan.loan_id) == ["SUBMITTED", "ASSESSMENT_STARTED", "WITHDRAWN"]
    assert [told.status for told in outside.told] == [Status.WITHDRAWN]


def test_withdrawals_and_decisions_at_once_leave_one_outcome_each(
    loans: Loans, loan_database: Engine, outside: Outside
) -> None:
    submitted = loans.submit(*["100", "20000"] * 60)

    def withdraw(loan: Loan) -> None:
        try:
            with db.transaction(loan_database) as tx:
                usecases.withdraw_loan(tx, loan.loan_id)
        except LoanAlreadyFinal:
            assert loans.get(loan.loan_id).status is Status.APPROVED_BY_SYSTEM

    with working(loan_database, outside, batch_size=10), ThreadPoolExecutor(4) as threads:
        list(threads.map(withdraw, submitted))
        wait_for_no_jobs(loans)
    assert set(loans.statuses().values()) <= {Status.WITHDRAWN, Status.APPROVED_BY_SYSTEM}
    assert sorted(loan.loan_id for loan in outside.told) == sorted(loans.statuses())
    assert set(outside.cancelled) >= {loan.loan_id for loan in outside.opened}


def test_a_stopped_pool_leaves_no_loan_in_its_hands(loans: Loans, loan_database: Engine, outside: Outside) -> None:
    loans.submit(*["100"] * 40)
    begun, go_on = threading.Event(), threading.Event()

    def assess(_: Loan) -> None:
        begun.set()
        assert go_on.wait(30)

    outside.assess = assess
    with working(loan_database, outside, size=2) as pool:
        assert begun.wait(30)
        pool.drain()
        go_on.set()
    assert loans.rows("SELECT count(*) FROM jobs WHERE state = 'LEASED'") == [(0,)]
    assert Status.PROCESSING not in set(loans.statuses().values())


def test_an_outage_of_the_other_services_delays_what_they_are_told_and_loses_nothing(
    loans: Loans, loan_database: Engine, outside: Outside
) -> None:
    outside.failure = Unavailable("away")
    loans.submit(*EDGES)
    with working(loan_database, outside):
        wait_for_no_jobs(loans, usecases.DECIDE_LOAN)
        wait_until(lambda: "away" in str(loans.rows("SELECT last_error FROM jobs")), "a failed call", 60)
        assert loans.rows("SELECT count(*) FROM jobs WHERE state = 'PARKED'") == [(0,)]
        outside.failure = None
        wait_for_no_jobs(loans)
    assert (len(outside.opened), len(outside.told)) == (2, 2)


@pytest.mark.parametrize("kind", ["told", "opened"])
def test_one_that_the_other_side_refuses_is_parked_and_holds_up_nobody(
    loans: Loans, loan_database: Engine, outside: Outside, kind: str
) -> None:
    amount = {"told": "100", "opened": "20000"}[kind]
    bad, *good = loans.submit(amount, amount, amount)
    outside.refused = {bad.loan_id: InvalidArgument([Violation("x", "no")])}
    with working(loan_database, outside):
        wait_until(lambda: len(getattr(outside, kind)) == 2, "the others to be done", 60)
        loans.rows(
            "UPDATE jobs SET excused = 0, attempt = 9 WHERE state = 'READY' AND last_error IS NOT NULL RETURNING 1"
        )
        wait_until(lambda: loans.rows("SELECT count(*) FROM jobs WHERE state = 'PARKED'") == [(1,)], "parking", 120)
    ((error,),) = loans.rows("SELECT last_error FROM jobs WHERE state = 'PARKED'")
    assert error == "InvalidArgument: x: no"
    assert sorted(loan.loan_id for loan in getattr(outside, kind)) == sorted(loan.loan_id for loan in good)


def test_reviews_that_nobody_decides_in_time_expire_and_are_cancelled(
    loans: Loans, loan_database: Engine, outside: Outside
) -> None:
    loan = loans.submit_to_review()
    with working(loan_database, outside, expire_after_s=0):
        wait_until(lambda: loans.get(loan.loan_id).status is Status.EXPIRED, "the expiry", 60)
        wait_for_no_jobs(loans)
    assert [told.status for told in outside.told] == [Status.EXPIRED]
    assert outside.cancelled == [loan.loan_id]


def test_more_overdue_reviews_than_one_look_takes_expire_without_waiting_for_the_next(
    loans: Loans, loan_database: Engine, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usecases, "EXPIRE_MOST", 2)
    monkeypatch.setattr(worker, "HOUSEKEEPING_S", 3600)
    for _ in range(5):
        loans.submit_to_review()
    with working(loan_database, outside, expire_after_s=0):
        wait_until(lambda: set(loans.statuses().values()) == {Status.EXPIRED}, "all to expire", 60)
        wait_for_no_jobs(loans)


def test_what_is_enqueued_first_is_decided_first(loans: Loans, loan_database: Engine, outside: Outside) -> None:
    submitted = [loan for _ in range(10) for loan in loans.submit("100")]
    with working(loan_database, outside, size=1, batch_size=1):
        wait_for_no_jobs(loans)
    assert outside.assessed == [loan.loan_id for loan in submitted]
    times = [loans.get(loan_id).decided_at for loan_id in outside.assessed]
    assert all(earlier is not None and later is not None and earlier <= later for earlier, later in pairwise(times))
