"""The applications: a dozen customers, all kinds of loans, and amounts on both sides of every edge."""

from decimal import Decimal
from typing import Any

CUSTOMERS = (
    ("Ada Lovelace", "+12025550101"),
    ("Alan Turing", "+12025550102"),
    ("Grace Hopper", "+12025550103"),
    ("Katherine Johnson", "+12025550104"),
    ("Edsger Dijkstra", "+12025550105"),
    ("Barbara Liskov", "+12025550106"),
    ("Donald Knuth", "+12025550107"),
    ("Frances Allen", "+12025550108"),
    ("Tony Hoare", "+12025550109"),
    ("Radia Perlman", "+12025550110"),
    ("José Valim", "+12025550111"),
    ("Márta Kovács", "+12025550112"),
)
AMOUNTS = [
    "2500.00",
    "12000.00",
    "9999.99",
    "48000.00",
    "750.50",
    "640000.00",
    "10000.00",
    "5000.50",
    "85000.00",
    "500000.00",
    "1200.00",
    "27500.00",
    "500000.01",
]
TYPES = ("PERSONAL", "AUTO", "HOME", "BUSINESS", "PERSONAL")


def applications(count: int) -> list[dict[str, Any]]:
    """So many applications, the same ones every time."""
    return [
        {
            "customer_name": CUSTOMERS[number % len(CUSTOMERS)][0],
            "customer_phone": CUSTOMERS[number % len(CUSTOMERS)][1],
            "loan_amount": AMOUNTS[number % len(AMOUNTS)],
            "loan_type": TYPES[number % len(TYPES)],
        }
        for number in range(count)
    ]


def first_status(amount: str) -> str:
    """Where the assessment takes an application for this amount."""
    if Decimal(amount) < 10_000:
        return "APPROVED_BY_SYSTEM"
    if Decimal(amount) > 500_000:
        return "REJECTED_BY_SYSTEM"
    return "UNDER_REVIEW"
