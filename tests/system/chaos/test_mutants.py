"""The checker's power: with a protection removed, it must find what this breaks; with it, it must find nothing.

A mutant is a process that changes a statement of its own before it runs the service.
"""

import signal
from pathlib import Path

import pytest

from deploy import ports, postgres
from deploy.processes import wait_until
from tests.system.chaos import checker
from tests.system.chaos.patched import prepared, process
from tests.system.chaos.proxy import Proxy
from tests.system.client import Client
from tests.system.conftest import RunningSystem

PATIENCE_S = 120
STAYS_UNDONE_S = 5  # how long the checker waits for a mutant's loans, which nothing will go on with

WITHOUT_A_FENCE = """
from chassis import jobs
from sqlalchemy import text

fence = "jobs.attempt = held.attempt AND jobs.state = 'LEASED' AND jobs.worker = :worker"
for name in ("FINISH", "LOCK", "EXTEND", "RESCHEDULE", "RETRY", "PARK"):
    statement = getattr(jobs, name).text
    assert fence in statement
    setattr(jobs, name, text(statement.replace(fence, "TRUE")))
"""

WITHOUT_A_UNIQUE_KEY = """
from notification_service import store
from sqlalchemy import text

statement = store.INSERT_NOTIFICATIONS.text
assert "ON CONFLICT (dedupe_key) DO NOTHING" in statement
store.INSERT_NOTIFICATIONS = text(statement.replace("ON CONFLICT (dedupe_key) DO NOTHING", ""))
"""

# Assessments take until a file is there: longer than any lease, and not a moment longer than the test needs.
SLOW = """
import time
from pathlib import Path
from loan_service.clients import SimulatedAssessor

def assess(self, loan):
    while not Path({gate!r}).exists():
        time.sleep(0.02)

SimulatedAssessor.assess = assess
"""


def count(system: RunningSystem, condition: str) -> int:
    return int(system.rows(f"SELECT count(*) FROM {condition}")[0][0])


@pytest.mark.parametrize("mutation", ["", WITHOUT_A_FENCE], ids=["with", "without"])
def test_without_the_fence_a_worker_of_long_ago_takes_loans_from_those_who_work_on_them(
    postgres_server: postgres.Server, tmp_path: Path, mutation: str
) -> None:
    gate = tmp_path / "open"
    settings = {"LOAN_LEASE_S": "1", "LOAN_POOL_SIZE": "4", "LOAN_GRACE_S": "0.5"}
    patches = mutation + SLOW.format(gate=str(gate))
    with prepared(postgres_server, f"fence_{len(mutation)}", **settings) as system:
        late = system.processes["loan"] = process(system, "loan", "loan_service", patches)
        elsewhere = {"LOAN_LISTEN": f"{ports.HOST}:{ports.free_port()}", "LOAN_METRICS_LISTEN": ""}
        other = process(system, "other", "loan_service", patches, **elsewhere)
        try:
            system.start()
            system.wait_until_serving()
            with Client(system.gateway_url) as client:
                for _ in range(4):
                    client.submit("100")
            under_way = "loan.loans WHERE status = 'PROCESSING'"
            wait_until(lambda: count(system, under_way) == 4, "loans under way", PATIENCE_S)
            late.send(signal.SIGSTOP)
            other.start()
            interrupted = "loan.loan_events WHERE kind = 'ASSESSMENT_INTERRUPTED'"
            wait_until(lambda: count(system, interrupted) >= 4, "the loans to be taken over", PATIENCE_S, [other])
            late.ask_to_stop()  # it believes that the loans are still its own, and gives them back
            late.send(signal.SIGCONT)
            assert late.wait(PATIENCE_S) == 0
            gate.touch()
            patience_s = STAYS_UNDONE_S if mutation else PATIENCE_S
            found = checker.find(system.owner_url, [system.processes["notification"].log], patience_s=patience_s)
        finally:
            other.stop()
    stuck = [sentence for sentence in found.violations if "nothing will go on with it" in sentence]
    # One at least: as soon as the first is settled there is room, and the others may be claimed once more.
    assert bool(stuck) == bool(mutation), found.violations
    assert bool(found.violations) == bool(mutation)


@pytest.mark.parametrize("mutation", ["", WITHOUT_A_UNIQUE_KEY], ids=["with", "without"])
def test_without_the_unique_key_a_message_whose_receipt_is_lost_is_sent_twice(
    postgres_server: postgres.Server, mutation: str
) -> None:
    with Proxy() as proxy, prepared(postgres_server, f"unique_{len(mutation)}") as system:
        link = proxy.link("loan->notification", int(system.notification_target.rpartition(":")[2]))
        if mutation:
            system.rows("ALTER TABLE notification.notifications DROP CONSTRAINT notifications_dedupe_key_key")
        to_link = {"LOAN_NOTIFICATION_TARGET": f"{ports.HOST}:{link.port}"}
        system.processes["loan"] = process(system, "loan", "loan_service", "", **to_link)
        system.processes["notification"] = process(system, "notification", "notification_service", mutation)
        system.start()
        system.wait_until_serving()
        with Client(system.gateway_url) as client:
            loan = client.submit("100")
            client.wait_for_messages(loan["loan_id"], {("SMS", loan["customer_phone"], "LOAN_APPROVED"): 1})
            link.drop_replies()
            client.submit("100")
        found = checker.find(system.owner_url, [system.processes["notification"].log])
    doubled = [sentence for sentence in found.violations if sentence.startswith("2 messages have the key sms:")]
    assert len(doubled) == (1 if mutation else 0), found.violations
    assert bool(found.violations) == bool(mutation)
