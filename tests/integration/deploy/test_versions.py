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


OLD_REVIEWS = """
INSERT INTO review.agents (name, email, phone, manager_id, is_available, approval_limit)
VALUES ('Head', 'head@example.com', '+12025550101', NULL, TRUE, NULL),
       ('Agent', 'agent@example.com', '+12025550102', 1, TRUE, 50000);
INSERT INTO review.reviews (loan_id, state, customer_name, customer_phone, loan_amount, currency_code, loan_type,
                            reason_codes, opened_at, assigned_agent_id, assignment_number, assigned_at, decision,
                            decided_by_agent_id, decision_reason_codes, decision_comment, decided_at, cancelled_at)
VALUES (%(moved)s, 'OPEN', 'Ada', '+14155550123', 80000, 'USD', 'HOME', '{}', now(), 1, 2, now(),
        NULL, NULL, NULL, NULL, NULL, NULL),
       (%(decided)s, 'DECIDED', 'Ada', '+14155550123', 20000, 'USD', 'HOME', '{}', now(), 2, 1, now(),
        'REJECT', 1, '{OTHER}', '', now(), NULL),
       (%(waiting)s, 'OPEN', 'Ada', '+14155550123', 20000, 'USD', 'HOME', '{}', now(), NULL, 0, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL),
       (%(tombstone)s, 'CANCELLED', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL,
        NULL, NULL, NULL, NULL, NULL, now());
INSERT INTO review.recommendations (loan_id, agent_id, reason_codes, comment) VALUES (%(moved)s, 2, '{KNOWN}', 'sound');
INSERT INTO review.jobs (kind, key, args)
VALUES ('record_assignment', 'first', jsonb_build_object('loan_id', %(moved)s, 'assignment_number', 1)),
       ('record_assignment', 'second', jsonb_build_object('loan_id', %(moved)s, 'assignment_number', 2))
"""
NAMES = ("moved", "decided", "waiting", "tombstone")
REVIEWS = {name: str(UUID(int=number)) for number, name in enumerate(NAMES, start=1)}
STEPS = "SELECT loan_id::text, number, kind, actor, comment, assigned_agent_id FROM review.review_steps ORDER BY 1, 2"


def test_limits_and_recommendations_are_kept_when_reviews_learn_of_authority(prepared: migrate.MigrateSettings) -> None:
    url = prepared.migrate_database_url
    go(prepared, "review", "0001")
    with connected(url) as cursor:
        cursor.execute(OLD_REVIEWS, REVIEWS)
    go(prepared, "review", "0002")
    assert rows(url, "SELECT agent_id, loan_type, amount::int, valid_from <= now() FROM review.approval_limits") == [
        (2, None, 50_000, True)
    ]
    assert rows(url, STEPS) == [
        (REVIEWS["moved"], 1, "RECOMMENDED", "agent:2", "sound", None),
        (REVIEWS["moved"], 2, "ASSIGNED", "system", "", 1),
        (REVIEWS["decided"], 1, "ASSIGNED", "system", "", 2),
    ]
    kept = "SELECT step_number, decision_right, customer_exposure::int, due_at > now() FROM review.reviews"
    assert rows(url, f"{kept} ORDER BY loan_id") == [
        (2, None, 80_000, True),
        (1, "RIGHT_OF_MANAGER", 20_000, None),
        (0, None, 20_000, True),
        (0, None, None, None),
    ]
    told = "SELECT kind, key, args ->> 'loan_id' FROM review.jobs"
    assert rows(url, told) == [("record_steps", f"record_steps:{REVIEWS['moved']}:2", REVIEWS["moved"])]


def test_what_there_was_a_place_for_is_kept_when_authority_is_taken_back(prepared: migrate.MigrateSettings) -> None:
    url = prepared.migrate_database_url
    go(prepared, "review", "0001")
    with connected(url) as cursor:
        cursor.execute(OLD_REVIEWS, REVIEWS)
    go(prepared, "review", "0002")
    with connected(url) as cursor:
        cursor.execute(
            "INSERT INTO review.approval_limits (agent_id, loan_type, amount, valid_from) "
            "VALUES (2, NULL, 60000, now()), (2, NULL, 70000, now() + interval '1 day'), (1, 'HOME', 5, now());"
            "UPDATE review.agents SET is_active = FALSE WHERE agent_id = 1;"
            "UPDATE review.reviews SET assigned_agent_id = NULL, assigned_at = NULL WHERE loan_id = %s",
            [REVIEWS["moved"]],
        )
    go(prepared, "review", "0001")
    assert rows(url, "SELECT agent_id, approval_limit::int, is_available FROM review.agents ORDER BY 1") == [
        (1, None, False),
        (2, 60_000, True),
    ]
    assert rows(url, "SELECT loan_id::text, agent_id, reason_codes, comment FROM review.recommendations") == [
        (REVIEWS["moved"], 2, ["KNOWN"], "sound")
    ]
    assert rows(url, "SELECT assigned_agent_id, assignment_number FROM review.reviews ORDER BY loan_id LIMIT 2") == [
        (None, 0),
        (2, 1),
    ]
