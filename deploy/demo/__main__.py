"""Run the demonstration: `python -m deploy.demo`, which is what `make demo` does.

It submits a mix of loans and watches them move, decides some of them as an agent and as a manager, shows who borrows
most and what happened to one loan, and ends by checking that everything adds up: exit code 1 if it does not.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings

from chassis import config
from deploy import issuer
from deploy.demo import mix, screen
from deploy.demo.api import Api, DemoFailed, Json
from deploy.demo.feed import Feed
from deploy.processes import ROOT

Answer = TypeVar("Answer")

MOVING = ("APPLIED", "PROCESSING")
OPEN = (*MOVING, "UNDER_REVIEW")


class DemoSettings(BaseSettings):
    """Which system to show, and how much of it."""

    local_folder: Path = ROOT / ".local"
    local_auth: bool = False
    gateway_url: HttpUrl = HttpUrl("http://127.0.0.1:8000")
    demo_loans: int = Field(60, ge=20, le=100_000)


def demonstrate(api: Api, count: int) -> None:
    """Show everything once.

    Raises:
        DemoFailed: Something does not answer, or does not add up.
    """
    api.get("/health")
    before = api.get("/api/v1/loans/status-count")["total_loans"]
    feed = Feed(api)

    loans = submit(api, mix.applications(count))
    watch(feed, loans)
    agent, queue = find_queue(api)
    show_queue(agent, queue)
    decided = decide(api, agent, queue)
    feed.wait_until(lambda counts: not any(counts[status] for status in OPEN), decided)
    show_top_customers(api)
    largest = decided[-1]
    show_history(api, largest)

    screen.say("Does everything add up?")
    for claim, is_true in [*claims(api, feed, loans, before), went_up(api, largest)]:
        screen.console.print(f"  {'yes' if is_true else 'NO '}  {claim}")
        if not is_true:
            raise DemoFailed(f"it is not true that {claim}")


def submit(api: Api, applications: list[Json]) -> dict[str, Json]:
    """Submit applications, eight at a time; answer the loans by their ids."""
    screen.say(f"Submitting {len(applications)} applications")
    with screen.progress("Submitted", len(applications)) as advance, ThreadPoolExecutor(8) as threads:

        def submit_one(application: Json) -> Json:
            loan = api.post("/api/v1/loans", application, **{"Idempotency-Key": str(uuid4())})
            advance()
            return loan

        return {loan["loan_id"]: loan for loan in threads.map(submit_one, applications)}


def watch(feed: Feed, loans: dict[str, Json]) -> None:
    """Show how the loans move until all are assessed."""
    screen.say("Watching them move")

    def all_assessed(counts: Counter[str]) -> bool:
        return counts.total() == len(loans) and not any(counts[status] for status in MOVING)

    with screen.live_counts(len(loans)) as draw:
        feed.wait_until(all_assessed, loans, on_change=draw)


def find_queue(api: Api) -> tuple[Json, list[Json]]:
    """An agent's queue with the largest loan above the agent's limit; waits until the reviews are assigned.

    Raises:
        DemoFailed: Nobody has three loans to decide, and one of them above their limit.
    """

    def longest() -> tuple[Json, list[Json]] | None:
        agents = [agent for agent in api.get("/api/v1/agents")["agents"] if "approval_limit" in agent]
        queues = [(agent, sorted(queue_of(api, agent), key=amount)) for agent in agents]
        tempting = [
            found
            for found in queues
            if len(found[1]) >= 3 and amount(found[1][-1]) > Decimal(found[0]["approval_limit"])
        ]
        return max(tempting, key=lambda found: len(found[1]), default=None)

    return wait_for(longest, "an agent with three loans to decide, one of them above their limit")


def queue_of(api: Api, agent: Json) -> list[Json]:
    """What waits for an agent, the oldest first, as much as fits on a page."""
    assignments: list[Json] = api.get(f"/api/v1/agents/{agent['agent_id']}/loans", size=100)["assignments"]
    return assignments


def amount(assignment: Json) -> Decimal:
    """The amount of a loan."""
    return Decimal(assignment["loan_amount"])


def show_queue(agent: Json, queue: list[Json]) -> None:
    """Show what waits for an agent."""
    screen.say(f"What waits for {agent['name']} (agent {agent['agent_id']}, who may approve {agent['approval_limit']})")
    columns = ("loan", "customer", "amount", "all they owe or ask for", "type", "due")
    fields = ("loan_id", "customer_name", "loan_amount", "customer_exposure", "loan_type")
    rows = [[*(each[field] for field in fields), each["due_at"][:16].replace("T", " ")] for each in queue]
    screen.show(columns, rows)


def decide(api: Api, agent: Json, queue: list[Json]) -> list[str]:
    """Approve the smallest loan of a queue, reject the next, and approve the largest; answer the loans' ids."""
    screen.say("Deciding three of them: what is above an agent's limit goes up to a manager who may approve it")
    smallest, next_one, largest = (queue[index]["loan_id"] for index in (0, 1, -1))
    approve(api, agent["agent_id"], smallest)
    put_decision(api, agent["agent_id"], next_one, {"decision": "REJECT", "reason_codes": ["INCOME_INSUFFICIENT"]})
    approve(api, agent["agent_id"], largest)
    return [smallest, next_one, largest]


def approve(api: Api, agent_id: int, loan_id: str) -> None:
    """Approve a loan as an agent, and as everybody whom it goes up to, until somebody may."""
    while put_decision(api, agent_id, loan_id, {"decision": "APPROVE"})["application_status"] == "UNDER_REVIEW":
        agent_id = wait_for(partial(next_owner, api, loan_id, agent_id), f"loan {loan_id} to go up")


def put_decision(api: Api, agent_id: int, loan_id: str, decision: Json) -> Json:
    """Decide a loan and show what comes of it; answer the loan."""
    loan = api.put(f"/api/v1/agents/{agent_id}/loans/{loan_id}/decision", decision, agent_id)
    outcome = loan["application_status"].replace("UNDER_REVIEW", "UNDER_REVIEW: above the limit, so a recommendation")
    screen.console.print(f"  agent {agent_id} {decision['decision']:7}  {loan['loan_amount']:>12}  -> {outcome}")
    return loan


def next_owner(api: Api, loan_id: str, agent_id: int) -> int | None:
    """Who has a loan after an agent; None as long as it is the agent."""
    owner: int = api.get(f"/api/v1/loans/{loan_id}")["assigned_agent_id"]
    return owner if owner != agent_id else None


def show_top_customers(api: Api) -> None:
    """Show who has the most approved loans."""
    screen.say("The customers with the most approved loans")
    fields = ("customer_name", "customer_phone", "approved_loan_count", "total_approved_amount")
    customers = api.get("/api/v1/customers/top", limit=5)["customers"]
    screen.show(
        ("customer", "phone", "loans", "amount"), [[customer[field] for field in fields] for customer in customers]
    )


def show_history(api: Api, loan_id: str) -> None:
    """Show everything that happened to one loan."""
    screen.say(f"What happened to loan {loan_id}")
    events = api.get(f"/api/v1/loans/{loan_id}/events")["events"]
    rows = [
        [screen.clock(event["occurred_at"]), event["kind"], event["to_status"], event["actor"], why(event)]
        for event in events
    ]
    screen.show(("when", "what", "status", "who", "why"), rows)


def why(event: Json) -> str:
    """What is to be said of an event beyond its kind."""
    said = [*event["reason_codes"], *([event["comment"]] if event["comment"] else [])]
    if "assigned_agent_id" in event:
        said.append(f"to agent {event['assigned_agent_id']}")
    if "approval_limit" in event:
        said.append(f"limit {event['approval_limit']} against {event['customer_exposure']}")
    return ", ".join(said)


def claims(api: Api, feed: Feed, loans: dict[str, Json], before: int) -> list[tuple[str, bool]]:
    """What must be true of the loans in the end, and whether it is."""
    now = {loan_id: api.get(f"/api/v1/loans/{loan_id}")["application_status"] for loan_id in loans}
    final = [loan_id for loan_id, status in now.items() if status not in OPEN]
    counted = api.get("/api/v1/loans/status-count")
    return [
        (
            "every amount led where it should",
            all(
                mix.first_status(loan["loan_amount"]) in statuses_passed(api, loan_id)
                for loan_id, loan in loans.items()
            ),
        ),
        ("the stream told the same story as the loans themselves", feed.counts(loans) == Counter(now.values())),
        (
            f"the counts of all statuses sum to all {counted['total_loans']} loans",
            sum(entry["count"] for entry in counted["status_counts"]) == counted["total_loans"],
        ),
        (f"there are {len(loans)} loans more than before", counted["total_loans"] - before == len(loans)),
        (f"each of the {len(final)} customers with a decision got one SMS", each_got_one_sms(api, final)),
    ]


def went_up(api: Api, loan_id: str) -> tuple[str, bool]:
    """That a loan was recommended first, and then approved by somebody whose limit covers all their customer owes."""
    events = api.get(f"/api/v1/loans/{loan_id}/events")["events"]
    decided = events[-1]
    covers = "approval_limit" not in decided or Decimal(decided["approval_limit"]) >= Decimal(
        decided["customer_exposure"]
    )
    was_recommended = any(event["kind"] == "RECOMMENDED" for event in events)
    return "the largest was approved by somebody who may, after a recommendation", was_recommended and covers


def statuses_passed(api: Api, loan_id: str) -> set[str]:
    """Every status that a loan has had."""
    return {event["to_status"] for event in api.get(f"/api/v1/loans/{loan_id}/events")["events"]}


def each_got_one_sms(api: Api, loan_ids: list[str]) -> bool:
    """Tell whether exactly one SMS was sent about each loan; sending may take a moment."""

    def sent() -> set[int] | None:
        counts = set()
        for loan_id in loan_ids:
            messages = api.get("/api/v1/notifications", loan_id=loan_id)["notifications"]
            counts.add(sum(message["channel"] == "SMS" and message["state"] == "SENT" for message in messages))
        return counts if 0 not in counts else None

    return wait_for(sent, "an SMS to every customer") <= {1}


def wait_for(ask: Callable[[], Answer | None], what: str, patience_s: float = 30) -> Answer:
    """Ask twice a second until there is an answer.

    Raises:
        DemoFailed: It did not come in time.
    """
    deadline = time.monotonic() + patience_s
    while (answer := ask()) is None:
        if time.monotonic() > deadline:
            raise DemoFailed(f"waited {patience_s:g} s in vain for {what}")
        time.sleep(0.5)
    return answer


def main() -> int:
    """Run from the command line."""
    settings = config.load(DemoSettings)
    try:
        ours = issuer.ensure(settings.local_folder / "issuer") if settings.local_auth else None
        demonstrate(Api(str(settings.gateway_url).rstrip("/"), ours), settings.demo_loans)
    except DemoFailed as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    screen.say("It does.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
