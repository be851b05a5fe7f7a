"""The agents that a new system begins with: three levels, the higher the larger the limit."""

from collections.abc import Iterator
from decimal import Decimal

from review_service.domain.agents import Profile

_HEAD = ("Margaret Whitfield", "+12025550150", None)
_TEAMS = {
    ("Daniel Okafor", "+12025550151", 1_000_000): [
        ("Priya Raman", "+12025550153", 100_000),
        ("Lucas Moreau", "+12025550154", 150_000),
        ("Hannah Lindqvist", "+12025550155", 100_000),
    ],
    ("Sofia Marchetti", "+12025550152", 1_000_000): [
        ("Tomás Herrera", "+12025550156", 100_000),
        ("Grace Nakamura", "+12025550157", 250_000),
    ],
}


def first_agents() -> Iterator[tuple[Profile, str]]:
    """Each agent with the e-mail address of their manager, who comes before them; empty at the top."""
    head = _profile(*_HEAD)
    yield head, ""
    for person, reports in _TEAMS.items():
        manager = _profile(*person)
        yield manager, head.email
        for report in reports:
            yield _profile(*report), manager.email


def _profile(name: str, phone: str, approval_limit: int | None) -> Profile:
    email = name.lower().replace(" ", ".").replace("á", "a") + "@example.com"
    return Profile(
        name=name,
        email=email,
        phone=phone,
        approval_limit=None if approval_limit is None else Decimal(approval_limit),
    )
