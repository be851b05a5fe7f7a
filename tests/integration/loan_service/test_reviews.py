"""Steps of reviews in the histories of their loans: in order, once, never after the end; and what customers owe."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from chassis import db
from chassis.errors import ServiceError
from loan_service import store, usecases
from loan_service.domain import (
    Authority,
    EventKind,
    Loan,
    LoanNotFound,
    LoanNotUnderReview,
    ReviewDecision,
    ReviewStep,
    Right,
    Status,
)
from tests.integration.loan_service.loans import POLICY, Loans, Outside, application, step, wait_for_no_jobs, working

MANAGERS = Authority(Right.OF_MANAGER, None, Decimal("100000.00"), Decimal("20000.00"))
APPROVAL = ReviewDecision(8, approved=True, reason_codes=("INCOME_VERIFIED",), authority=MANAGERS)
WHOLE = (
    step(1),
    step(2, EventKind.RECOMMENDED, actor="agent:7", reason_codes=("INCOME_VERIFIED",), comment="known for years",
         authority=Authority(Right.OF_ASSIGNEE, None, Decimal("15000.00"), Decimal("20000.00"))),
    step(3, assigned_agent_id=8, authority=Authority(on_behalf_of_agent_id=9)),
    step(4, EventKind.ESCALATED, assigned_agent_id=10),
    step(5, EventKind.REASSIGNED, actor="agent:10", assigned_agent_id=8, authority=Authority(Right.OF_MANAGER)),
    step(6, EventKind.COVERED, assigned_agent_id=11, authority=Authority(on_behalf_of_agent_id=8)),
    step(7, EventKind.FIRST_APPROVED, actor="agent:11", authority=Authority(Right.OF_SUBSTITUTE, 8)),
    step(8, EventKind.UNASSIGNED),
)  # fmt: skip
"""A review in which everything happens."""


def steps_of(loans: Loans, loan: Loan) -> list[ReviewStep]:
    """The steps of a review as its loan's history tells them, numbered from 1."""
    kinds = {each.kind for each in WHOLE}
    return [
        ReviewStep(
            number, event.kind, event.occurred_at, event.actor, event.reason_codes, event.comment,
            event.assigned_agent_id, event.authority,
        )
        for number, event in enumerate((event for event in loans.history(loan.loan_id) if event.kind in kinds), start=1)
    ]  # fmt: skip


def decide(loans: Loans, loan: Loan, decision: ReviewDecision, *steps: ReviewStep) -> Loan:
    with db.transaction(loans.engine) as tx:
        return usecases.record_review_decision(tx, loan.loan_id, decision, steps)


def at_once(*works: Callable[[], object]) -> list[object]:
    """Do several things at the same time; answer for each what it gave, or the refusal it ended with."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        start.wait()
        try:
            return work()
        except ServiceError as refusal:
            return refusal

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def test_every_step_is_in_the_history_with_all_that_is_told_of_it(loans: Loans) -> None:
    loan = loans.submit_to_review()
    after = loans.record_steps(loan, *WHOLE)
    assert steps_of(loans, loan) == list(WHOLE)
    assert (after.status, after.review_step_number, after.assigned_agent_id) == (Status.UNDER_REVIEW, 8, None)
    assert after.reason_codes == loan.reason_codes


@pytest.mark.parametrize("kind", [each.kind for each in WHOLE if each.kind.assigns])
def test_a_step_that_gives_the_review_to_an_agent_shows_in_the_loan(loans: Loans, kind: EventKind) -> None:
    loan = loans.submit_to_review()
    assert loans.record_steps(loan, step(1), step(2, kind, assigned_agent_id=9)).assigned_agent_id == 9


def test_steps_that_were_recorded_before_change_nothing(loans: Loans) -> None:
    loan = loans.submit_to_review()
    after = loans.record_steps(loan, *WHOLE)
    for again in (WHOLE, WHOLE[:3], WHOLE[:1]):
        assert loans.record_steps(loan, *again) == after
    assert steps_of(loans, loan) == list(WHOLE)


def test_steps_that_arrive_out_of_order_are_there_once_and_in_order(loans: Loans) -> None:
    loan = loans.submit_to_review()
    for count in (2, 1, 6, 3, 8):
        loans.record_steps(loan, *WHOLE[:count])
    assert steps_of(loans, loan) == list(WHOLE)


def test_one_review_twice_in_one_call_is_recorded_once(loans: Loans) -> None:
    loan = loans.submit_to_review()
    with db.transaction(loans.engine) as tx:
        of_loan = [(loan.loan_id, WHOLE[:3]), (loan.loan_id, WHOLE[:1]), (loan.loan_id, WHOLE)]
        assert usecases.record_review_steps(tx, of_loan) == [None] * 3
    assert steps_of(loans, loan) == list(WHOLE)


def test_an_unknown_loan_is_refused_alone(loans: Loans) -> None:
    loan = loans.submit_to_review()
    with db.transaction(loans.engine) as tx:
        unknown, known = usecases.record_review_steps(tx, [(uuid4(), WHOLE), (loan.loan_id, WHOLE)])
    assert isinstance(unknown, LoanNotFound)
    assert known is None
    assert steps_of(loans, loan) == list(WHOLE)


def test_steps_of_a_loan_that_is_not_under_review_change_nothing_and_succeed(loans: Loans) -> None:
    (undecided,) = loans.submit("20000")
    decided = loans.submit_to_review()
    decided = decide(loans, decided, APPROVAL)
    assert loans.record_steps(undecided, *WHOLE) == undecided
    assert loans.record_steps(decided, *WHOLE) == decided


def test_a_step_tells_nobody_anything(loans: Loans) -> None:
    loan = loans.submit_to_review()
    before = loans.rows("SELECT key FROM jobs ORDER BY key")
    loans.record_steps(loan, *WHOLE)
    assert loans.rows("SELECT key FROM jobs ORDER BY key") == before


def test_a_decision_brings_along_the_steps_that_are_not_recorded_yet(loans: Loans) -> None:
    loan = loans.submit_to_review()
    loans.record_steps(loan, *WHOLE[:2])
    decided = decide(loans, loan, APPROVAL, *WHOLE)
    assert steps_of(loans, loan) == list(WHOLE)
    last = loans.history(loan.loan_id)[-1]
    assert (last.kind, last.actor, last.authority) == (EventKind.DECIDED, "agent:8", MANAGERS)
    assert (decided.status, decided.review_step_number) == (Status.APPROVED_BY_AGENT, 8)
    assert decide(loans, loan, APPROVAL, *WHOLE) == decided == loans.record_steps(loan, *WHOLE)
    assert len(loans.job_keys(usecases.NOTIFY_CUSTOMER)) == 1


def test_a_decision_that_comes_too_late_brings_nothing_along(loans: Loans) -> None:
    loan = loans.submit_to_review()
    with db.transaction(loans.engine) as tx:
        withdrawn = usecases.withdraw_loan(tx, loan.loan_id)
    with pytest.raises(LoanNotUnderReview):
        decide(loans, loan, APPROVAL, *WHOLE)
    assert loans.get(loan.loan_id) == withdrawn
    assert steps_of(loans, loan) == []


def test_the_same_steps_at_once_are_there_once(loans: Loans) -> None:
    for loan in [loans.submit_to_review() for _ in range(5)]:
        at_once(*(partial(loans.record_steps, loan, *WHOLE[:count]) for count in (8, 3, 8, 5)))
        assert steps_of(loans, loan) == list(WHOLE)


def test_batches_that_name_the_same_loans_in_other_orders_do_not_lock_each_other_out(loans: Loans) -> None:
    under_review = [loans.submit_to_review() for _ in range(10)]

    def record(order: list[Loan], count: int) -> object:
        with db.transaction(loans.engine) as tx:
            return usecases.record_review_steps(tx, [(loan.loan_id, WHOLE[:count]) for loan in order])

    given = at_once(
        lambda: record(under_review, 8), lambda: record(under_review[::-1], 4), lambda: record(under_review[::2], 8)
    )
    assert given == [[None] * 10, [None] * 10, [None] * 5]
    assert all(steps_of(loans, loan) == list(WHOLE) for loan in under_review)


def test_steps_and_a_withdrawal_at_once_leave_no_step_behind_the_end(loans: Loans) -> None:
    def withdraw(loan: Loan) -> Loan:
        with db.transaction(loans.engine) as tx:
            return usecases.withdraw_loan(tx, loan.loan_id)

    for loan in [loans.submit_to_review() for _ in range(5)]:
        at_once(partial(loans.record_steps, loan, *WHOLE[:3]), partial(withdraw, loan))
        assert loans.get(loan.loan_id).status is Status.WITHDRAWN
        assert loans.kinds(loan.loan_id)[-1] == "WITHDRAWN"
        assert steps_of(loans, loan) in ([], list(WHOLE[:3]))
    assert len(loans.job_keys(usecases.NOTIFY_CUSTOMER)) == len(loans.job_keys(usecases.CANCEL_REVIEW)) == 5


def test_steps_and_the_decision_that_brings_them_at_once_are_there_once(loans: Loans) -> None:
    for loan in [loans.submit_to_review() for _ in range(5)]:
        decision = partial(decide, loans, loan, APPROVAL, *WHOLE)
        at_once(partial(loans.record_steps, loan, *WHOLE), decision, decision)
        assert steps_of(loans, loan) == list(WHOLE)
        assert loans.kinds(loan.loan_id)[-1] == "DECIDED"


def test_of_a_decision_with_steps_and_an_expiry_at_once_one_wins_whole(loans: Loans) -> None:
    def expire() -> int:
        with db.transaction(loans.engine) as tx:
            return usecases.expire_loans(tx, age_s=1800)

    for number in range(1, 6):
        loan = loans.submit_to_review()
        loans.rows("UPDATE loans SET created_at = created_at - interval '1 hour' RETURNING 1")
        decided, expired = at_once(partial(decide, loans, loan, APPROVAL, *WHOLE), expire)
        if isinstance(decided, LoanNotUnderReview):
            assert expired == 1
            assert (loans.get(loan.loan_id).status, steps_of(loans, loan)) == (Status.EXPIRED, [])
        else:
            assert expired == 0
            assert loans.get(loan.loan_id) == decided
            assert steps_of(loans, loan) == list(WHOLE)
        assert len(loans.job_keys(usecases.NOTIFY_CUSTOMER)) == number


def exposure(loans: Loans, loan_id: UUID) -> Decimal:
    with db.transaction(loans.engine) as tx:
        amount, currency_code = usecases.get_exposure(tx, loan_id)
    assert currency_code == "USD"
    return amount


def settle(loans: Loans, work: Callable[[Connection, UUID], object], amount: str) -> Decimal:
    """What a customer of one open loan of 100 owes or has applied for, once another loan of theirs was worked on."""
    phone = "+14155550123"
    first, other = loans.submit("100", amount, customer_phone=phone)
    loans.submit("77", customer_phone="+14155550199")
    with db.transaction(loans.engine) as tx:
        work(tx, other.loan_id)
    return exposure(loans, first.loan_id)


def nothing(_tx: Connection, _loan_id: UUID) -> None:
    """The loan waits for its assessment."""


def start(tx: Connection, loan_id: UUID) -> None:
    usecases.start_assessments(tx, [loan_id])


def assess(tx: Connection, loan_id: UUID) -> None:
    start(tx, loan_id)
    usecases.decide_loans(tx, [loan_id], POLICY)


@pytest.mark.parametrize(
    ("work", "amount", "expected"),
    [
        (nothing, "20000.25", "20100.25"),
        (start, "20000.25", "20100.25"),
        (assess, "20000.25", "20100.25"),
        (assess, "500.25", "600.25"),
        (assess, "600000", "100.00"),
        (usecases.withdraw_loan, "20000.25", "100.00"),
    ],
    ids=["applied", "processing", "under review", "approved", "rejected", "withdrawn"],
)
def test_what_a_customer_owes_is_what_was_approved_and_what_is_undecided(
    loans: Loans, work: Callable[[Connection, UUID], object], amount: str, expected: str
) -> None:
    assert str(settle(loans, work, amount)) == expected


def test_a_customer_with_nothing_left_owes_nothing(loans: Loans) -> None:
    (loan,) = loans.submit("100")
    with db.transaction(loans.engine) as tx:
        usecases.withdraw_loan(tx, loan.loan_id)
    assert str(exposure(loans, loan.loan_id)) == "0.00"


def test_the_exposures_of_many_customers_are_one_statement(loans: Loans) -> None:
    phones = [f"+1415555{number:04}" for number in range(30)]
    loans.submit_all([application("100", customer_phone=phone) for phone in phones for _ in range(2)])
    with db.transaction(loans.engine) as tx:
        assert store.get_exposures(tx, [*phones, "+14155559999", phones[0]]) == {
            **dict.fromkeys(phones, Decimal(200)), "+14155559999": Decimal(0)
        }  # fmt: skip
        assert store.get_exposures(tx, []) == {}


def test_an_unknown_loans_customer_is_unknown(loans: Loans) -> None:
    with pytest.raises(LoanNotFound):
        exposure(loans, uuid4())


def test_a_loan_that_is_approved_at_this_moment_is_counted_once(loans: Loans) -> None:
    """However often somebody looks while loans go from undecided to approved, the sum stays."""
    phone = "+14155550123"
    submitted = loans.submit(*["100"] * 40, customer_phone=phone)
    done = threading.Event()
    seen: set[Decimal] = set()

    def look() -> None:
        while not done.is_set():
            seen.add(exposure(loans, submitted[0].loan_id))

    def approve() -> None:
        for loan in submitted:
            with db.transaction(loans.engine) as tx:
                assess(tx, loan.loan_id)
        done.set()

    at_once(look, approve)
    assert seen <= {Decimal(4000)}
    assert exposure(loans, submitted[0].loan_id) == 4000


def test_people_are_told_what_the_customer_owes_when_they_are_asked(loans: Loans, outside: Outside) -> None:
    phone = "+14155550123"
    approved, referred = loans.submit("500", "20000", customer_phone=phone)
    (other,) = loans.submit("30000")
    with working(loans.engine, outside):
        wait_for_no_jobs(loans)
    assert loans.get(approved.loan_id).status is Status.APPROVED_BY_SYSTEM
    assert outside.exposures == {referred.loan_id: Decimal(20500), other.loan_id: Decimal(30000)}
