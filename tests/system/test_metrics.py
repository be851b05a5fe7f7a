"""What all four processes tell Prometheus, beside what their users see."""

from collections.abc import Iterator
from functools import partial

import httpx
import pytest
from sqlalchemy import text

from chassis import db
from deploy import system
from deploy.processes import ROOT, wait_until
from tests.scraping import Growth, Scraped, scrape
from tests.system.client import Client
from tests.system.conftest import RunningSystem

SUBMIT = {"grpc_service": "los.loan.v1.LoanService", "grpc_method": "SubmitLoan"}
OPEN_REVIEWS = text("""
SELECT CASE WHEN assigned_agent_id IS NULL THEN 'unassigned' ELSE 'assigned' END AS assignment, count(*) AS number
FROM reviews WHERE state = 'OPEN' GROUP BY 1
""")
OPEN = {"grpc_service": "los.review.v1.ReviewInternalService", "grpc_method": "OpenReview"}


def told_by(running: RunningSystem, process: str) -> Scraped:
    """What a process tells."""
    address = running.environment[system.listen_setting(system.METRICS[process])]
    return scrape(f"http://{address}/metrics")


def grown_of(running: RunningSystem, process: str) -> Growth:
    """By how much a process's samples grow from now on."""
    return Growth(lambda: told_by(running, process))


@pytest.fixture
def client(running_system: RunningSystem) -> Iterator[Client]:
    with Client(running_system.gateway_url) as client:
        yield client


@pytest.mark.parametrize("process", system.PACKAGES)
def test_every_process_tells_what_it_does_and_reads_its_own_tables(running_system: RunningSystem, process: str) -> None:
    told = told_by(running_system, process)
    assert told.value("process_resident_memory_bytes") > 1_000_000
    if process != "gateway":
        assert told.value("database_up") == 1
        assert told.has("jobs")
        assert told.has("pool_threads")


def test_a_submitted_loan_is_seen_on_its_way_through_all_four(running_system: RunningSystem, client: Client) -> None:
    gateway, loan, review, notification = (grown_of(running_system, each) for each in ("gateway", *system.SERVICES))
    approved, referred = client.submit("100"), client.submit("50000")
    request = {"method": "POST", "path": "/api/v1/loans"}
    wait_until(lambda: gateway("http_requests_total", **request, status="201") == 2, "the requests to be counted", 60)
    assert gateway("http_request_duration_seconds_count", **request) == 2
    assert loan("grpc_server_handled_total", **SUBMIT, grpc_code="OK") == 2
    assert loan("grpc_server_handling_seconds_count", **SUBMIT) == 2
    client.wait_for_messages(approved["loan_id"], {("SMS", approved["customer_phone"], "LOAN_APPROVED"): 1})
    client.wait_for_status(referred["loan_id"], "UNDER_REVIEW")
    # Loans of other tests may still be on their way: what is counted for these two is the least.
    for process, kind, least in [(loan, "decide_loan", 2), (loan, "open_review", 1), (notification, "deliver_sms", 1)]:
        ended = partial(process, "jobs_ended_total", kind=kind, outcome="done")
        wait_until(lambda ended=ended, least=least: ended() >= least, f"{kind} to be counted", 60)  # type: ignore[misc]  # bound now
    assert review("grpc_server_handled_total", **OPEN, grpc_code="OK") >= 1


def test_what_is_open_is_what_the_rows_say(running_system: RunningSystem, client: Client) -> None:
    loan = client.submit("50000")
    client.wait_for_status(loan["loan_id"], "UNDER_REVIEW")
    engine = db.engine(running_system.database_urls["review"], schema="review", name="test", pool_size=1)

    def equal() -> bool:
        told = told_by(running_system, "review").by("reviews_open", "assignment")
        with db.transaction(engine) as tx:
            rows = {row.assignment: row.number for row in tx.execute(OPEN_REVIEWS)}
        return sum(told.values()) > 0 and told == {"assigned": 0, "unassigned": 0} | rows

    wait_until(equal, "the figures to be those of the rows", 60)
    engine.dispose()


def test_no_series_is_named_by_what_a_caller_sent(running_system: RunningSystem, client: Client) -> None:
    loan = client.submit("100")
    client.http.get(f"/api/v1/loans/{loan['loan_id']}")
    client.http.get("/made/up")
    address = running_system.environment[system.listen_setting(system.METRICS["gateway"])]
    told = httpx.get(f"http://{address}/metrics").text
    assert loan["loan_id"] not in told
    assert "/made/up" not in told


def test_every_metric_is_explained_to_operators(running_system: RunningSystem, client: Client) -> None:
    client.submit("100")
    explained = (ROOT / "docs" / "operations.md").read_text()
    for process in system.PACKAGES:
        for family in told_by(running_system, process).families:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert f"`{name}" in explained, name
