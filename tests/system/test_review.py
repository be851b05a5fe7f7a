"""One loan from hand to hand: assigned, recommended, escalated, covered, decided, and everybody told on the way."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy import postgres
from deploy.processes import wait_until
from tests.system.client import Client, Json
from tests.system.conftest import RunningSystem, run_system

SHOWN = ("kind", "actor", "assigned_agent_id", "right", "on_behalf_of_agent_id", "approval_limit", "customer_exposure")
ASSESSED: list[Json] = [
    {"kind": "SUBMITTED", "actor": "customer"},
    {"kind": "ASSESSMENT_STARTED", "actor": "system"},
    {"kind": "REFERRED", "actor": "system"},
]


@pytest.fixture(scope="module")
def system(postgres_server: postgres.Server) -> Iterator[RunningSystem]:
    """A system in which nobody works yet."""
    with run_system(postgres_server, "review_stories", REVIEW_ESCALATE_EVERY_S="0.2") as started:
        with Client(started.gateway_url) as client:
            for agent in client.ok("GET", "/api/v1/agents")["agents"]:
                client.ok("PATCH", f"/api/v1/agents/{agent['agent_id']}", json={"is_available": False})
        yield started


@pytest.fixture
def client(system: RunningSystem) -> Iterator[Client]:
    with Client(system.gateway_url) as client:
        yield client


class Branch:
    """A head, a director, a manager and a clerk below one another, and a substitute who is given nothing else."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name
        self.head = self._hire("head", None)
        self.director = self._hire("director", self.head, approval_limit="1000000")
        self.manager = self._hire("manager", self.director, approval_limit="200000")
        self.clerk = self._hire("clerk", self.manager, approval_limit="50000")
        self.substitute = self._hire("substitute", self.head, approval_limit="300000", max_open_reviews=0)

    def _hire(self, role: str, manager_id: int | None, **fields: Any) -> int:
        person = {"name": role, "email": f"{role}@{self._name}.example.com", "phone": "+12025550177", **fields}
        if manager_id is not None:
            person["manager_id"] = manager_id
        agent_id: int = self._client.ok("POST", "/api/v1/agents", 201, json=person)["agent_id"]
        return agent_id

    def close(self) -> None:
        for agent_id in (self.clerk, self.manager, self.director, self.head, self.substitute):
            self._client.ok("POST", f"/api/v1/agents/{agent_id}:deactivate", json={"reassign": True})


@pytest.fixture
def branch(client: Client, request: pytest.FixtureRequest) -> Iterator[Branch]:
    """The only people who work while the test lasts."""
    branch = Branch(client, f"b{abs(hash(request.node.name))}")
    yield branch
    branch.close()


def let_time_pass(system: RunningSystem, loan_id: str) -> None:
    """Make a review overdue."""
    system.rows(f"UPDATE review.reviews SET due_at = now() - interval '1 second' WHERE loan_id = '{loan_id}'")


def wait_for_owner(client: Client, loan_id: str, agent_id: int) -> None:
    """Wait until a loan is said to be with an agent."""
    wait_until(
        lambda: client.loan(loan_id).get("assigned_agent_id") == agent_id, f"{loan_id} to be with {agent_id}", 60
    )


def history(client: Client, loan_id: str) -> list[Json]:
    """What happened to a loan: who did it, by which right, and who has it from then on."""
    events = client.ok("GET", f"/api/v1/loans/{loan_id}/events")["events"]
    return [
        {name: event[name] for name in SHOWN if event.get(name) not in {None, "RIGHT_UNSPECIFIED"}} for event in events
    ]


def push(agent_id: int, template: str) -> tuple[str, str, str]:
    return ("PUSH", f"agent:{agent_id}", template)


def escalated_and_covered(system: RunningSystem, client: Client, branch: Branch) -> Json:
    """A loan that was recommended, escalated to the director, and is with the director's substitute."""
    loan = client.submit("100000")
    loan_id = loan["loan_id"]
    wait_for_owner(client, loan_id, branch.clerk)
    answer = client.decide(branch.clerk, loan_id, "APPROVE", comment="Good, but above my limit.")
    assert answer["application_status"] == "UNDER_REVIEW"
    wait_for_owner(client, loan_id, branch.manager)
    let_time_pass(system, loan_id)
    wait_for_owner(client, loan_id, branch.director)
    until = (datetime.now(UTC) + timedelta(days=14)).isoformat()
    absence = {"substitute_agent_id": branch.substitute, "ends_at": until}
    client.ok("POST", f"/api/v1/agents/{branch.director}/covers", 201, json=absence)
    wait_for_owner(client, loan_id, branch.substitute)
    return loan


def steps_so_far(branch: Branch) -> list[Json]:
    """The history of such a loan."""
    recommended = {"right": "RIGHT_OF_ASSIGNEE", "approval_limit": "50000.00", "customer_exposure": "100000.00"}
    covered = {"assigned_agent_id": branch.substitute, "on_behalf_of_agent_id": branch.director}
    return [
        *ASSESSED,
        {"kind": "ASSIGNED", "actor": "system", "assigned_agent_id": branch.clerk},
        {"kind": "RECOMMENDED", "actor": f"agent:{branch.clerk}", **recommended},
        {"kind": "ASSIGNED", "actor": "system", "assigned_agent_id": branch.manager},
        {"kind": "ESCALATED", "actor": "system", "assigned_agent_id": branch.director},
        {"kind": "COVERED", "actor": "system", **covered},
    ]


def pushes_so_far(branch: Branch) -> dict[tuple[str, str, str], int]:
    """Everything that was said of such a loan."""
    return {
        push(branch.clerk, "LOAN_ASSIGNED"): 1,
        push(branch.manager, "LOAN_ASSIGNED_TO_REPORT"): 1,
        push(branch.manager, "LOAN_ASSIGNED"): 1,
        push(branch.director, "LOAN_ASSIGNED_TO_REPORT"): 1,
        push(branch.manager, "LOAN_ESCALATED"): 1,
        push(branch.director, "LOAN_ESCALATED_TO_MANAGER"): 1,
        push(branch.substitute, "LOAN_COVERED"): 1,
    }


def test_a_loan_goes_from_hand_to_hand_and_is_approved_by_a_manager(
    system: RunningSystem, client: Client, branch: Branch
) -> None:
    loan = escalated_and_covered(system, client, branch)
    loan_id = loan["loan_id"]
    decided = client.decide(branch.head, loan_id, "APPROVE", reason_codes=["INCOME_VERIFIED"])
    assert decided["application_status"] == "APPROVED_BY_AGENT"
    assert decided["reason_codes"] == ["INCOME_VERIFIED"]
    last = {"kind": "DECIDED", "actor": f"agent:{branch.head}", "right": "RIGHT_OF_MANAGER"}
    assert history(client, loan_id) == [*steps_so_far(branch), last]
    told = {("SMS", loan["customer_phone"], "LOAN_APPROVED"): 1}
    client.wait_for_messages(loan_id, {**pushes_so_far(branch), **told})


def test_a_substitute_decides_on_behalf_of_the_absent_within_limits_of_their_own(
    system: RunningSystem, client: Client, branch: Branch
) -> None:
    loan = escalated_and_covered(system, client, branch)
    loan_id = loan["loan_id"]
    decided = client.decide(branch.substitute, loan_id, "APPROVE")
    assert decided["application_status"] == "APPROVED_BY_AGENT"
    by_which_right = {
        "right": "RIGHT_OF_SUBSTITUTE",
        "on_behalf_of_agent_id": branch.director,
        "approval_limit": "300000.00",
        "customer_exposure": "100000.00",
    }
    last = {"kind": "DECIDED", "actor": f"agent:{branch.substitute}", **by_which_right}
    assert history(client, loan_id) == [*steps_so_far(branch), last]


def test_a_review_is_escalated_once_a_step_and_no_higher_than_the_top(
    system: RunningSystem, client: Client, branch: Branch
) -> None:
    loan = client.submit("20000")
    loan_id = loan["loan_id"]
    for owner in (branch.clerk, branch.manager, branch.director, branch.head):
        wait_for_owner(client, loan_id, owner)
        let_time_pass(system, loan_id)
    at_top = f"SELECT at_top FROM review.reviews WHERE loan_id = '{loan_id}'"
    wait_until(lambda: system.rows(at_top) == [(True,)], f"{loan_id} to be as high as it can be", 60)
    assert [event["kind"] for event in history(client, loan_id)].count("ESCALATED") == 3
    rejected = client.decide(branch.head, loan_id, "REJECT", reason_codes=["DEBT_TO_INCOME", "OTHER"], comment="Hush.")
    assert rejected["application_status"] == "REJECTED_BY_AGENT"
    client.wait_for_messages(
        loan_id,
        {
            push(branch.clerk, "LOAN_ASSIGNED"): 1,
            push(branch.manager, "LOAN_ASSIGNED_TO_REPORT"): 1,
            push(branch.clerk, "LOAN_ESCALATED"): 1,
            push(branch.manager, "LOAN_ESCALATED_TO_MANAGER"): 1,
            push(branch.manager, "LOAN_ESCALATED"): 1,
            push(branch.director, "LOAN_ESCALATED_TO_MANAGER"): 1,
            push(branch.director, "LOAN_ESCALATED"): 1,
            push(branch.head, "LOAN_ESCALATED_TO_MANAGER"): 1,
            ("SMS", loan["customer_phone"], "LOAN_REJECTED"): 1,
        },
    )
    (notice,) = [
        notice
        for notice in client.ok("GET", "/api/v1/notices", params={"size": 100})["notices"]
        if notice["loan_id"] == loan_id
    ]
    assert "obligations are too high" in notice["body"]
    assert "Hush" not in notice["body"]
    due = datetime.fromisoformat(notice["due_at"]) - datetime.fromisoformat(rejected["decided_at"])
    assert due == timedelta(days=30)
    assert notice["sent_at"] < notice["due_at"]


def test_a_manager_gives_a_review_to_another_of_their_branch(client: Client, branch: Branch) -> None:
    loan_id = client.submit("20000")["loan_id"]
    wait_for_owner(client, loan_id, branch.clerk)
    path = f"/api/v1/agents/{branch.director}/loans/{loan_id}:reassign"
    assert client.ok("POST", path, json={"to_agent_id": branch.manager})["agent_id"] == branch.manager
    refused = client.refused("POST", path, 403, json={"to_agent_id": branch.substitute})
    assert refused["details"][0]["reason"] == "AGENT_NOT_IN_BRANCH"
    wait_for_owner(client, loan_id, branch.manager)
    queue = client.ok("GET", f"/api/v1/agents/{branch.director}/loans", params={"include_subtree": True})
    assert [each["agent_id"] for each in queue["assignments"] if each["loan_id"] == loan_id] == [branch.manager]
    given = {"kind": "REASSIGNED", "actor": f"agent:{branch.director}", "assigned_agent_id": branch.manager}
    assert history(client, loan_id)[-1] == {**given, "right": "RIGHT_OF_MANAGER"}
    client.decide(branch.manager, loan_id, "REJECT", reason_codes=["INCOME_INSUFFICIENT"])


def test_every_reason_for_a_rejection_says_something_to_the_customer_and_to_authorities(client: Client) -> None:
    reasons = client.ok("GET", "/api/v1/reason-codes")["reasons"]
    rejections = [reason for reason in reasons if reason["use"] == "REJECTION"]
    assert {"AMOUNT_ABOVE_MAXIMUM", "DEBT_TO_INCOME"} <= {reason["code"] for reason in rejections}
    assert all(reason["customer_text"] and reason["regulatory_code"] for reason in rejections)
    assert not any(reason["customer_text"] for reason in reasons if reason not in rejections)


@pytest.mark.parametrize("codes", [[], ["NO_SUCH_REASON"], ["INCOME_VERIFIED"]])
def test_a_rejection_without_a_reason_of_the_catalogue_is_refused(
    client: Client, branch: Branch, codes: list[str]
) -> None:
    loan_id = client.submit("20000")["loan_id"]
    wait_for_owner(client, loan_id, branch.clerk)
    path = f"/api/v1/agents/{branch.clerk}/loans/{loan_id}/decision"
    refused = client.refused("PUT", path, 400, json={"decision": "REJECT", "reason_codes": codes})
    (violation,) = next(each["field_violations"] for each in refused["details"] if "field_violations" in each)
    assert violation["field"].startswith("reason_codes")
    assert client.loan(loan_id)["application_status"] == "UNDER_REVIEW"
    client.decide(branch.clerk, loan_id, "REJECT", reason_codes=["OTHER"])
