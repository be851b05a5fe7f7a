"""A system that is used while something is wrong: customers and agents on and on, and one who looks closely."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import psycopg2
from psycopg2 import extensions

from deploy import postgres
from deploy.processes import wait_until
from tests.system.chaos import checker
from tests.system.chaos.checker import Answers
from tests.system.chaos.workload import Workload
from tests.system.client import FINAL, Json, new_phone
from tests.system.conftest import RunningSystem, run_system

SEED = 4
PATIENCE_S = 60
LEASES = {f"{service}_LEASE_S": "2" for service in ("LOAN", "REVIEW", "NOTIFICATION")}
BUSY, AWAY, TOO_LATE = {409, 429}, {503}, {504}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request was answered, and how long it took."""

    status: int
    took_s: float
    headers: httpx.Headers
    body: Json


@dataclass(slots=True)
class Applicant:
    """Somebody who asks for one loan, with one key however often it is tried."""

    amount: str = "100"
    phone: str = field(default_factory=new_phone)
    key: str = field(default_factory=lambda: str(uuid4()))


class Siege:
    """The system, its load, and ways to ask it.

    Args:
        system: Serving.
        answers: Where what is asked and answered is kept for the checker.
    """

    def __init__(self, system: RunningSystem, answers: Answers) -> None:
        self.system = system
        self._answers = answers
        lonely = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # threads share no connection
        self._http = httpx.Client(base_url=system.gateway_url, timeout=PATIENCE_S, limits=lonely)

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, **rest: Any) -> Answer:
        """Send one request, once."""
        started = time.monotonic()
        answer = self._http.request(method, path, **rest)
        return Answer(answer.status_code, time.monotonic() - started, answer.headers, answer.json())

    def submit(self, who: Applicant) -> Answer:
        """Submit a loan, once."""
        self._answers.asked[who.phone] = Decimal(who.amount)
        form = {"customer_name": "Ada", "customer_phone": who.phone, "loan_amount": who.amount, "loan_type": "AUTO"}
        answer = self.ask("POST", "/api/v1/loans", json=form, headers={"Idempotency-Key": who.key})
        if answer.status == 201:
            self._answers.accepted[who.phone] = answer.body["loan_id"]
        return answer

    def submit_at_once(self, applicants: list[Applicant]) -> list[Answer]:
        """Submit many loans at the same time, each once."""
        with ThreadPoolExecutor(len(applicants)) as threads:
            return list(threads.map(self.submit, applicants))

    def serves_again(self, *applicants: Applicant) -> None:
        """Everybody who repeats is served, health is well, and a new loan is decided."""
        for who in (*applicants, Applicant()):
            wait_until(lambda who=who: self.submit(who).status == 201, "a repeated submit to be accepted", PATIENCE_S)  # type: ignore[misc]  # bound now
        wait_until(lambda: self.health().status == 200, "the health page to be well", PATIENCE_S)
        last = self.submit(Applicant()).body["loan_id"]
        wait_until(lambda: self.status_of(last) in FINAL, "a loan to be decided", PATIENCE_S)

    def health(self) -> Answer:
        return self.ask("GET", "/health")

    def status_of(self, loan_id: str) -> str:
        """A loan's status; empty if nobody answers just now."""
        found: str = self.ask("GET", f"/api/v1/loans/{loan_id}").body.get("application_status", "")
        return found

    def reviewed_loan(self) -> tuple[str, int]:
        """A loan that waits for a decision, and the agent who has it."""
        loan_id = self.submit(Applicant("20000")).body["loan_id"]
        found: list[int] = []

        def is_assigned() -> bool:
            found[:] = [self.ask("GET", f"/api/v1/loans/{loan_id}").body.get("assigned_agent_id", 0)]
            return found[0] > 0

        wait_until(is_assigned, "a review to be assigned", PATIENCE_S)
        return loan_id, found[0]

    def decide(self, loan_id: str, agent_id: int) -> Answer:
        path = f"/api/v1/agents/{agent_id}/loans/{loan_id}/decision"
        return self.ask("PUT", path, json={"decision": "REJECT", "reason_codes": ["INCOME_INSUFFICIENT"]})

    @contextmanager
    def as_owner(self, database: str | None = None) -> Iterator[extensions.cursor]:
        """A cursor of the login that owns everything, which commits every statement."""
        url = self.system.owner_url if database is None else self.system.postgres.url(database)
        connection = psycopg2.connect(url, application_name="siege")
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()


@contextmanager
def under_siege(server: postgres.Server, database: str, **settings: str) -> Iterator[Siege]:
    """A system under load; at the end everything that was asked is answered, and every promise was kept."""
    with run_system(server, database, **LEASES, **settings) as system:
        workload = Workload(system.gateway_url, SEED)
        besieged = Siege(system, workload.answers)
        try:
            with workload:
                yield besieged
                workload.finish(PATIENCE_S)
        finally:
            besieged.close()
        assert workload.never_known == []
        assert [outcome for outcome in workload.outcomes if outcome[1].startswith("unknown: 500")] == []
        found = checker.find(system.owner_url, [system.processes["notification"].log], workload.answers)
        assert found.violations == []
        assert found.parked == []
