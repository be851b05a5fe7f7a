"""Going from one version of a schema to another and back, with rows in it."""

import secrets
from uuid import UUID

import pytest
from alembic import command

from deploy import migrate, postgres
from tests.integration.deploy.test_migrate import SCHEMAS, connected, rows, settings_of

LOAN_ID = UUID("0192f0c1-7d2b-7c3a-9a51-3f0f5a3b2c1d")

OLD_LOAN = """
INSERT INTO loan.loans (loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, status, version,
                        created_at, updated_at, assigned_agent_id, assignment_number)
VALUES (%s, 'Ada', '+14155550123', 20000, 'USD', 'HOME', 'UNDER_REVIEW', 3, now(), now(), 7, 1);
INSERT INTO loan.loan_events (loan_id, version, kind, from_status, to_status, occurred_at, actor, assigned_agent_id)
VALUES (%s, 1, 'SUBMITTED', NULL, 'APPLIED', now(), 'customer', NULL),
       (%s, 2, 'REFERRED', 'PROCESSING', 'UNDER_REVIEW', now(), 'system', NULL),
       (%s, 3, 'ASSIGNED', 'UNDER_REVIEW', 'UNDER_REVIEW', now(), 'system', 7)
"""
NEW_STEPS = """
INSERT INTO loan.loan_events (loan_id, version, kind, from_status, to_status, occurred_at, actor, assigned_agent_id,
                              actor_right, approval_limit, customer_exposure)
VALUES (%s, 4, 'RECOMMENDED', 'UNDER_REVIEW', 'UNDER_REVIEW', now(), 'agent:7', NULL, 'RIGHT_OF_ASSIGNEE', 1, 2),
       (%s, 5, 'ESCALATED', 'UNDER_REVIEW', 'UNDER_REVIEW', now(), 'system', 8, NULL, NULL, NULL),
       (%s, 6, 'UNASSIGNED', 'UNDER_REVIEW', 'UNDER_REVIEW', now(), 'system', NULL, NULL, NULL, NULL);
UPDATE loan.loans SET version = 6, assigned_agent_id = NULL, review_step_number = 4
"""
HISTORY = "SELECT version, kind, assigned_agent_id FROM loan.loan_events ORDER BY version"
OLD_HISTORY = [(1, "SUBMITTED", None), (2, "REFERRED", None), (3, "ASSIGNED", 7)]


@pytest.fixture
def prepared(postgres_server: postgres.Server) -> migrate.MigrateSettings:
    """A database of nobody else, with schemas and logins but without tables."""
    name = f"versions_{secrets.token_hex(4)}"
    postgres_server.create_database(name)
    settings = settings_of(postgres_server.url(name))
    migrate.prepare(settings)
    return settings


def go(settings: migrate.MigrateSettings, schema: str, to: str) -> None:
    """Bring one schema to a version, up or down."""
    (owner,) = [owner for owner in migrate.owners(settings) if owner.schema == schema]
    present = rows(settings.migrate_database_url, "SELECT to_regclass(%s)", f"{schema}.alembic_version") != [(None,)]
    at = rows(settings.migrate_database_url, f"TABLE {schema}.alembic_version") if present else []
    is_below = to == "base" or (at and to != "head" and at[0] > (to,))
    migrate._run_alembic(settings, owner, command.downgrade if is_below else command.upgrade, to)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_version_can_be_taken_back_and_made_again(prepared: migrate.MigrateSettings, schema: str) -> None:
    for to in ("head", "base", "head"):
        go(prepared, schema, to)
    left = [other for other in SCHEMAS if other != schema]
    for other in left:
        go(prepared, other, "head")
    migrate.check(prepared)


def test_histories_are_what_they_were_when_loans_learn_of_steps_of_reviews(prepared: migrate.MigrateSettings) -> None:
    url = prepared.migrate_database_url
    go(prepared, "loan", "0001")
    with connected(url) as cursor:
        cursor.execute(OLD_LOAN, [str(LOAN_ID)] * 4)
    go(prepared, "loan", "0002")
    assert rows(url, HISTORY) == OLD_HISTORY
    assert rows(url, "SELECT assigned_agent_id, review_step_number FROM loan.loans") == [(7, 1)]


def test_histories_have_no_hole_when_steps_of_reviews_are_taken_back(prepared: migrate.MigrateSettings) -> None:
    url = prepared.migrate_database_url
    go(prepared, "loan", "0001")
    with connected(url) as cursor:
        cursor.execute(OLD_LOAN, [str(LOAN_ID)] * 4)
    go(prepared, "loan", "0002")
    with connected(url) as cursor:
        cursor.execute(NEW_STEPS, [str(LOAN_ID)] * 3)
    go(prepared, "loan", "0001")
    assert rows(url, HISTORY) == [*OLD_HISTORY, (4, "ASSIGNED", 7), (5, "ASSIGNED", 8), (6, "ASSIGNED", 8)]
    assert rows(url, "SELECT assigned_agent_id, assignment_number FROM loan.loans") == [(None, 0)]
    go(prepared, "loan", "0002")
    assert rows(url, "SELECT assigned_agent_id, review_step_number FROM loan.loans") == [(None, 0)]
