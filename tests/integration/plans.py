"""What PostgreSQL does for a statement."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, TextClause, text


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of a plan."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def explained(tx: Connection, statement: TextClause, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of a statement that was run, with what it read."""
    explain = text(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement.text}")
    with tx.begin_nested() as savepoint:
        (found,) = tx.execute(explain, values).scalar_one()
        savepoint.rollback()
    return list(nodes(found["Plan"]))
