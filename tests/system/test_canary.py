"""What is known of people is told to nobody who did not ask for it: in no log, error, metric or job.

The whole system is told marked values, in every way in which it can be told anything, while things go well and while
they break. Then all that it wrote down for others is searched for the marks.
"""

import secrets

import pytest

from deploy import postgres
from tests.system.nest import nest

BARE_TYPES = """
from chassis import personal

for kind in (personal.Personal, *personal.Personal.__subclasses__()):
    kind.masked = personal.Personal.shown
"""
BARE_LINES = """
from chassis import personal

personal.hidden = lambda text: text
"""
BARE_DATABASE_ERRORS = """
from chassis import db

db._leave_values_out = lambda failure: None
"""
NAMES_IN_JOBS = """
from review_service.usecases import telling

push = telling._push

def push_with_name(loan_id, dedupe_key, agent_id, template, named=None):
    job = push(loan_id, dedupe_key, agent_id, template, named)
    job.args["agent_name"] = named and named.name
    return job

telling._push = push_with_name
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_nobody_is_told_what_is_known_of_people_unless_they_asked(
    postgres_server: postgres.Server, log_format: str
) -> None:
    with nest(postgres_server, f"canary_{log_format}", log_format) as nesting:
        nesting.tell_of_staff()
        nesting.tell_of_loans()
        nesting.tell_nonsense()
        nesting.break_things()
        nesting.wait_until_parked()
        told = nesting.told()
    assert nesting.marks.found_in(told) == []
    assert "+1******" in told["the log of notification"]  # so it was told of customers
    assert "CheckViolation" in told["the log of loan"]
    assert "MessageRefused" in told["the list of PARKED jobs of notification"]
    assert len(nesting.errors) > 100


@pytest.mark.parametrize(
    ("name", "patch", "place", "what"),
    [
        ("notification", BARE_TYPES, "a job", "name"),
        ("notification", BARE_LINES, "a job", "phone"),
        ("notification", BARE_LINES, "the log of notification", "phone"),
        ("loan", BARE_DATABASE_ERRORS, "the log of loan", "name"),
        ("review", NAMES_IN_JOBS, "a job", "staff_name"),
    ],
    ids=["types", "failures", "lines", "database errors", "jobs"],
)
def test_without_a_mask_the_canary_is_heard(
    postgres_server: postgres.Server, name: str, patch: str, place: str, what: str
) -> None:
    database = f"canary_{name}_{secrets.token_hex(3)}"
    with nest(postgres_server, database, "json", **{name: patch}) as nesting:
        if name == "loan":
            nesting.break_things()
        else:
            nesting.tell_of_staff()
            nesting.tell_of_loans()
            nesting.wait_until_parked()
        found = nesting.marks.found_in(nesting.told())
    assert any(sentence.startswith(f"{place} tells the {what} as ") for sentence in found), found
    assert all(sentence.startswith((f"the log of {name} ", "a job ", "the list of ")) for sentence in found), found
