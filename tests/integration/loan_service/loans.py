"""A loan service around a real database, as tests speak of it, with stand-ins for the outside."""

import itertools
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, text
from uuid_utils.compat import uuid7

from chassis import db
from chassis.errors import ServiceError
from chassis.pool import Pool
from deploy.processes import wait_until
from loan_service import audit, store, usecases, worker
from loan_service.clients import Verdicts
from loan_service.domain import (
    NEXT,
    Application,
    CreditPolicy,
    Event,
    EventKind,
    Loan,
    LoanType,
    Referral,
    ReviewStep,
    Status,
)

POLICY = CreditPolicy()


def application(amount: str = "5000.50", **fields: object) -> Application:
    """An application, with a customer of its own unless one is given."""
    standard: dict[str, object] = {
        "loan_id": UUID(int=uuid7().int),
        "customer_name": "Ada Lovelace",
        "customer_phone": f"+1415555{uuid4().int % 10_000:04}",
        "loan_amount": Decimal(amount).quantize(Decimal("0.01")),
        "currency_code": "USD",
        "loan_type": LoanType.HOME,
        "salt": secrets.token_bytes(16),
    }
    return Application(**{**standard, **fields})  # type: ignore[arg-type]  # whatever the test gives


def step(number: int, kind: EventKind = EventKind.ASSIGNED, **fields: object) -> ReviewStep:
    """A step of a review; one that gives it to somebody gives it to agent 7, unless another is named."""
    standard: dict[str, object] = {
        "occurred_at": datetime(2026, 1, 31, 12, number, tzinfo=UTC),
        "actor": "system",
        "assigned_agent_id": 7 if kind.assigns else None,
    }
    return ReviewStep(number, kind, **{**standard, **fields})  # type: ignore[arg-type]  # whatever the test gives


class Loans:
    """The loan service's database, as tests speak of it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def url(self) -> str:
        """Where the service's own login finds the database."""
        return self.engine.url.render_as_string(hide_password=False)

    def submit(self, *amounts: str, **fields: object) -> list[Loan]:
        return self.submit_all([application(amount, **fields) for amount in amounts])

    def submit_all(self, applications: Sequence[Application]) -> list[Loan]:
        with db.transaction(self.engine) as tx:
            outcomes = usecases.submit_loans(tx, applications)
        return [outcome.loan for outcome in outcomes if not isinstance(outcome, ServiceError)]

    def submit_to_review(self, amount: str = "20000") -> Loan:
        """A loan that waits for a person's decision."""
        (loan,) = self.submit(amount)
        return self.referred(loan)

    def referred(self, loan: Loan) -> Loan:
        """A submitted loan once it was assessed."""
        with db.transaction(self.engine) as tx:
            usecases.start_assessments(tx, [loan.loan_id])
            usecases.decide_loans(tx, [loan.loan_id], POLICY)
        return self.get(loan.loan_id)

    def record_steps(self, loan: Loan, *steps: ReviewStep) -> Loan:
        """Record steps of a loan's review; answer the loan after it."""
        with db.transaction(self.engine) as tx:
            assert usecases.record_review_steps(tx, [(loan.loan_id, steps)]) == [None]
        return self.get(loan.loan_id)

    def get(self, loan_id: UUID) -> Loan:
        with db.transaction(self.engine) as tx:
            return store.get_loan(tx, loan_id)

    def statuses(self) -> dict[UUID, Status]:
        rows = self.rows("SELECT loan_id, status FROM loans ORDER BY loan_id")
        return {loan_id: Status(status) for loan_id, status in rows}

    def kinds(self, loan_id: UUID) -> list[str]:
        """What happened to a loan, in order."""
        return [str(event.kind) for event in self.history(loan_id)]

    def history(self, loan_id: UUID) -> list[Event]:
        with db.transaction(self.engine) as tx:
            return [stored.event for stored in store.get_history(tx, loan_id)]

    def job_keys(self, kind: str) -> list[str]:
        return [key for (key,) in self.rows("SELECT key FROM jobs WHERE kind = :kind ORDER BY key", kind=kind)]

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        with self.engine.begin() as tx:
            return [tuple(row) for row in tx.execute(text(statement), values)]


def check(loans: Loans) -> None:
    """Histories are legal chains that end where the loans are, and counters are what counting gives."""
    history: dict[object, list[tuple[Any, ...]]] = {}
    for row in loans.rows("SELECT loan_id, version, from_status, to_status FROM loan_events ORDER BY loan_id, version"):
        history.setdefault(row[0], []).append(row[1:])
    stored = loans.rows("SELECT loan_id, version, status FROM loans")
    assert {(loan_id, of_loan[-1][0], of_loan[-1][2]) for loan_id, of_loan in history.items()} == set(stored)
    for of_loan in history.values():
        assert [version for version, _, _ in of_loan] == list(range(1, len(of_loan) + 1))
        for (_, _, before), (_, left, after) in itertools.pairwise(of_loan):
            assert left == before
            assert after == before or Status(after) in NEXT[Status(before)]
    counted = loans.rows("SELECT status, count(*) FROM loans GROUP BY status")
    kept = loans.rows("SELECT status, sum(count) FROM status_counts GROUP BY status HAVING sum(count) <> 0")
    assert {(status, int(count)) for status, count in kept} == set(counted)
    approved = loans.rows("""
        SELECT customer_phone, count(*), sum(loan_amount) FROM loans
        WHERE status IN ('APPROVED_BY_SYSTEM', 'APPROVED_BY_AGENT') GROUP BY customer_phone
    """)
    assert audit.verify(loans.engine).broken is None
    totals = loans.rows("SELECT customer_phone, approved_loan_count, total_approved_amount FROM customer_totals")
    assert set(totals) == set(approved)


class Outside:
    """Stands for all that the loan service asks of others, and remembers it.

    Attributes:
        assess: What an assessment does; replace it to make it fail or wait.
        failure: What every call to another service fails with, while it is set.
    """

    def __init__(self) -> None:
        self.assess: Callable[[Loan], None] = lambda _: None
        self.failure: ServiceError | None = None
        self.refused: dict[UUID, ServiceError] = {}
        self.assessed: list[UUID] = []
        self.opened: list[Loan] = []
        self.exposures: dict[UUID, Decimal] = {}
        self.cancelled: list[UUID] = []
        self.told: list[Loan] = []
        self._lock = threading.Lock()

    class _Assessor:
        def __init__(self, outside: "Outside") -> None:
            self._outside = outside

        def assess(self, loan: Loan) -> None:
            with self._outside._lock:
                self._outside.assessed.append(loan.loan_id)
            self._outside.assess(loan)

    def open_reviews(self, referrals: Sequence[Referral]) -> Verdicts:
        with self._lock:
            self.exposures |= {referral.loan.loan_id: referral.customer_exposure for referral in referrals}
        return self._take(self.opened, [(referral.loan.loan_id, referral.loan) for referral in referrals])

    def cancel_reviews(self, loan_ids: Sequence[UUID]) -> Verdicts:
        return self._take(self.cancelled, [(loan_id, loan_id) for loan_id in loan_ids])

    def tell_outcomes(self, loans: Sequence[Loan]) -> Verdicts:
        return self._take(self.told, [(loan.loan_id, loan) for loan in loans])

    def _take(self, into: list, items: Iterable[tuple[UUID, object]]) -> Verdicts:  # type: ignore[type-arg]  # either
        if self.failure is not None:
            raise self.failure
        verdicts: Verdicts = []
        with self._lock:
            for loan_id, item in items:
                verdicts.append(self.refused.get(loan_id))
                if verdicts[-1] is None:
                    into.append(item)
        return verdicts


@contextmanager
def working(
    engine: Engine,
    outside: Outside,
    *,
    attempts_max: int = 3,
    expire_after_s: float = 1e9,
    lease_s: float = 30,
    size: int = 4,
    batch_size: int = 200,
) -> Iterator[Pool]:
    """Both pools of a loan service at work; the one that decides is given."""
    handlers = {
        **worker.delivery(outside, outside),  # type: ignore[arg-type]  # the same methods, nothing behind them
        **worker.housekeeping(expire_after_s, 1e9),
    }
    delivery = Pool(engine, handlers, name="delivery", size=2)
    assessment = Pool(
        engine,
        worker.assessment(Outside._Assessor(outside), POLICY, attempts_max),
        name="assessment",
        size=size,
        batch_size=batch_size,
        lease_s=lease_s,
        after_commit=delivery.wake,
    )
    pools = (assessment, delivery)
    for pool in pools:
        pool.start()
    try:
        yield assessment
    finally:
        for pool in pools:
            pool.stop(grace_s=10)


def wait_for_no_jobs(loans: Loans, *kinds: str) -> None:
    """Wait until nothing is left to do, or nothing of these kinds."""
    waiting = (
        "SELECT count(*) FROM jobs WHERE kind <> ALL (:periodic) AND (cardinality(:kinds) = 0 OR kind = ANY (:kinds))"
    )
    periodic = [worker.EXPIRE_LOANS, worker.PURGE_IDEMPOTENCY_KEYS]
    values = {"periodic": periodic, "kinds": list(kinds)}
    statement = waiting.replace(":kinds", "CAST(:kinds AS text[])")
    wait_until(lambda: loans.rows(statement, **values) == [(0,)], "all jobs to be done", 60)
