"""Bring a database to what the services expect: `python -m deploy.migrate [prepare | upgrade | check]`.

    prepare   roles, schemas and grants only
    upgrade   prepare, then every service's migrations (the default)
    check     fail if the tables that the services declare differ from those that the migrations make

Works as the login of MIGRATE_DATABASE_URL, which owns the database and may create roles; it need not be a superuser.
Everything can be repeated; of several at once, one works and the others wait. Each service gets a login of its own that
reaches its own schema and no other; its name and password are those of the service's own settings.

Where somebody else makes the logins, the owner need not create roles either: the logins are there, their settings (see
ROLE_SETTINGS) as well, and the services' addresses reach this program without a password.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from psycopg2 import extensions
from psycopg2.sql import SQL, Composable, Identifier, Literal
from pydantic_settings import BaseSettings
from sqlalchemy import URL, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from chassis import config, login
from chassis.login import DatabaseUrl, PasswordFile

ROOT = Path(__file__).resolve().parent.parent
LOCK = 0x6C6F73  # "los": the advisory lock of those who migrate
OLDEST, NEWEST = 15, 18

# What a service's login may take at most, even where its code forgets to say.
ROLE_SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}

# Tables whose rows stay, and the columns that may be emptied all the same. Triggers say so to the owner as well.
APPEND_ONLY = {"loan": {"loan_events": ("comment", "subject")}}


class MigrationRefused(Exception):
    """The database cannot be migrated; the text says why."""


class MigrateSettings(BaseSettings):
    """Which database to migrate, and as whom its services will come."""

    migrate_database_password_file: PasswordFile = None
    migrate_database_url: DatabaseUrl
    migrate_patience_s: float = 60
    loan_database_password_file: PasswordFile = None
    loan_database_url: DatabaseUrl
    review_database_password_file: PasswordFile = None
    review_database_url: DatabaseUrl
    notification_database_password_file: PasswordFile = None
    notification_database_url: DatabaseUrl


@dataclass(frozen=True, slots=True)
class Owner:
    """A service as the database knows it.

    Attributes:
        package: Its Python package, whose migrations make its tables.
        schema: The one schema it reaches.
        role: Its login.
        password: The login's password; None leaves the login's way to prove itself to the server's configuration.
    """

    package: str
    schema: str
    role: str
    password: str | None = field(repr=False)


def owners(settings: MigrateSettings) -> list[Owner]:
    """The services, with their logins as their own settings name them.

    Raises:
        MigrationRefused: A setting names no login, or one that is not the service's alone.
    """
    found = []
    for schema in ("loan", "review", "notification"):
        setting = f"{schema}_database_url"
        url: URL = getattr(settings, setting)
        if not url.username:
            raise MigrationRefused(f"{setting.upper()} names no login")
        password = None if url.password is None else str(url.password)
        found.append(Owner(f"{schema}_service", schema, url.username, password))
    logins = [settings.migrate_database_url.username, *(owner.role for owner in found)]
    if len(set(logins)) != len(logins):
        raise MigrationRefused("MIGRATE_DATABASE_URL and the services' database settings must name different logins")
    return found


def upgrade(settings: MigrateSettings) -> None:
    """Prepare the database and run every service's migrations.

    Raises:
        MigrationRefused: The database cannot be reached or is not one to work with.
    """
    with _alone(settings) as connection:
        services = owners(settings)
        _prepare(connection, services)
        for owner in services:
            if not (ROOT / owner.package / "migrations").exists():
                continue
            _run_alembic(settings, owner, command.upgrade, "head")
            forbid = SQL("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {}.alembic_version FROM {}")
            _execute(connection, [forbid.format(Identifier(owner.schema), Identifier(owner.role))])
            _execute(connection, _restrictions(connection, owner))


def prepare(settings: MigrateSettings) -> None:
    """Make roles, schemas and grants what they should be.

    Raises:
        MigrationRefused: The database cannot be reached or is not one to work with.
    """
    with _alone(settings) as connection:
        _prepare(connection, owners(settings))


def check(settings: MigrateSettings) -> None:
    """Compare the tables that the services declare with those that the migrations made.

    Raises:
        MigrationRefused: They differ, or the database cannot be reached.
    """
    with _alone(settings):
        for owner in owners(settings):
            _run_alembic(settings, owner, command.check)


def _prepare(connection: extensions.connection, services: list[Owner]) -> None:
    """Create what is missing and grant what each service needs; take from everybody what nobody needs."""
    _require_ownership(connection)
    database = Identifier(connection.info.dbname)
    _execute(
        connection,
        [
            SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database),
            SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"),
        ],
    )
    for owner in services:
        _make_login(connection, owner, database)
        _require_no_more_rights(connection, owner)
        _execute(connection, _grants(owner, database))
        _execute(connection, _restrictions(connection, owner))


def _require_ownership(connection: extensions.connection) -> None:
    """Refuse a login that does not own the database: the server would only warn that it could revoke nothing."""
    owned = "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
    if not _ask(connection, owned)[0][0]:
        raise MigrationRefused(f"{connection.info.user} must own the database {connection.info.dbname}")


def _make_login(connection: extensions.connection, owner: Owner, database: Identifier) -> None:
    """Make the login and its settings what they should be; what is so already needs no right."""
    settings = list(_settings(connection, owner, database))
    try:
        _execute(connection, [*_role(connection, owner), *settings])
    except psycopg2.errors.InsufficientPrivilege as error:
        needed = "; ".join(statement.as_string(connection) for statement in settings)
        raise MigrationRefused(
            f"{connection.info.user} may not make the login {owner.role} ({error.diag.message_primary}): it needs "
            f"CREATEROLE; or else leave the password out here and have somebody else make the login"
            f"{' and run: ' + needed if needed else ''}"
        ) from error


def _role(connection: extensions.connection, owner: Owner) -> Iterator[Composable]:
    """Create the role, and give it its password without the server ever seeing it."""
    role = Identifier(owner.role)
    if not _ask(connection, "SELECT FROM pg_roles WHERE rolname = %s", owner.role):
        yield SQL("CREATE ROLE {} LOGIN").format(role)
    if owner.password is not None:
        verifier = extensions.encrypt_password(owner.password, owner.role, connection, "scram-sha-256")
        yield SQL("ALTER ROLE {} PASSWORD {}").format(role, Literal(verifier))


def _settings(connection: extensions.connection, owner: Owner, database: Identifier) -> Iterator[Composable]:
    """What every session of the login is to begin with, in this database, as far as it does not yet."""
    in_force = _ask(
        connection,
        """
        SELECT split_part(setting, '=', 1), split_part(setting, '=', 2)
        FROM pg_db_role_setting
        JOIN pg_database ON pg_database.oid = setdatabase AND datname = current_database()
        JOIN pg_roles ON pg_roles.oid = setrole AND rolname = %s
        CROSS JOIN unnest(setconfig) AS setting
        """,
        owner.role,
    )
    for name, value in {**ROLE_SETTINGS, "search_path": owner.schema}.items():
        if (name, value) not in {(known.lower(), found) for known, found in in_force}:  # it stores `TimeZone`
            change = SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}")
            yield change.format(Identifier(owner.role), database, Identifier(name), Literal(value))


def _require_no_more_rights(connection: extensions.connection, owner: Owner) -> None:
    """Refuse a login that was there before and may what no service may: then no grant would hold it back."""
    rights = _ask(
        connection,
        """
        SELECT word FROM pg_roles, LATERAL (VALUES
            ('SUPERUSER', rolsuper), ('CREATEDB', rolcreatedb), ('CREATEROLE', rolcreaterole),
            ('REPLICATION', rolreplication), ('BYPASSRLS', rolbypassrls)
        ) AS attribute (word, has) WHERE has AND rolname = %(role)s
        UNION ALL
        SELECT 'membership in ' || roleid::regrole FROM pg_auth_members WHERE member = %(role)s::regrole
        UNION ALL
        SELECT DISTINCT 'things of its own in this database' FROM pg_shdepend
        WHERE refclassid = 'pg_authid'::regclass AND refobjid = %(role)s::regrole AND deptype = 'o'
              AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
        """,
        role=owner.role,
    )
    if rights:
        raise MigrationRefused(f"the login {owner.role} has more than a service may: {', '.join(r for (r,) in rights)}")


def _grants(owner: Owner, database: Identifier) -> Iterator[Composable]:
    """Rows of its own tables, those to come included; nothing else."""
    places = {"database": database, "schema": Identifier(owner.schema), "role": Identifier(owner.role)}
    for statement in (
        "CREATE SCHEMA IF NOT EXISTS {schema}",
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE ON SEQUENCES TO {role}",
    ):
        yield SQL(statement).format(**places)


def _restrictions(connection: extensions.connection, owner: Owner) -> Iterator[Composable]:
    """Take from a service what it may not do with those of its tables that are only added to."""
    for name, columns in APPEND_ONLY.get(owner.schema, {}).items():
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{owner.schema}.{name}",))
            (exists,) = cursor.fetchone() or (False,)
        if exists:
            table, role = Identifier(owner.schema, name), Identifier(owner.role)
            yield SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {} FROM {}").format(table, role)
            may = SQL(", ").join(map(Identifier, columns))
            yield SQL("GRANT UPDATE ({}) ON {} TO {}").format(may, table, role)


def _run_alembic(settings: MigrateSettings, owner: Owner, action: Callable[..., None], *arguments: str) -> None:
    """Run an Alembic command for one service on a connection of its own."""
    url = settings.migrate_database_url.set(drivername="postgresql+psycopg2")
    engine = create_engine(url, poolclass=NullPool)
    alembic = Config(ROOT / "alembic.ini", ini_section=owner.package, stdout=io.StringIO())
    try:
        with engine.connect() as connection:
            alembic.attributes["connection"] = connection
            action(alembic, *arguments)
            connection.commit()
    except (CommandError, DBAPIError) as error:
        raise MigrationRefused(f"{owner.package}: {error}") from error


@contextmanager
def _alone(settings: MigrateSettings) -> Iterator[extensions.connection]:
    """A connection that commits every statement and holds the lock of those who migrate."""
    connection = _connect(settings)
    try:
        connection.autocommit = True
        major = connection.info.server_version // 10000
        if not OLDEST <= major <= NEWEST:
            raise MigrationRefused(f"PostgreSQL {OLDEST} to {NEWEST} is needed, this is {major}")
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":  # any other cannot hold every customer's name
            raise MigrationRefused(f"the database's encoding must be UTF8, this is {encoding}")
        patience_ms = int(settings.migrate_patience_s * 1000)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = %s", (patience_ms,))
            cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            cursor.execute("RESET lock_timeout")
        yield connection
    except psycopg2.errors.LockNotAvailable:
        raise MigrationRefused(f"another migration is still running after {settings.migrate_patience_s:g} s") from None
    except psycopg2.Error as error:
        raise MigrationRefused(str(error).strip()) from error
    finally:
        connection.close()


def _connect(settings: MigrateSettings) -> extensions.connection:
    """Connect, waiting for a database that is still starting."""
    defaults = {"connect_timeout": "3", "application_name": "migrate"}
    wanted = extensions.make_dsn(**{**defaults, **login.parameters(settings.migrate_database_url)})
    deadline = time.monotonic() + settings.migrate_patience_s
    waiting = False
    while True:
        try:
            return psycopg2.connect(wanted)
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                raise MigrationRefused(f"the database cannot be reached: {str(error).strip()}") from None
            if not waiting:
                print(f"waiting for the database: {str(error).strip()}", file=sys.stderr)
            waiting = True
            time.sleep(0.25)


def _execute(connection: extensions.connection, statements: Iterable[Composable]) -> None:
    """Run statements one after the other."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _ask(connection: extensions.connection, question: str, *values: object, **named: object) -> list[tuple[Any, ...]]:
    """The rows that a statement answers."""
    with connection.cursor() as cursor:
        cursor.execute(question, named or values)
        return cursor.fetchall()


def main() -> int:
    """Run from the command line."""
    actions = {"prepare": prepare, "upgrade": upgrade, "check": check}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=actions, nargs="?", default="upgrade")
    action = parser.parse_args().action
    try:
        actions[action](config.load(MigrateSettings))
    except MigrationRefused as refusal:
        print(f"{action}: {refusal}", file=sys.stderr)
        return 1
    print(f"{action}: done", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
