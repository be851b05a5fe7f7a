"""That the statements which run all day read what they are about, however many reviews and agents there are."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, TextClause, text

from review_service.domain import ALL
from review_service.store import agents, queues, reviews, sight, steps
from tests.integration.plans import explained

EVERYTHING_SEEN = sight.values(ALL)
REVIEWS = 40_000
AGENTS = 400

# A tree of three levels: 1 is the head, 2 to 20 are managers, the others are agents.
FILL_AGENTS = text("""
INSERT INTO agents (agent_id, name, email, phone, is_available, manager_id, open_review_count)
SELECT number, 'Agent', number || '@example.com', '+1202555' || lpad(number::text, 4, '0'), TRUE,
       CASE WHEN number = 1 THEN NULL WHEN number <= 20 THEN 1 ELSE 2 + number % 19 END, 0
FROM generate_series(1, :agents) AS number
""")
FILL_REVIEWS = text("""
INSERT INTO reviews (loan_id, state, customer_name, customer_phone, loan_amount, currency_code, loan_type,
                     reason_codes, customer_exposure, opened_at, due_at, assigned_agent_id, assigned_at,
                     assignment_number, step_number, decision, decided_by_agent_id, decision_reason_codes,
                     decision_comment, decision_right, decided_at)
SELECT uuidv7(make_interval(secs => number - :reviews)), state, 'Ada', '+14155550123', 20000, 'USD', 'HOME', '{}',
       20000, now() + make_interval(secs => number - :reviews),
       now() + make_interval(secs => number - :reviews + 3600), agent_id, CASE WHEN agent_id > 0 THEN now() END,
       (agent_id IS NOT NULL)::int, (agent_id IS NOT NULL)::int, CASE state WHEN 'DECIDED' THEN 'APPROVE' END,
       CASE state WHEN 'DECIDED' THEN agent_id END, CASE state WHEN 'DECIDED' THEN '{}'::text[] END,
       CASE state WHEN 'DECIDED' THEN '' END, CASE state WHEN 'DECIDED' THEN 'RIGHT_OF_ASSIGNEE' END,
       CASE state WHEN 'DECIDED' THEN now() END
FROM generate_series(1, :reviews) AS number,
     LATERAL (SELECT CASE WHEN number % 10 < 7 THEN 'DECIDED' ELSE 'OPEN' END,
                     CASE WHEN number % 10 < 9 THEN 21 + number % 380 END) AS chosen (state, agent_id)
""")
FILL_STEPS = text("""
INSERT INTO review_steps (loan_id, number, kind, occurred_at, actor, assigned_agent_id)
SELECT loan_id, 1, 'ASSIGNED', opened_at, 'system', assigned_agent_id FROM reviews WHERE assigned_agent_id IS NOT NULL
""")
FILL_LIMITS = text("""
INSERT INTO approval_limits (agent_id, loan_type, amount, valid_from)
SELECT agent_id, NULL, 1000, now() - make_interval(days => number) FROM agents, generate_series(1, 3) AS number
""")
FILL_COVERS = text("""
INSERT INTO covers (agent_id, substitute_id, starts_at, ends_at)
SELECT agent_id, agent_id - 1, now() - make_interval(days => number), now() - make_interval(days => number - 1)
FROM agents, generate_series(1, 5) AS number WHERE agent_id > 20
""")
SOME = text("SELECT loan_id FROM reviews WHERE state = :state ORDER BY loan_id DESC LIMIT 50")


@pytest.fixture(scope="module")
def crowded(owner_engine: Engine) -> Iterator[Connection]:
    """The tables with many rows in them, until the transaction is rolled back."""
    with owner_engine.connect() as tx:
        tx.execute(text("SET search_path TO review"))
        tx.execute(text("SET jit TO off"))
        tx.execute(
            text("DELETE FROM review_steps; DELETE FROM reviews; DELETE FROM covers; DELETE FROM approval_limits")
        )
        tx.execute(text("DELETE FROM agents"))
        tx.execute(FILL_AGENTS, {"agents": AGENTS})
        tx.execute(FILL_REVIEWS, {"reviews": REVIEWS})
        for statement in (FILL_STEPS, FILL_LIMITS, FILL_COVERS, text("ANALYZE")):
            tx.execute(statement)
        yield tx


def rows_read(of: list[dict[str, Any]], table: str) -> float:
    """The rows of a table that were looked at, those that were dropped included."""
    total = 0.0
    for step in of:
        if step.get("Relation Name") == table and "Scan" in step["Node Type"]:
            dropped = step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Index Recheck", 0)
            total += (step["Actual Rows"] + dropped) * step["Actual Loops"]
    return total


def some(tx: Connection, state: str = "OPEN") -> list[UUID]:
    return list(tx.scalars(SOME, {"state": state}))


@pytest.mark.parametrize(
    ("statement", "values", "index", "most"),
    [
        (reviews.LOCK_WAITING_REVIEWS, {"any_type": True, "types": [], "most": 50}, "reviews_waiting_index", 50),
        (reviews.LOCK_OVERDUE_REVIEWS, {"now": "2100-01-01T00:00:00Z", "most": 50}, "reviews_due_index", 50),
        (reviews.LOCK_REVIEWS_OF, {"agent_ids": [30]}, "reviews_queue_index", 100),
        (
            queues.LIST_QUEUE,
            {"agent_id": 30, "with_subtree": False, "size": 11, **EVERYTHING_SEEN},
            "reviews_queue_index",
            11,
        ),
        (
            queues.LIST_QUEUE,
            {"agent_id": 2, "with_subtree": True, "size": 11, **EVERYTHING_SEEN},
            "reviews_queue_index",
            22 * 11,
        ),
        (
            queues.LIST_QUEUE_AFTER,
            {
                "agent_id": 30,
                "with_subtree": False,
                **EVERYTHING_SEEN,
                "size": 11,
                "opened_at": "2000-01-01T00:00:00Z",
                "loan_id": UUID(int=0),
            },
            "reviews_queue_index",
            11,
        ),
        (reviews.IS_ANY_WAITING, {}, "reviews_waiting_index", 1),
    ],
    ids=[
        "waiting",
        "overdue",
        "an agent's",
        "a queue",
        "the queue of a subtree",
        "a queue from a place on",
        "any waiting",
    ],
)
def test_open_reviews_are_found_where_they_are(
    crowded: Connection, statement: TextClause, values: dict[str, Any], index: str, most: int
) -> None:
    plan = explained(crowded, statement, values)
    assert index in {step.get("Index Name") for step in plan}
    assert rows_read(plan, "reviews") <= most


@pytest.mark.parametrize(
    ("statement", "table"),
    [(steps.LIST_STEPS, "review_steps"), (steps.LIST_RECOMMENDERS, "review_steps"), (reviews.LIST_DECIDED, "reviews")],
    ids=["steps", "recommenders", "decisions"],
)
def test_what_belongs_to_reviews_is_found_by_their_ids(crowded: Connection, statement: TextClause, table: str) -> None:
    plan = explained(crowded, statement, {"loan_ids": some(crowded, "DECIDED")})
    assert f"{table}_pkey" in {step.get("Index Name") for step in plan}
    assert rows_read(plan, table) <= 50


def test_an_update_touches_the_reviews_it_names(crowded: Connection) -> None:
    loan_ids = some(crowded)
    columns = ["due_ats", "at_tops", "escalation_counts", "step_numbers", "agent_ids", "absent_ids", "assigned_ats"]
    values = {
        **dict.fromkeys(columns, [None] * len(loan_ids)),
        "loan_ids": loan_ids,
        "due_ats": ["2100-01-01T00:00:00Z"] * len(loan_ids),
        "at_tops": [False] * len(loan_ids),
        "escalation_counts": [0] * len(loan_ids),
        "step_numbers": [5] * len(loan_ids),
        "assignment_numbers": [1] * len(loan_ids),
        "first_approvers": [None] * len(loan_ids),
    }
    plan = explained(crowded, reviews.UPDATE_REVIEWS, values)
    assert "reviews_pkey" in {step.get("Index Name") for step in plan}
    assert rows_read(plan, "reviews") <= len(loan_ids)


def test_the_roster_looks_once_for_the_limits_and_the_cover_of_each_agent(crowded: Connection) -> None:
    plan = explained(crowded, agents.LIST_ROSTER, {})
    assert rows_read(plan, "agents") == AGENTS
    assert rows_read(plan, "approval_limits") <= 3 * AGENTS
    assert rows_read(plan, "covers") <= 5 * AGENTS


def test_whom_somebody_stands_in_for_is_read_from_the_covers_that_are_not_over(crowded: Connection) -> None:
    plan = explained(crowded, queues.LIST_ABSENT_IDS, {"agent_id": 30})
    assert rows_read(plan, "covers") <= AGENTS
