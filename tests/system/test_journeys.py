"""One loan from the application to its end, for every end there is, over HTTP and with the messages it causes."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.system.client import Client, new_phone
from tests.system.conftest import RunningSystem

REFERRED = ["SUBMITTED", "ASSESSMENT_STARTED", "REFERRED", "ASSIGNED"]


@pytest.fixture
def client(running_system: RunningSystem) -> Iterator[Client]:
    with Client(running_system.gateway_url) as client:
        yield client


def pushes(client: Client, agent_id: int) -> dict[tuple[str, str, str], int]:
    """The messages of one assignment."""
    expected = {("PUSH", f"agent:{agent_id}", "LOAN_ASSIGNED"): 1}
    if (manager_id := client.manager_of(agent_id)) is not None:
        expected[("PUSH", f"agent:{manager_id}", "LOAN_ASSIGNED_TO_REPORT")] = 1
    return expected


@pytest.mark.parametrize(
    ("amount", "status", "reason", "template"),
    [
        ("9999.99", "APPROVED_BY_SYSTEM", "AMOUNT_BELOW_REVIEW_THRESHOLD", "LOAN_APPROVED"),
        ("500000.01", "REJECTED_BY_SYSTEM", "AMOUNT_ABOVE_MAXIMUM", "LOAN_REJECTED"),
    ],
)
def test_a_clear_case_is_decided_by_the_system_and_the_customer_gets_one_sms(
    client: Client, amount: str, status: str, reason: str, template: str
) -> None:
    loan = client.submit(amount)
    assert loan["application_status"] == "APPLIED"
    decided = client.wait_for_status(loan["loan_id"], status)
    assert decided["reason_codes"] == [reason]
    assert decided["decided_at"] == decided["updated_at"] > decided["created_at"]
    assert client.kinds(loan["loan_id"]) == ["SUBMITTED", "ASSESSMENT_STARTED", "DECIDED"]
    client.wait_for_messages(loan["loan_id"], {("SMS", loan["customer_phone"], template): 1})


@pytest.mark.parametrize("amount", ["10000", "500000"])
@pytest.mark.parametrize(
    ("decision", "reason", "outcome"),
    [("APPROVE", "INCOME_VERIFIED", "APPROVED"), ("REJECT", "INCOME_INSUFFICIENT", "REJECTED")],
)
def test_a_case_between_is_decided_by_people_and_all_concerned_are_told_once(
    client: Client, amount: str, decision: str, reason: str, outcome: str
) -> None:
    loan = client.submit(amount)
    loan_id = loan["loan_id"]
    client.wait_for_status(loan_id, "UNDER_REVIEW")
    agent_id = client.wait_for_assignment(loan_id)
    decider = agent_id if decision == "REJECT" or amount == "10000" else client.manager_of(agent_id)
    assert decider is not None
    decided = client.decide(decider, loan_id, decision, reason_codes=[reason], comment="seen")
    assert decided == client.decide(decider, loan_id, decision, reason_codes=[reason], comment="seen")
    assert decided == client.loan(loan_id)
    assert (decided["application_status"], decided["reason_codes"]) == (f"{outcome}_BY_AGENT", [reason])
    assert client.kinds(loan_id) == [*REFERRED, "DECIDED"]
    sms = ("SMS", loan["customer_phone"], f"LOAN_{outcome}")
    client.wait_for_messages(loan_id, {sms: 1, **pushes(client, agent_id)})


def test_a_withdrawn_loan_leaves_the_agents_queue(client: Client) -> None:
    loan = client.submit("20000")
    agent_id = client.wait_for_assignment(loan["loan_id"])
    withdrawn = client.ok("POST", f"/api/v1/loans/{loan['loan_id']}:withdraw")
    assert withdrawn["application_status"] == "WITHDRAWN"
    sms = ("SMS", loan["customer_phone"], "LOAN_WITHDRAWN")
    client.wait_for_messages(loan["loan_id"], {sms: 1, **pushes(client, agent_id)})
    path = f"/api/v1/agents/{agent_id}/loans/{loan['loan_id']}/decision"
    error = client.refused("PUT", path, 400, json={"decision": "APPROVE"})
    assert error["details"][0]["reason"] == "LOAN_NOT_UNDER_REVIEW"
    queue = client.ok("GET", f"/api/v1/agents/{agent_id}/loans", params={"size": 100})["assignments"]
    assert loan["loan_id"] not in [assignment["loan_id"] for assignment in queue]


def test_nobody_else_decides_and_the_first_decision_stands(client: Client) -> None:
    loan_id = client.submit("20000")["loan_id"]
    agent_id = client.wait_for_assignment(loan_id)
    agents = client.ok("GET", "/api/v1/agents")["agents"]
    above = {agent_id, client.manager_of(agent_id)}
    stranger = next(a["agent_id"] for a in agents if a["agent_id"] not in above and a.get("manager_id") is not None)

    def refused(decider: int, status: int, decision: str) -> str:
        path = f"/api/v1/agents/{decider}/loans/{loan_id}/decision"
        reason: str = client.refused("PUT", path, status, json={"decision": decision})["details"][0]["reason"]
        return reason

    assert refused(stranger, 403, "APPROVE") == "NOT_ASSIGNED_TO_AGENT"
    assert refused(999_999, 404, "APPROVE") == "AGENT_NOT_FOUND"
    client.decide(agent_id, loan_id, "REJECT", reason_codes=["INCOME_INSUFFICIENT"])
    assert refused(agent_id, 409, "APPROVE") == "DECISION_ALREADY_MADE"
    assert client.loan(loan_id)["application_status"] == "REJECTED_BY_AGENT"


def test_the_figures_follow_the_loans(client: Client) -> None:
    before = client.ok("GET", "/api/v1/loans/status-count")
    phone = new_phone()
    loans = [client.submit(amount, customer_phone=phone) for amount in ("9999.99", "9999.99", "700000")]
    for loan in loans:
        client.wait_for_status(loan["loan_id"], "APPROVED_BY_SYSTEM", "REJECTED_BY_SYSTEM")
    after = client.ok("GET", "/api/v1/loans/status-count")
    assert len(after["status_counts"]) == 9
    assert after["total_loans"] - before["total_loans"] == 3
    assert sum(entry["count"] for entry in after["status_counts"]) == after["total_loans"]
    best = client.ok("GET", "/api/v1/customers/top", params={"limit": 100})["customers"]
    (mine,) = [customer for customer in best if customer["customer_phone"] == phone]
    assert (mine["approved_loan_count"], mine["total_approved_amount"]) == (2, "19999.98")
    listed = client.ok("GET", "/api/v1/loans", params={"customer_phone": phone, "status": "APPROVED_BY_SYSTEM"})
    assert (listed["total_size"], listed["page"], listed["size"]) == (2, 1, 10)


def test_an_idempotency_key_makes_repeating_safe(client: Client) -> None:
    form = {"customer_name": "Ada", "customer_phone": new_phone(), "loan_amount": 5000.5, "loan_type": "AUTO"}
    headers = {"Idempotency-Key": new_phone()}
    first = client.http.post("/api/v1/loans", json=form, headers=headers)
    again = client.http.post("/api/v1/loans", json=form, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.headers["location"] == again.headers["location"] == f"/api/v1/loans/{first.json()['loan_id']}"
    assert first.json()["loan_id"] == again.json()["loan_id"]
    assert again.headers["idempotent-replayed"] == "true"
    error = client.refused("POST", "/api/v1/loans", 409, json={**form, "loan_amount": 1}, headers=headers)
    assert error["details"][0]["reason"] == "IDEMPOTENCY_KEY_REUSED"


FORM: dict[str, Any] = {
    "customer_name": "Ada",
    "customer_phone": "+14155550123",
    "loan_amount": "5000.50",
    "loan_type": "HOME",
}


WRONG: dict[str, list[object]] = {
    "loan_amount": [-1, 0, "10000000.01", "NaN", "1.555", 1.555, None, "", True, [], {}],
    "loan_type": ["CAR", 99, None, ""],
    "customer_name": ["", "x" * 201, "a\x00b", 5, None],
    "customer_phone": ["", "+1", "phone", 5],
    "surprise": ["x"],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_a_field_that_is_wrong_is_named_and_nothing_is_stored(client: Client, field: str, value: object) -> None:
    before = client.ok("GET", "/api/v1/loans/status-count")["total_loans"]
    error = client.refused("POST", "/api/v1/loans", 400, json={**FORM, field: value})
    assert error["code"] == 3
    violations = [v for detail in error["details"] for v in detail.get("field_violations", [])]
    assert {violation["field"] for violation in violations} == {field}
    assert client.ok("GET", "/api/v1/loans/status-count")["total_loans"] == before


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b'"text"', {}, 400),
        (b'{"loan_amount": 1e309}', {}, 400),
        (b'{"loan_amount": NaN}', {}, 400),
        (b'{"customer_name": "\\ud800"}', {}, 400),
        (b'{"customer_name": "\xff"}', {}, 400),
        (b'{"customer_name": "a", "customer_name": "b"}', {}, 400),
        (b"[" * 10_000, {}, 400),
        (b"x" * 5_000_000, {}, 413),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_a_body_that_is_no_application_is_refused(
    client: Client, body: bytes, headers: dict[str, str], status: int
) -> None:
    sent = {"Content-Type": "application/json", **headers}
    error = client.refused("POST", "/api/v1/loans", status, content=body, headers=sent)
    assert "Traceback" not in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/loans/0192f0c1-7d2b-7c3a-9a51-3f0f5a3b2c1d", 404),
        ("GET", "/api/v1/loans/not-an-id", 400),
        ("GET", "/api/v1/loans?page=0", 400),
        ("GET", "/api/v1/loans?size=101", 400),
        ("GET", "/api/v1/loans?size=ten", 400),
        ("GET", "/api/v1/loans?status=LOST", 400),
        ("GET", "/api/v1/loans?page_token=x", 400),
        ("GET", "/api/v1/loans?surprise=1", 400),
        ("GET", "/api/v1/nothing", 404),
        ("DELETE", "/api/v1/loans", 405),
        ("GET", "/api/v1/agents/0", 400),
        ("GET", "/api/v1/agents/999999", 404),
        ("GET", "/api/v1/agents/x", 400),
        ("POST", "/api/v1/notifications/0192f0c1-7d2b-7c3a-9a51-3f0f5a3b2c1d:retry", 404),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused(client: Client, method: str, path: str, status: int) -> None:
    client.refused(method, path, status)


def test_a_token_of_another_listing_is_refused(client: Client) -> None:
    client.submit("1")
    client.submit("1")
    token = client.ok("GET", "/api/v1/loans", params={"size": 1})["next_page_token"]
    assert client.ok("GET", "/api/v1/loans", params={"size": 1, "page_token": token})["loans"]
    client.refused("GET", "/api/v1/loans", 400, params={"size": 1, "page_token": token, "status": "APPLIED"})


def test_health_names_every_upstream(client: Client) -> None:
    health = client.ok("GET", "/health")
    assert health["status"] == "SERVING"
    assert set(health["upstreams"].values()) == {"SERVING"}
    assert len(health["upstreams"]) == 3
    assert client.ok("GET", "/livez")["status"] == "SERVING"
