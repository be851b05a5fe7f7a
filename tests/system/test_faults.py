"""Processes that die while loans are under way: nothing is lost, nothing happens twice, nobody is stuck."""

import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from deploy.processes import wait_until
from tests.system.client import FINAL, Client, Json, new_phone
from tests.system.conftest import RunningSystem


@pytest.fixture
def client(slow_system: RunningSystem) -> Iterator[Client]:
    with Client(slow_system.gateway_url) as client:
        yield client


def each_has_its_outcome(client: Client, loans: dict[str, Json]) -> bool:
    statuses = {loan_id: client.loan(loan_id)["application_status"] for loan_id in loans}
    return all(status in FINAL for status in statuses.values())


def check_outcomes(client: Client, loans: dict[str, Json]) -> None:
    """Every loan has the one outcome that its amount asks for, and its customer one SMS."""
    wait_until(lambda: each_has_its_outcome(client, loans), "every loan to be decided", 120)
    for loan_id, loan in loans.items():
        approved = float(loan["loan_amount"]) < 10_000
        assert client.loan(loan_id)["application_status"] == (
            "APPROVED_BY_SYSTEM" if approved else "REJECTED_BY_SYSTEM"
        )
        assert client.kinds(loan_id).count("DECIDED") == 1
        template = "LOAN_APPROVED" if approved else "LOAN_REJECTED"
        client.wait_for_messages(loan_id, {("SMS", loan["customer_phone"], template): 1})


def test_the_loan_service_is_killed_while_it_processes(slow_system: RunningSystem, client: Client) -> None:
    loans = {loan["loan_id"]: loan for loan in (client.submit(amount) for amount in ["100", "600000"] * 8)}
    for _ in range(2):
        wait_until(
            lambda: any(client.loan(loan_id)["application_status"] == "PROCESSING" for loan_id in loans),
            "loans in flight",
            60,
        )
        slow_system.kill_process("loan")
        slow_system.restart_process("loan")
        slow_system.wait_until_serving()
    check_outcomes(client, loans)
    kinds = [kind for loan_id in loans for kind in client.kinds(loan_id)]
    assert "ASSESSMENT_INTERRUPTED" in kinds  # so the deaths did hit loans that were under way


def test_the_loan_service_is_restarted_in_good_order(slow_system: RunningSystem, client: Client) -> None:
    loans = {loan["loan_id"]: loan for loan in (client.submit("100") for _ in range(20))}
    slow_system.restart_process("loan")
    slow_system.wait_until_serving()
    check_outcomes(client, loans)


def test_clients_that_repeat_what_failed_get_every_loan_once(slow_system: RunningSystem, client: Client) -> None:
    """Four clients submit with keys and repeat until they are answered, while the service is killed under them."""
    answered: dict[str, Json] = {}
    stop = threading.Event()

    def submit_on_and_on() -> None:
        with Client(slow_system.gateway_url) as mine:
            while not stop.is_set():
                submit_until_answered(mine)

    def submit_until_answered(mine: Client) -> None:
        form = {"customer_name": "Ada", "customer_phone": new_phone(), "loan_amount": "7", "loan_type": "AUTO"}
        headers = {"Idempotency-Key": str(uuid4())}
        while not stop.is_set():
            answer = mine.http.post("/api/v1/loans", json=form, headers=headers)
            if answer.status_code == 201:
                answered[headers["Idempotency-Key"]] = answer.json()
                return
            assert answer.status_code in {503, 504}, answer.text

    clients = [threading.Thread(target=submit_on_and_on) for _ in range(4)]
    for each in clients:
        each.start()
    for _ in range(3):
        many = len(answered) + 20
        wait_until(lambda many=many: len(answered) > many, "more loans", 60)  # type: ignore[misc]  # bound now
        slow_system.kill_process("loan")
        slow_system.restart_process("loan")
        slow_system.wait_until_serving()
    stop.set()
    for each in clients:
        each.join()
    assert len({loan["loan_id"] for loan in answered.values()}) == len(answered)
    for loan in answered.values():
        assert client.loan(loan["loan_id"])["customer_phone"] == loan["customer_phone"]
        listed = client.ok("GET", "/api/v1/loans", params={"customer_phone": loan["customer_phone"]})
        assert listed["total_size"] == 1


def test_an_outage_of_the_other_services_delays_them_and_loses_nothing(
    slow_system: RunningSystem, client: Client
) -> None:
    slow_system.kill_process("review")
    slow_system.kill_process("notification")
    wait_until(lambda: client.http.get("/health").status_code == 503, "the outage to be noticed", 60)
    small, middle = client.submit("100"), client.submit("20000")
    client.wait_for_status(small["loan_id"], "APPROVED_BY_SYSTEM")
    client.wait_for_status(middle["loan_id"], "UNDER_REVIEW")
    assert client.http.get("/api/v1/agents").status_code == 503
    slow_system.restart_process("notification")
    slow_system.restart_process("review")
    slow_system.wait_until_serving()
    client.wait_for_messages(small["loan_id"], {("SMS", small["customer_phone"], "LOAN_APPROVED"): 1})
    agent_id = client.wait_for_assignment(middle["loan_id"])
    decided = client.decide(agent_id, middle["loan_id"], "REJECT", reason_codes=["INCOME_INSUFFICIENT"])
    assert decided["application_status"] == "REJECTED_BY_AGENT"
    assert client.ok("GET", "/health")["status"] == "SERVING"
