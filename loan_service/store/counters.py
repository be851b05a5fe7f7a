"""Figures that are kept by the transactions which change them, so that nobody has to count."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy import Connection, text

from chassis.personal import Name, Phone
from loan_service.domain import Loan, Status

SHARDS = 16
"""Over how many rows each status counter is spread, so that transactions seldom wait for one another."""

# Written last in every transaction, so that the few rows are locked only until the commit.
ADD_STATUS_COUNTS = text("""
INSERT INTO status_counts (shard, status, count)
SELECT :shard, status, change
FROM unnest(CAST(:statuses AS text[]), CAST(:changes AS bigint[])) AS new (status, change)
ON CONFLICT (shard, status) DO UPDATE SET count = status_counts.count + excluded.count
""")

ADD_CUSTOMER_TOTALS = text("""
INSERT INTO customer_totals (customer_phone, customer_name, approved_loan_count, total_approved_amount)
SELECT phone, name, approved, amount
FROM unnest(CAST(:phones AS text[]), CAST(:names AS text[]), CAST(:counts AS int[]), CAST(:amounts AS numeric[]))
     AS new (phone, name, approved, amount)
ON CONFLICT (customer_phone) DO UPDATE
SET customer_name = excluded.customer_name,
    approved_loan_count = customer_totals.approved_loan_count + excluded.approved_loan_count,
    total_approved_amount = customer_totals.total_approved_amount + excluded.total_approved_amount
""")

COUNT_BY_STATUS = text("SELECT status, sum(count)::bigint FROM status_counts GROUP BY status")

# What is approved is known; what is undecided is little and found by the customer's phone. One statement, one moment: a
# loan that is approved just now is in one of the two sums.
GET_EXPOSURES = text("""
SELECT phone,
       CAST(coalesce((SELECT total_approved_amount FROM customer_totals WHERE customer_phone = phone), 0)
            + coalesce((SELECT sum(loan_amount) FROM loans
                        WHERE customer_phone = phone AND status IN ('APPLIED', 'PROCESSING', 'UNDER_REVIEW')), 0)
            AS numeric(20, 2))
FROM unnest(CAST(:phones AS text[])) AS wanted (phone)
""")

LIST_TOP_CUSTOMERS = text("""
SELECT customer_name, customer_phone, approved_loan_count, total_approved_amount FROM customer_totals
ORDER BY approved_loan_count DESC, total_approved_amount DESC, customer_phone LIMIT :most
""")


def add_status_counts(tx: Connection, changes: Iterable[tuple[Status | None, Status]]) -> None:
    """Count loans that went from one status to another; from None means that they are new."""
    deltas: Counter[str] = Counter()
    for before, after in changes:
        if before is not None:
            deltas[before] -= 1
        deltas[after] += 1
    moved = sorted((str(status), delta) for status, delta in deltas.items() if delta)
    if moved:
        tx.execute(
            ADD_STATUS_COUNTS,
            {
                "shard": random.randrange(SHARDS),  # noqa: S311 -- spreads load, guards nothing
                "statuses": [status for status, _ in moved],
                "changes": [delta for _, delta in moved],
            },
        )


def add_customer_totals(tx: Connection, approved: Sequence[Loan]) -> None:
    """Count approved loans for their customers."""
    if not approved:
        return
    of_customer: dict[str, list[Loan]] = {}
    for loan in approved:
        of_customer.setdefault(loan.customer_phone, []).append(loan)
    phones = sorted(of_customer)  # one order for all transactions: no deadlock
    tx.execute(
        ADD_CUSTOMER_TOTALS,
        {
            "phones": phones,
            "names": [of_customer[phone][-1].customer_name for phone in phones],
            "counts": [len(of_customer[phone]) for phone in phones],
            "amounts": [sum((loan.loan_amount for loan in of_customer[phone]), Decimal(0)) for phone in phones],
        },
    )


def count_by_status(tx: Connection) -> dict[Status, int]:
    """The number of loans in every status, zeros included."""
    counted = {row[0]: int(row[1]) for row in tx.execute(COUNT_BY_STATUS)}
    return {status: counted.get(status, 0) for status in Status}


def get_exposures(tx: Connection, phones: Iterable[str]) -> dict[str, Decimal]:
    """For each customer the sum of their approved loans and of those that are not decided yet."""
    return {row[0]: row[1] for row in tx.execute(GET_EXPOSURES, {"phones": sorted(set(phones))})}


def list_top_customers(tx: Connection, most: int) -> list[tuple[Name, Phone, int, Decimal]]:
    """Name, phone, number and sum of approved loans of the best customers."""
    rows = tx.execute(LIST_TOP_CUSTOMERS, {"most": most})
    return [(Name(name), Phone(phone), count, amount) for name, phone, count, amount in rows]
