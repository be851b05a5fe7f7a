"""A process dies at a named point and comes back: every loan has its one outcome, one SMS, and one push for each."""

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy import postgres
from deploy.processes import Process, wait_until
from tests.system.client import FINAL, Client, Json, new_phone
from tests.system.conftest import RunningSystem, run_system

PATIENCE_S = 60
AWAY = {503, 504}
LEASES = {f"{service}_LEASE_S": "1" for service in ("LOAN", "REVIEW", "NOTIFICATION")}
OUTCOMES = {
    "100": ("APPROVED_BY_SYSTEM", "LOAN_APPROVED"),
    "600000": ("REJECTED_BY_SYSTEM", "LOAN_REJECTED"),
    "20000": ("REJECTED_BY_AGENT", "LOAN_REJECTED"),
}

# Whom to kill, and where; chassis/crash.py says what has happened there.
DEATHS = [
    ("loan", "storing_submits"),
    ("loan", "stored_submits"),
    ("loan", "claimed:decide_loan"),
    ("loan", "performed:decide_loan"),
    ("loan", "settling:decide_loan"),
    ("loan", "settled:decide_loan"),
    ("loan", "performed:open_review"),
    ("loan", "performed:notify_customer"),
    ("loan", "settling:notify_customer"),
    ("loan", "storing_decision"),
    ("loan", "stored_decision"),
    ("review", "storing_decision"),
    ("review", "stored_decision"),
    ("review", "performed:record_steps"),
    ("review", "performed:notify_staff"),
    ("review", "performed:record_decision"),
    ("notification", "claimed:deliver_sms"),
    ("notification", "performed:deliver_sms"),
    ("notification", "settling:deliver_push"),
    ("notification", "settled:deliver_sms"),
]


@pytest.fixture(scope="module")
def system(postgres_server: postgres.Server) -> Iterator[RunningSystem]:
    """One system for all deaths; at its end the checker looks at what all of them left."""
    with run_system(postgres_server, "crash_points", **LEASES) as started:
        yield started


class Customer(Client):
    """A client who repeats every request until it is answered, as long as the answer is that something is away."""

    def until_answered(self, method: str, path: str, **rest: Any) -> Json:
        answers: list[Json] = []

        def is_answered() -> bool:
            try:
                answer = self.http.request(method, path, **rest)
            except httpx.TransportError:
                return False
            if not answer.is_success:
                assert answer.status_code in AWAY, answer.text
                return False
            answers.append(answer.json())
            return True

        wait_until(is_answered, f"an answer to {method} {path}", PATIENCE_S)
        return answers[0]

    def look(self, loan_id: str, is_so: Callable[[Json], bool]) -> Json:
        """Wait until a loan is in some way, whatever is away meanwhile."""
        path, seen = f"/api/v1/loans/{loan_id}", list[Json]()

        def is_seen() -> bool:
            seen[:] = [self.until_answered("GET", path)]
            return is_so(seen[0])

        wait_until(is_seen, f"{path} to change", PATIENCE_S)
        return seen[0]


def live_through(url: str, amount: str) -> Json:
    """One loan from its submit to its end, with an agent's decision if it needs one."""
    with Customer(url) as customer:
        form = {"customer_name": "Ada", "customer_phone": new_phone(), "loan_amount": amount, "loan_type": "AUTO"}
        headers = {"Idempotency-Key": str(uuid4())}
        loan_id = customer.until_answered("POST", "/api/v1/loans", json=form, headers=headers)["loan_id"]
        if OUTCOMES[amount][0] == "REJECTED_BY_AGENT":
            agent_id = customer.look(loan_id, lambda loan: "assigned_agent_id" in loan)["assigned_agent_id"]
            path = f"/api/v1/agents/{agent_id}/loans/{loan_id}/decision"
            customer.until_answered("PUT", path, json={"decision": "REJECT", "reason_codes": ["INCOME_INSUFFICIENT"]})
        return customer.look(loan_id, lambda loan: loan["application_status"] in FINAL)


def check(client: Client, loan: Json, amount: str) -> None:
    """One outcome, the right one, and everybody told of it once."""
    loan_id, (status, template) = loan["loan_id"], OUTCOMES[amount]
    assert loan["application_status"] == status
    assert client.kinds(loan_id).count("DECIDED") == 1
    expected = {("SMS", loan["customer_phone"], template): 1}
    if "assigned_agent_id" in loan:
        agent_id = loan["assigned_agent_id"]
        expected[("PUSH", f"agent:{agent_id}", "LOAN_ASSIGNED")] = 1
        if (manager_id := client.manager_of(agent_id)) is not None:
            expected[("PUSH", f"agent:{manager_id}", "LOAN_ASSIGNED_TO_REPORT")] = 1
    client.wait_for_messages(loan_id, expected)
    listed = client.ok("GET", "/api/v1/loans", params={"customer_phone": loan["customer_phone"]})
    assert listed["total_size"] == 1


@pytest.mark.parametrize(("name", "point"), DEATHS)
def test_a_death_at_this_point_loses_nothing_and_doubles_nothing(system: RunningSystem, name: str, point: str) -> None:
    doomed = system.processes[name]
    told = {"CRASH_ALLOWED": "1", "CRASH_AT": point}
    system.environment.update(told)
    doomed.stop()
    try:
        # Not waited until it serves: work that an earlier death left behind can kill it before.
        doomed.start()
    finally:
        for setting in told:
            del system.environment[setting]
    with ThreadPoolExecutor(len(OUTCOMES)) as customers:
        lives = {amount: customers.submit(live_through, system.gateway_url, amount) for amount in OUTCOMES}
        wait_until(lambda: doomed.exit_code is not None, f"{name} to die at {point}", PATIENCE_S)
        assert doomed.exit_code == -signal.SIGKILL
        doomed.start()
        system.wait_until_serving()
        loans = {amount: life.result(PATIENCE_S) for amount, life in lives.items()}
    with Client(system.gateway_url) as client:
        for amount, loan in loans.items():
            check(client, loan, amount)


@pytest.mark.parametrize("package", ["loan_service", "review_service", "notification_service"])
def test_a_process_that_is_no_test_refuses_to_die_on_demand(
    system: RunningSystem, tmp_path: Path, package: str
) -> None:
    nowhere = {name: "" for name in system.environment if name.endswith("_METRICS_LISTEN")}
    environment = {**system.environment, **nowhere, "CRASH_AT": "claimed"}
    process = Process([sys.executable, "-m", package], tmp_path / "refusing.log", environment=environment)
    process.start()
    assert process.wait(grace_s=PATIENCE_S) == 2
    assert "CRASH_AT kills this process: it is for tests" in process.log.read_text()
