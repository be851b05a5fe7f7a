"""The other services are away for long: what they are to be told waits in line, and nothing is given up."""

import secrets
from collections.abc import Iterator

import pytest

from deploy import postgres
from deploy.processes import wait_until
from tests.system.client import Client
from tests.system.conftest import RunningSystem, run_system

PATIENCE_S = 120
TRIED_IN_VAIN = 4  # how often each kind of job is tried before the outage ends
SMALL, MIDDLE = 40, 20

TRIED = "SELECT kind FROM loan.jobs GROUP BY kind HAVING sum(attempt) >= {} AND kind <> min(key)"
WAITING = """
SELECT kind, count(*), bool_and(state <> 'PARKED'), bool_and(excused >= attempt - 1) FROM loan.jobs
WHERE kind <> key GROUP BY kind ORDER BY kind
"""
TOLD = "FROM (SELECT loan_id, created_at AS served_at FROM notification.notifications WHERE channel = 'SMS') AS told"
OPENED = "FROM (SELECT loan_id, opened_at AS served_at FROM review.reviews) AS opened"
LINE = "SELECT args->>'loan_id' FROM loan.jobs WHERE kind = '{}' AND attempt <= 1 ORDER BY run_at, id"


@pytest.fixture
def system(postgres_server: postgres.Server) -> Iterator[RunningSystem]:
    """A system whose loan service tells the others little at a time, so that an order can be seen."""
    settings = {"LOAN_DELIVERY_THREADS": "1", "LOAN_POOL_BATCH": "5"}
    with run_system(postgres_server, f"outage_{secrets.token_hex(4)}", **settings) as started:
        yield started


def upstreams(client: Client) -> dict[str, str]:
    states: dict[str, str] = client.http.get("/health").json()["upstreams"]
    return states


def test_an_outage_costs_time_and_nothing_else(system: RunningSystem) -> None:
    with Client(system.gateway_url) as client:
        system.kill_process("review")
        system.kill_process("notification")
        away = {"los.loan.v1": "SERVING", "los.review.v1": "UNAVAILABLE", "los.notification.v1": "UNAVAILABLE"}
        wait_until(lambda: upstreams(client) == away, "the health page to name who is away", PATIENCE_S)
        loans = [client.submit(amount)["loan_id"] for amount in ["100"] * SMALL + ["20000"] * MIDDLE]
        for loan_id in loans:
            client.wait_for_status(loan_id, "APPROVED_BY_SYSTEM", "UNDER_REVIEW")
        kinds = {("notify_customer",), ("open_review",)}
        tried = TRIED.format(TRIED_IN_VAIN)
        wait_until(lambda: set(system.rows(tried)) == kinds, "calls in vain", PATIENCE_S)
        # Attempts in vain are excused: only the one that is perhaps under way is not, not yet.
        assert system.rows(WAITING) == [("notify_customer", SMALL, True, True), ("open_review", MIDDLE, True, True)]
        told_late = served_late(system, "notification", "notify_customer", TOLD, SMALL)
        opened_late = served_late(system, "review", "open_review", OPENED, MIDDLE)
        system.wait_until_serving()
        assert client.http.get("/health").status_code == 200
    # One that is being tried when the line is last looked at may lose its place, and one more just after.
    assert len(told_late) <= 2
    assert len(opened_late) <= 2


def served_late(system: RunningSystem, service: str, kind: str, place: str, everybody: int) -> list[str]:
    """Let a service come back; answer who is overtaken by others behind them, of those who were not tried in vain."""
    line: list[str] = []
    system.processes[service].start()

    def begun() -> bool:
        nonlocal line
        seen = [row[0] for row in system.rows(LINE.format(kind))]
        if system.rows(f"SELECT count(*) {place}") != [(0,)]:
            return True
        line = seen
        return False

    wait_until(begun, f"{kind} to begin", PATIENCE_S)
    wait_until(lambda: system.rows(f"SELECT count(*) {place}") == [(everybody,)], f"all of {kind}", PATIENCE_S)
    served = dict(system.rows(f"SELECT loan_id::text, served_at {place}"))
    assert len(line) > 10
    times = [served[loan_id] for loan_id in line]
    return [loan_id for number, loan_id in enumerate(line) if times[number] > min(times[number:])]
