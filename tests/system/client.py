"""The running system, as its users speak to it over HTTP."""

from collections import Counter
from typing import Any, Self
from uuid import uuid4

import httpx

from deploy.processes import wait_until

Json = dict[str, Any]
FINAL = {
    "APPROVED_BY_SYSTEM",
    "REJECTED_BY_SYSTEM",
    "APPROVED_BY_AGENT",
    "REJECTED_BY_AGENT",
    "WITHDRAWN",
    "EXPIRED",
}


def new_phone() -> str:
    """A phone number of a customer whom no other test knows."""
    return f"+1{200 + uuid4().int % 700}{200 + uuid4().int % 700}{uuid4().int % 10_000:04}"


class Client:
    """An HTTP client of one gateway, to be used in a `with`.

    Args:
        url: Where the gateway is.
    """

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.http.close()

    def submit(self, amount: str, **fields: str) -> Json:
        """Submit a loan of a new customer; answer it."""
        form = {"customer_name": "Ada Lovelace", "customer_phone": new_phone(), "loan_type": "HOME", **fields}
        return self.ok("POST", "/api/v1/loans", 201, json={**form, "loan_amount": amount})

    def ok(self, method: str, path: str, status: int = 200, **rest: Any) -> Json:
        """Send a request that must succeed, and read the answer."""
        answer = self.http.request(method, path, **rest)
        assert answer.status_code == status, answer.text
        body: Json = answer.json()
        return body

    def refused(self, method: str, path: str, status: int, **rest: Any) -> Json:
        """Send a request that must be refused, and read the error, which is of the one form there is."""
        answer = self.http.request(method, path, **rest)
        assert answer.status_code == status, answer.text
        body: Json = answer.json()
        assert set(body) == {"code", "message", "details"}
        return body

    def loan(self, loan_id: str) -> Json:
        return self.ok("GET", f"/api/v1/loans/{loan_id}")

    def kinds(self, loan_id: str) -> list[str]:
        """What happened to a loan, in order."""
        return [event["kind"] for event in self.ok("GET", f"/api/v1/loans/{loan_id}/events")["events"]]

    def wait_for_status(self, loan_id: str, *statuses: str) -> Json:
        wait_until(lambda: self.loan(loan_id)["application_status"] in statuses, f"{loan_id} to be {statuses}", 60)
        return self.loan(loan_id)

    def wait_for_assignment(self, loan_id: str) -> int:
        """Wait until a review is with an agent; answer whom."""
        wait_until(lambda: "assigned_agent_id" in self.loan(loan_id), f"{loan_id} to be assigned", 60)
        agent_id: int = self.loan(loan_id)["assigned_agent_id"]
        return agent_id

    def decide(self, agent_id: int, loan_id: str, decision: str, **fields: Any) -> Json:
        path = f"/api/v1/agents/{agent_id}/loans/{loan_id}/decision"
        return self.ok("PUT", path, json={"decision": decision, **fields})

    def manager_of(self, agent_id: int) -> int | None:
        manager_id: int | None = self.ok("GET", f"/api/v1/agents/{agent_id}").get("manager_id")
        return manager_id

    def messages(self, loan_id: str) -> Counter[tuple[str, str, str]]:
        """Channel, recipient and template of every message about a loan that was sent."""
        found = self.ok("GET", "/api/v1/notifications", params={"loan_id": loan_id, "size": 100})["notifications"]
        return Counter(
            (each["channel"], each["recipient"], each["template"]) for each in found if each["state"] == "SENT"
        )

    def wait_for_messages(self, loan_id: str, expected: dict[tuple[str, str, str], int]) -> None:
        """Wait until exactly these messages about a loan were sent."""
        wait_until(lambda: self.messages(loan_id).total() >= sum(expected.values()), f"messages about {loan_id}", 60)
        assert self.messages(loan_id) == expected
