"""Run the demonstration: `python -m deploy.demo`, which is what `make demo` does.

It submits a mix of loans and watches them move, decides some of them as an agent and as a manager, shows who borrows
most and what happened to one loan, and ends by checking that everything adds up: exit code 1 if it does not.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import uuid4

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings

from chassis import config
from deploy.demo import mix, screen
from deploy.demo.api import Api, DemoFailed, Json
from deploy.demo.feed import Feed

Answer = TypeVar("Answer")

MOVING = ("APPLIED", "PROCESSING")
OPEN = (*MOVING, "UNDER_REVIEW")


class DemoSettings(BaseSettings):
    """Which system to show, and how much of it."""

    gateway_url: HttpUrl = HttpUrl("http://127.0.0.1:8000")
    demo_loans: int = Field(60, ge=20, le=100_000)


def demonstrate(api: Api, count: int) -> None:
    """Show everything once.

    Raises:
        DemoFailed: Something does not answer, or does not add up.
    """
    api.get("/health")
    before = api.get("/api/v1/loans/status-count")["total_loans"]
    feed = Feed(api.url)

    loans = submit(api, mix.applications(count))
    watch(feed, loans)
    agent, queue = find_queue(api)
    show_queue(agent, queue)
    decided = decide(api, agent, queue)
    feed.wait_until(lambda counts: not any(counts[status] for status in OPEN), decided)
    show_top_customers(api)
    show_history(api, decided[-1])

    screen.say("Does everything add up?")
    for claim, is_true in claims(api, feed, loans, before):
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
    """The longest queue of an agent who has a manager; waits until the reviews are assigned.

    Raises:
        DemoFailed: Nobody has three loans to decide.
    """

    def longest() -> tuple[Json, list[Json]] | None:
        agents = [agent for agent in api.get("/api/v1/agents")["agents"] if agent.get("manager_id")]
        queues = [(agent, api.get(f"/api/v1/agents/{agent['agent_id']}/loans")["assignments"]) for agent in agents]
        agent, queue = max(queues, key=lambda found: len(found[1]), default=({}, []))
        return (agent, queue) if len(queue) >= 3 else None

    return wait_for(longest, "an agent with three loans to decide")


def show_queue(agent: Json, queue: list[Json]) -> None:
    """Show what waits for an agent."""
    screen.say(f"What waits for {agent['name']} (agent {agent['agent_id']})")
    columns = ("loan", "customer", "amount", "type", "assigned")
    fields = ("loan_id", "customer_name", "loan_amount", "loan_type")
    rows = [[*(each[field] for field in fields), screen.clock(each["assigned_at"])] for each in queue]
    screen.show(columns, rows)


def decide(api: Api, agent: Json, queue: list[Json]) -> list[str]:
    """Decide the first three loans of a queue: two as the agent, one as their manager; answer the loans' ids."""
    screen.say("Deciding three of them")
    small, middle, large = sorted(queue[:3], key=lambda assignment: float(assignment["loan_amount"]))
    decisions = (
        (agent["agent_id"], small, {"decision": "APPROVE"}),
        (agent["agent_id"], middle, {"decision": "REJECT", "reason_codes": ["INSUFFICIENT_INCOME"]}),
        (agent["manager_id"], large, {"decision": "APPROVE", "comment": "Known to us for years."}),
    )
    for agent_id, assignment, decision in decisions:
        loan = api.put(f"/api/v1/agents/{agent_id}/loans/{assignment['loan_id']}/decision", decision)
        screen.console.print(
            f"  agent {agent_id} {decision['decision']:7}  {loan['loan_amount']:>12}  -> {loan['application_status']}"
        )
    return [assignment["loan_id"] for _, assignment, _ in decisions]


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
    if event["kind"] == "ASSIGNED":
        return f"to agent {event['assigned_agent_id']}"
    return ", ".join([*event["reason_codes"], *([event["comment"]] if event["comment"] else [])])


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
        demonstrate(Api(str(settings.gateway_url).rstrip("/")), settings.demo_loans)
    except DemoFailed as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    screen.say("It does.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
