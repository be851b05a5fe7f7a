"""Far more than the system takes: refused at once and honestly, what was accepted is kept, and it is over at once."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import httpx

from deploy import postgres
from deploy.processes import wait_until
from tests.system.chaos import checker
from tests.system.chaos.checker import Answers
from tests.system.client import Client
from tests.system.conftest import RunningSystem, run_system
from tests.system.horde import Horde

NARROW = {"GATEWAY_REQUESTS_MAX": "100", "LOAN_SUBMIT_WAITING_MAX": "40", "LOAN_SUBMIT_BATCH": "20"}
PATIENCE_S = 60
LOOK_EVERY_S = 0.2


@contextmanager
def watched_health(url: str) -> Iterator[Counter[int]]:
    """What the health page says while the block lasts, looked at on and on."""
    seen: Counter[int] = Counter()
    enough = threading.Event()

    def look() -> None:
        with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
            while not enough.is_set():
                seen[client.get("/health").status_code] += 1
                enough.wait(LOOK_EVERY_S)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        enough.set()
        watcher.join()


def check_kept(system: RunningSystem, answers: Answers) -> None:
    """What was accepted is there, is done, and nothing else is."""
    found = checker.find(system.owner_url, [system.processes["notification"].log], answers, patience_s=PATIENCE_S)
    assert found.violations == []
    assert found.parked == []


def serves_at_once(system: RunningSystem, answers: Answers) -> None:
    """The very next request is served, and so is one that follows it."""
    with Client(system.gateway_url) as client:
        for _ in range(2):
            loan = client.submit("100")
            answers.asked[loan["customer_phone"]] = Decimal(100)
            answers.accepted[loan["customer_phone"]] = loan["loan_id"]
        client.wait_for_status(loan["loan_id"], "APPROVED_BY_SYSTEM")


def test_more_clients_than_the_system_takes_are_refused_honestly_and_what_was_accepted_is_kept(
    postgres_server: postgres.Server,
) -> None:
    answers = Answers()
    with run_system(postgres_server, "overload", **NARROW) as system:
        horde = Horde(system.gateway_url, answers, heeds=False)
        with watched_health(system.gateway_url) as seen:
            tally = asyncio.run(horde.submit(clients=300, lasts_s=5))
        serves_at_once(system, answers)
        check_kept(system, answers)
    assert tally.dishonest == []
    assert set(tally.statuses) <= {201, 429, 503}
    assert tally.statuses[201] > 100
    assert tally.statuses[429] > 100
    assert set(seen) == {200}  # an overloaded service is not a dead one


def test_a_herd_of_500_that_has_waited_for_an_outage_to_end_is_served(postgres_server: postgres.Server) -> None:
    answers, herd = Answers(), 500
    with run_system(postgres_server, "herd") as system:
        system.kill_process("loan")
        horde = Horde(system.gateway_url, answers, heeds=True)
        served = threading.Thread(target=lambda: asyncio.run(horde.submit(herd, PATIENCE_S, each_once=True)))
        with watched_health(system.gateway_url) as seen:
            served.start()
            wait_until(lambda: horde.tally.statuses[503] >= 2 * herd, "everybody to be refused twice", PATIENCE_S)
            assert seen[200] <= 1  # what was true when it was asked first
            system.processes["loan"].start()
            started = time.monotonic()
            served.join(PATIENCE_S)
            took_s = time.monotonic() - started
        serves_at_once(system, answers)
        check_kept(system, answers)
    assert len(horde.tally.served) == herd
    assert took_s < PATIENCE_S
    assert horde.tally.dishonest == []
    assert set(horde.tally.statuses) <= {201, 429, 503}
