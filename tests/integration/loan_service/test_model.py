"""Random stories on the real store against a model of it: late, repeated and zombie finishes included.

Claims are never consumed: whoever held a job once may come back with it at any time. The machine moves the clock by
moving what is measured against it: leases and due times.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Engine, text

from chassis import db, jobs
from chassis.errors import ServiceError
from chassis.jobs import Failure, Job
from loan_service import store, usecases
from loan_service.domain import (
    EventKind,
    Loan,
    LoanAlreadyFinal,
    LoanNotUnderReview,
    ReviewDecision,
    ReviewStep,
    Status,
    Submission,
)
from loan_service.store import keys
from tests.integration.loan_service.loans import POLICY, Loans, application, check, step

KIND = usecases.DECIDE_LOAN
LEASE_S = 3600.0

REVIEW = (
    step(1, assigned_agent_id=1),
    step(2, EventKind.RECOMMENDED, actor="agent:1"),
    step(3, assigned_agent_id=2),
    step(5, EventKind.ESCALATED, assigned_agent_id=3),
    step(6, EventKind.UNASSIGNED),
    step(7, EventKind.COVERED, assigned_agent_id=4),
)
"""The steps of every review here; one number is left out."""

STEPS = {made.kind for made in REVIEW}

Claims: TypeAlias = "MultipleResults[Claim]"


@dataclass
class Expected:
    """What must be true of one loan."""

    amount: str
    status: Status = Status.APPLIED
    owner: tuple[str, int] | None = None
    attempt: int = 0
    due: bool = True
    has_job: bool = True
    step_number: int = 0
    agent_id: int | None = None
    decided_by: ReviewDecision | None = None

    def see(self, steps: Sequence[ReviewStep]) -> None:
        """Steps of the review arrive."""
        for seen in steps if self.status is Status.UNDER_REVIEW else ():
            if seen.number > self.step_number:
                self.step_number = seen.number
                if seen.kind.assigns or seen.kind is EventKind.UNASSIGNED:
                    self.agent_id = seen.assigned_agent_id


@dataclass
class Model:
    """What must be true of all of them."""

    loans: dict[UUID, Expected] = field(default_factory=dict)
    keys: dict[str, tuple[str, UUID]] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """What a worker once held."""

    worker: str
    job: Job

    @property
    def loan_id(self) -> UUID:
        return UUID(self.job.args["loan_id"])


class Stories(RuleBasedStateMachine):
    """Everything that can happen to loans, in any order."""

    engine: Engine
    restore: Callable[[str], None]

    claims: Bundle[Claim] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        type(self).restore("loan")
        self.model = Model()

    @initialize()
    def begin(self) -> None:
        self.submit("20000", "")
        self.submit("100", "k1")

    @rule(amount=st.sampled_from(["100", "20000", "600000"]), key=st.sampled_from(["", "k1"]))
    def submit(self, amount: str, key: str) -> None:
        with db.transaction(self.engine) as tx:
            (outcome,) = usecases.submit_loans(
                tx, [application(amount, idempotency_key=key, customer_phone="+14155550123")]
            )
        before = self.model.keys.get(key)
        if before is not None:
            assert isinstance(outcome, ServiceError) == (before[0] != amount)
            assert isinstance(outcome, ServiceError) or outcome.loan.loan_id == before[1], "one key gave two loans"
            return
        assert isinstance(outcome, Submission)
        self.model.loans[outcome.loan.loan_id] = Expected(amount)
        if key:
            self.model.keys[key] = (amount, outcome.loan.loan_id)

    @rule(target=claims, worker=st.sampled_from("ab"), most=st.integers(1, 3))
    def claim(self, worker: str, most: int) -> Claims:
        with db.transaction(self.engine) as tx:
            claimed = jobs.claim(tx, {KIND: most}, most, worker, LEASE_S)
            started = usecases.start_assessments(tx, [UUID(job.args["loan_id"]) for job in claimed])
        due = [e for e in self.model.loans.values() if e.has_job and e.owner is None and e.due]
        assert len(claimed) == min(most, len(due))
        return self._claimed(worker, claimed, started)

    @rule(target=claims, worker=st.sampled_from("ab"))
    def take_over(self, worker: str) -> Claims:
        """All leases end, and somebody takes over what their owners held."""
        self._execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE state = 'LEASED'")
        with db.transaction(self.engine) as tx:
            claimed = jobs.claim_stale(tx, [KIND], 10, worker, LEASE_S)
            started = usecases.start_assessments(tx, [UUID(job.args["loan_id"]) for job in claimed])
        assert len(claimed) == sum(expected.owner is not None for expected in self.model.loans.values())
        return self._claimed(worker, claimed, started)

    def _claimed(self, worker: str, claimed: list[Job], started: dict[UUID, Loan]) -> Claims:
        for job in claimed:
            expected = self.model.loans[UUID(job.args["loan_id"])]
            expected.attempt += 1
            assert job.attempt == expected.attempt
            expected.owner = (worker, job.attempt)
            assert (UUID(job.args["loan_id"]) in started) == (not expected.status.is_final)
            if not expected.status.is_final:
                expected.status = Status.PROCESSING
        return multiple(*(Claim(worker, job) for job in claimed))

    @rule()
    def waits_end(self) -> None:
        self._execute("UPDATE jobs SET run_at = now() - interval '1 second' WHERE state = 'READY'")
        for expected in self.model.loans.values():
            expected.due = True

    @rule(claim=claims)
    def finish(self, claim: Claim) -> None:
        """The worker comes back with an outcome, however late."""

        def decide(tx: Connection) -> bool:
            mine = bool(jobs.finish(tx, [claim.job], claim.worker))
            if mine:
                usecases.decide_loans(tx, [claim.loan_id], POLICY)
            return mine

        expected = self._settle(claim, decide)
        if expected is not None:
            expected.has_job = False
            if expected.status is Status.PROCESSING:
                expected.status = POLICY.decide(application(expected.amount).loan_amount)[0]

    @rule(claim=claims, delay_s=st.none() | st.just(3600.0))
    def fail(self, claim: Claim, delay_s: float | None) -> None:
        """The worker comes back without an outcome."""

        def give_back(tx: Connection) -> bool:
            mine = bool(jobs.retry(tx, [Failure(claim.job, "failed", delay_s=delay_s)], claim.worker))
            if mine:
                usecases.interrupt_assessments(tx, [claim.loan_id])
            return mine

        expected = self._settle(claim, give_back)
        if expected is not None:
            expected.due = delay_s is None
            if expected.status is Status.PROCESSING:
                expected.status = Status.APPLIED

    @rule(claim=claims)
    def give_up(self, claim: Claim) -> None:
        """The worker comes back from the last attempt."""

        def refer(tx: Connection) -> bool:
            mine = bool(jobs.finish(tx, [claim.job], claim.worker))
            if mine:
                usecases.refer_unassessed(tx, [claim.loan_id])
            return mine

        expected = self._settle(claim, refer)
        if expected is not None:
            expected.has_job = False
            if expected.status is Status.PROCESSING:
                expected.status = Status.UNDER_REVIEW

    def _settle(self, claim: Claim, work: Callable[[Connection], bool]) -> Expected | None:
        """End a claim; only the latest owner's end may have an effect, and it ends the claim for all."""
        expected = self.model.loans[claim.loan_id]
        is_owner = expected.has_job and expected.owner == (claim.worker, claim.job.attempt)
        with db.transaction(self.engine) as tx:
            had_effect = work(
                tx
            )  # one that it must not have is rolled back: what is checked at the end is not to blame
            assert had_effect == is_owner, "a superseded owner had an effect" if had_effect else "the owner had none"
        if not is_owner:
            return None
        expected.owner = None
        return expected

    @rule(number=st.integers(0, 50))
    def withdraw(self, number: int) -> None:
        if (found := self._any(number)) is None:
            return
        loan_id, expected = found
        is_final = expected.status.is_final and expected.status is not Status.WITHDRAWN
        try:
            with db.transaction(self.engine) as tx:
                usecases.withdraw_loan(tx, loan_id)
        except LoanAlreadyFinal:
            assert is_final
        else:
            assert not is_final
            expected.status = Status.WITHDRAWN

    @rule(number=st.integers(0, 50), agent_id=st.integers(1, 2), approved=st.booleans(), count=st.integers(0, 4))
    def decide(self, number: int, agent_id: int, approved: bool, count: int) -> None:
        """The review ends; its last steps may come with the decision only."""
        if (found := self._any(number)) is None:
            return
        loan_id, expected = found
        decision, steps = ReviewDecision(agent_id, approved), REVIEW[:count]
        is_repeated = expected.decided_by == decision
        try:
            with db.transaction(self.engine) as tx:
                usecases.record_review_decision(tx, loan_id, decision, steps)
        except LoanNotUnderReview:
            assert expected.status is not Status.UNDER_REVIEW
            assert not is_repeated
        else:
            assert is_repeated or expected.status is Status.UNDER_REVIEW
            expected.see(steps)
            expected.status, expected.decided_by = decision.outcome, decision

    @rule(number=st.integers(0, 50), counts=st.lists(st.integers(1, len(REVIEW)), min_size=1, max_size=3))
    def review(self, number: int, counts: list[int]) -> None:
        """Steps of the review arrive: all so far, once more, late, or several times in one call."""
        if (found := self._any(number)) is None:
            return
        loan_id, expected = found
        with db.transaction(self.engine) as tx:
            of_loan = [(loan_id, REVIEW[:count]) for count in counts]
            assert usecases.record_review_steps(tx, of_loan) == [None] * len(counts)
        for count in counts:
            expected.see(REVIEW[:count])

    @invariant()
    def the_loans_are_what_the_model_says(self) -> None:
        rows = self._execute("SELECT loan_id, status, review_step_number, assigned_agent_id FROM loans")
        assert {row[0]: row[1:] for row in rows} == {
            loan_id: (expected.status, expected.step_number, expected.agent_id)
            for loan_id, expected in self.model.loans.items()
        }

    def teardown(self) -> None:
        """Histories, counters and totals fit; everybody is told once of every final state."""
        check(Loans(self.engine))
        for loan_id, expected in self.model.loans.items():
            steps = [event for event in Loans(self.engine).history(loan_id) if event.kind in STEPS]
            assert [event.occurred_at for event in steps] == [
                made.occurred_at for made in REVIEW if made.number <= expected.step_number
            ], "a step is missing, or is there twice"
        told = self._execute("SELECT key FROM jobs WHERE kind = :kind", kind=usecases.NOTIFY_CUSTOMER)
        final = {loan_id for loan_id, expected in self.model.loans.items() if expected.status.is_final}
        assert sorted(row[0] for row in told) == sorted(f"{usecases.NOTIFY_CUSTOMER}:{loan_id}" for loan_id in final)

    def _any(self, number: int) -> tuple[UUID, Expected] | None:
        """One of the loans, if there are any."""
        loans = list(self.model.loans.items())
        return loans[number % len(loans)] if loans else None

    def _execute(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        with db.transaction(self.engine) as tx:
            result = tx.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []


@pytest.fixture
def stories(loan_database: Engine, restore: Callable[[str], None]) -> Iterator[type[Stories]]:
    yield type("Told", (Stories,), {"engine": loan_database, "restore": staticmethod(restore)})
    restore("loan")


def tell(stories: type[Stories], examples: int) -> None:
    limits = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(stories, settings=limits)


def test_whatever_happens_the_store_does_what_the_model_says(stories: type[Stories]) -> None:
    tell(stories, 60)


@contextmanager
def patched(monkeypatch: pytest.MonkeyPatch, module: object, name: str, statement: str) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(module, name, text(statement))
        yield


def test_the_model_finds_a_store_without_fence(stories: type[Stories], monkeypatch: pytest.MonkeyPatch) -> None:
    unfenced = "DELETE FROM jobs WHERE id = ANY (CAST(:ids AS bigint[])) RETURNING id"
    with patched(monkeypatch, jobs, "FINISH", unfenced), pytest.raises(AssertionError, match="superseded owner"):
        tell(stories, 500)


def test_the_model_finds_a_fence_that_looks_at_the_state_only(
    stories: type[Stories], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_state = "DELETE FROM jobs WHERE id = ANY (CAST(:ids AS bigint[])) AND state = 'LEASED' RETURNING id"
    with patched(monkeypatch, jobs, "FINISH", by_state), pytest.raises(AssertionError, match="superseded owner"):
        tell(stories, 500)


def test_the_model_finds_keys_that_are_not_unique(stories: type[Stories], monkeypatch: pytest.MonkeyPatch) -> None:
    every_key_is_free = "SELECT key FROM unnest(CAST(:keys AS text[])) AS new (key)"
    with (
        patched(monkeypatch, keys, "INSERT_IDEMPOTENCY_KEYS", every_key_is_free),
        pytest.raises(AssertionError),
    ):
        tell(stories, 500)


def test_the_store_used_here_is_the_real_one() -> None:
    assert "jobs.attempt = held.attempt" in jobs.FINISH.text
    assert "ON CONFLICT (key) DO NOTHING" in keys.INSERT_IDEMPOTENCY_KEYS.text
    assert store.insert_idempotency_keys is keys.insert_idempotency_keys
