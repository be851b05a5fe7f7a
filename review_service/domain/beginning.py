"""The agents that a new system begins with: three levels, the higher the larger the limit."""

from collections.abc import Iterator
from decimal import Decimal

from chassis.personal import Email, Name, Phone
from review_service.domain.agents import Profile

_HEAD = ("Margaret Whitfield", "+12025550150")
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


def first_agents() -> Iterator[tuple[Profile, Email, Decimal | None]]:
    """Each agent, the e-mail address of their manager, who comes before them, and their limit.

    At the top the address is empty.
    """
    head = _profile(*_HEAD)
    yield head, Email(), None
    for (name, phone, limit), reports in _TEAMS.items():
        manager = _profile(name, phone)
        yield manager, head.email, Decimal(limit)
        for report, report_phone, report_limit in reports:
            yield _profile(report, report_phone), manager.email, Decimal(report_limit)


def _profile(name: str, phone: str) -> Profile:
    email = name.lower().replace(" ", ".").replace("á", "a") + "@example.com"
    return Profile(name=Name(name), email=Email(email), phone=Phone(phone))
