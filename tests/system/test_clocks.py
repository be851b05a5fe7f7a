"""Processes whose clocks are hours off: only the database's clock counts, so nothing changes."""

import json
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from deploy import postgres
from deploy.processes import Process, wait_until
from tests.system.client import FINAL, Client
from tests.system.conftest import RunningSystem, run_system

HOURS = {"loan": 6, "review": -6, "notification": 6}
HOUR_S = 3600
MISTAKEN = Path(__file__).parent / "mistaken"
SETTINGS = {
    "LOG_FORMAT": "json",
    **{f"{service}_LEASE_S": "2" for service in ("LOAN", "REVIEW", "NOTIFICATION")},
    "LOAN_ASSESSMENT_DELAY_MIN_S": "0.5",
    "LOAN_ASSESSMENT_DELAY_MAX_S": "1",
    "LOAN_EXPIRE_AFTER_S": str(HOUR_S),
    "LOAN_KEEP_IDEMPOTENCY_KEYS_S": str(HOUR_S),
}


def clock_ahead(hours: int) -> dict[str, str]:
    """The environment of a process that is mistaken about the time of day."""
    return {"PYTHONPATH": str(MISTAKEN), "CLOCK_AHEAD_S": str(hours * HOUR_S)}


@pytest.fixture(scope="module")
def system(postgres_server: postgres.Server) -> Iterator[RunningSystem]:
    """A system in which every service has another time of day."""
    with run_system(postgres_server, "clocks", **SETTINGS) as started:
        for name, hours in HOURS.items():
            mistaken = clock_ahead(hours)
            started.environment.update(mistaken)
            started.restart_process(name)
            for setting in mistaken:
                del started.environment[setting]
        started.wait_until_serving()
        yield started


@pytest.fixture
def honest_worker(system: RunningSystem, tmp_path: Path) -> Iterator[Process]:
    """A second process that decides loans, whose clock is right."""
    settings = {"LOAN_LISTEN": "127.0.0.1:0", "LOAN_METRICS_LISTEN": ""}
    command = [sys.executable, "-m", "loan_service", "work"]
    worker = Process(command, tmp_path / "worker.log", environment={**system.environment, **settings})
    worker.start()
    wait_until(lambda: "serving" in worker.log.read_text(), "the worker to work", 60, [worker])
    yield worker
    worker.stop()


def test_leases_delays_and_expiry_do_not_care_about_the_clocks_of_processes(
    system: RunningSystem, honest_worker: Process
) -> None:
    for name, hours in HOURS.items():
        last = datetime.fromisoformat(json.loads(system.processes[name].log.read_text().splitlines()[-1])["timestamp"])
        assert last.timestamp() - time.time() == pytest.approx(hours * HOUR_S, abs=600)
    with Client(system.gateway_url) as client:
        reviewed = client.submit("20000")["loan_id"]
        small = [client.submit("100")["loan_id"] for _ in range(30)]
        honest_worker.kill()  # some of them are in its hands, and are taken over when its leases end: not before
        agent_id = client.wait_for_assignment(reviewed)
        for loan_id in small:
            client.wait_for_status(loan_id, "APPROVED_BY_SYSTEM")
        system.rows("UPDATE loan.jobs SET run_at = now() WHERE key = 'expire_loans' AND state = 'READY'")
        due = "SELECT count(*) FROM loan.jobs WHERE key = 'expire_loans' AND run_at > now()"
        wait_until(lambda: system.rows(due) == [(1,)], "expired loans to be looked for", 60)
        assert client.loan(reviewed)["application_status"] == "UNDER_REVIEW"
        decided = client.decide(agent_id, reviewed, "REJECT", reason_codes=["INCOME_INSUFFICIENT"])
        assert decided["application_status"] in FINAL
        for loan_id in (reviewed, *small):
            events = client.ok("GET", f"/api/v1/loans/{loan_id}/events")["events"]
            times = [datetime.fromisoformat(event["occurred_at"]).timestamp() for event in events]
            assert times == sorted(times)
            assert time.time() - times[0] < 300
            assert abs(time.time() - times[-1]) < 300


def test_nobody_takes_over_what_a_live_process_with_another_time_holds(
    system: RunningSystem, honest_worker: Process
) -> None:
    with Client(system.gateway_url) as client:
        loans = [client.submit("100")["loan_id"] for _ in range(40)]
        for loan_id in loans:
            client.wait_for_status(loan_id, "APPROVED_BY_SYSTEM")
        kinds = [kind for loan_id in loans for kind in client.kinds(loan_id)]
    assert "ASSESSMENT_INTERRUPTED" not in kinds
    assert honest_worker.exit_code is None
