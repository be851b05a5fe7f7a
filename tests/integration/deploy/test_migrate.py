"""Migrations, and the walls between the services' schemas."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import permutations
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import extensions
from sqlalchemy import URL, make_url

from deploy import migrate, ports, postgres, system

SCHEMAS = system.SERVICES
ROOT = Path(__file__).parents[3]


@contextmanager
def connected(url: object) -> Iterator[extensions.cursor]:
    """A cursor that commits every statement."""
    written = url.render_as_string(hide_password=False) if isinstance(url, URL) else str(url)
    with closing(psycopg2.connect(written)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def rows(url: object, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    with connected(url) as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def settings_of(owner_url: str, **changes: object) -> migrate.MigrateSettings:
    """Settings for a database of nobody else, with logins of nobody else."""
    mark = secrets.token_hex(4)
    urls: dict[str, object] = {"migrate_database_url": owner_url}
    for schema in SCHEMAS:
        login = make_url(owner_url).set(username=f"{schema}_{mark}", password="the first")
        urls[f"{schema}_database_url"] = login.render_as_string(hide_password=False)
    return migrate.MigrateSettings.model_validate(urls | {"migrate_patience_s": 30} | changes)


@pytest.fixture
def empty_database(postgres_server: postgres.Server) -> str:
    """The superuser's way to a new database."""
    name = f"empty_{secrets.token_hex(4)}"
    postgres_server.create_database(name)
    return postgres_server.url(name)


@pytest.fixture(scope="module")
def migrated(postgres_server: postgres.Server) -> migrate.MigrateSettings:
    """A migrated database."""
    postgres_server.create_database("migrated")
    settings = settings_of(postgres_server.url("migrated"))
    migrate.upgrade(settings)
    return settings


def login(settings: migrate.MigrateSettings, schema: str) -> URL:
    found: URL = getattr(settings, f"{schema}_database_url")
    return found


@pytest.mark.parametrize(("own", "foreign"), list(permutations(SCHEMAS, 2)))
def test_a_service_cannot_read_the_schema_of_another(migrated: migrate.MigrateSettings, own: str, foreign: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match=f"schema {foreign}"):
        rows(login(migrated, own), f"TABLE {foreign}.alembic_version")


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE stray (id int)",
        "CREATE TABLE public.stray (id int)",
        "CREATE TEMPORARY TABLE stray (id int)",
        "CREATE SCHEMA stray",
        "DELETE FROM alembic_version",
        "DROP TABLE alembic_version",
    ],
)
def test_a_service_cannot_change_how_its_database_is_made(
    migrated: migrate.MigrateSettings, schema: str, statement: str
) -> None:
    with connected(login(migrated, schema)) as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(statement)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_service_reads_and_writes_every_table_of_its_own(migrated: migrate.MigrateSettings, schema: str) -> None:
    granted = rows(
        login(migrated, schema),
        """
        SELECT relname, has_table_privilege(oid, 'SELECT'),
               has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')
               AND has_table_privilege(oid, 'DELETE')
        FROM pg_class WHERE relnamespace = CAST(%s AS regnamespace) AND relkind = 'r'
        """,
        schema,
    )
    assert ("jobs", True, True) in granted
    assert {(name, reads, writes) for name, reads, writes in granted if not (reads and writes)} == {
        ("alembic_version", True, False),
        *((table, True, False) for table in migrate.APPEND_ONLY.get(schema, {})),
    }


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_sessions_of_a_service_begin_in_its_schema_with_limits(
    migrated: migrate.MigrateSettings, schema: str
) -> None:
    names = ("search_path", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    shown = rows(login(migrated, schema), "SELECT " + ", ".join(f"current_setting('{name}')" for name in names))
    assert shown == [(schema, "30s", "10s", "30s")]


def test_a_stranger_cannot_connect(migrated: migrate.MigrateSettings) -> None:
    with connected(migrated.migrate_database_url) as cursor:
        cursor.execute("CREATE ROLE stranger LOGIN PASSWORD 'strange'")
    stranger = migrated.migrate_database_url.set(username="stranger", password="strange")
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        rows(stranger, "SELECT 1")


def test_declared_tables_are_those_that_the_migrations_make(migrated: migrate.MigrateSettings) -> None:
    migrate.check(migrated)


def test_a_table_that_no_service_declares_is_found(empty_database: str) -> None:
    settings = settings_of(empty_database)
    migrate.upgrade(settings)
    with connected(empty_database) as cursor:
        cursor.execute("CREATE TABLE review.stray (id int)")
    with pytest.raises(migrate.MigrationRefused, match=r"review_service: .*stray"):
        migrate.check(settings)


def test_migrating_again_changes_nothing(migrated: migrate.MigrateSettings) -> None:
    tables = "SELECT schemaname, tablename FROM pg_tables ORDER BY 1, 2"
    before = rows(migrated.migrate_database_url, tables)
    migrate.upgrade(migrated)
    assert rows(migrated.migrate_database_url, tables) == before


def test_two_migrators_at_once_both_succeed(empty_database: str) -> None:
    settings = settings_of(empty_database)
    urls = {name: value for name, value in settings if isinstance(value, URL)}
    environment = {name.upper(): url.render_as_string(hide_password=False) for name, url in urls.items()}
    migrators = [
        subprocess.Popen(
            [sys.executable, "-m", "deploy.migrate"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [migrator.communicate()[1] for migrator in migrators]
    assert [(migrator.returncode, words) for migrator, words in zip(migrators, said, strict=True)] == [
        (0, "upgrade: done\n")
    ] * 2
    migrate.check(settings)


def test_a_migrator_gives_up_when_another_holds_the_lock_for_too_long(empty_database: str) -> None:
    settings = settings_of(empty_database, migrate_patience_s=0.2)
    with connected(empty_database) as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (migrate.LOCK,))
        with pytest.raises(migrate.MigrationRefused, match="another migration is still running"):
            migrate.upgrade(settings)


def test_an_owner_that_is_no_superuser_can_migrate(postgres_server: postgres.Server) -> None:
    with connected(postgres_server.url()) as cursor:
        cursor.execute("CREATE ROLE owner LOGIN CREATEROLE PASSWORD 'owns'")
        cursor.execute("CREATE DATABASE owned OWNER owner")
    owner = make_url(postgres_server.url("owned")).set(username="owner", password="owns")
    settings = settings_of(owner.render_as_string(hide_password=False))
    migrate.upgrade(settings)
    migrate.upgrade(settings)
    migrate.check(settings)
    assert rows(login(settings, "loan"), "SELECT count(*) FROM jobs") == [(0,)]


def test_a_changed_password_is_the_one_that_counts(empty_database: str) -> None:
    settings = settings_of(empty_database)
    migrate.prepare(settings)
    old = login(settings, "loan")
    new = old.set(password="the 'second' %s")
    migrate.prepare(settings.model_copy(update={"loan_database_url": new}))
    assert rows(new, "SELECT 1") == [(1,)]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        rows(old, "SELECT 1")


def test_services_that_share_a_login_are_refused(migrated: migrate.MigrateSettings) -> None:
    shared = migrated.model_copy(update={"review_database_url": migrated.loan_database_url})
    with pytest.raises(migrate.MigrationRefused, match="different logins"):
        migrate.prepare(shared)


def test_a_service_setting_without_a_login_is_refused(migrated: migrate.MigrateSettings) -> None:
    nameless = migrated.model_copy(update={"review_database_url": make_url("postgresql://127.0.0.1/los")})
    with pytest.raises(migrate.MigrationRefused, match="REVIEW_DATABASE_URL names no login"):
        migrate.prepare(nameless)


def test_a_database_that_never_comes_is_named_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"postgresql://owner:secret@127.0.0.1:{ports.free_port()}/los"
    with pytest.raises(migrate.MigrationRefused, match=r"the database cannot be reached: .*refused") as refusal:
        migrate.upgrade(settings_of(url, migrate_patience_s=0.5))
    assert capsys.readouterr().err.startswith("waiting for the database")
    assert "secret" not in str(refusal.value)


def test_a_database_that_cannot_hold_every_name_is_refused(postgres_server: postgres.Server) -> None:
    ascii_only = f"ascii_{secrets.token_hex(4)}"
    with connected(postgres_server.url()) as cursor:
        cursor.execute(f"CREATE DATABASE {ascii_only} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    with pytest.raises(migrate.MigrationRefused, match="must be UTF8, this is SQL_ASCII"):
        migrate.upgrade(settings_of(postgres_server.url(ascii_only)))


def test_an_older_major_version_is_migrated_as_well(server_folder: Path) -> None:
    server = postgres.Server(server_folder, durable=False, major=16)
    server.start()
    try:
        settings = settings_of(server.url())
        migrate.upgrade(settings)
        migrate.check(settings)
    finally:
        server.stop()
