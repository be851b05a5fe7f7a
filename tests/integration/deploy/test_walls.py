"""What the login of a service cannot do, whatever its code is made to say."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from itertools import permutations

import psycopg2
import pytest
from psycopg2 import errors
from sqlalchemy import URL, make_url

from deploy import migrate, postgres
from tests.integration.deploy.test_migrate import SCHEMAS, connected, login, rows, settings_of

PAIRS = list(permutations(SCHEMAS, 2))

# One of every kind of thing that a schema holds, beside the tables of the migrations.
TREASURE = """
CREATE TABLE {schema}.treasure (number int GENERATED ALWAYS AS IDENTITY, weight int);
CREATE SEQUENCE {schema}.map;
CREATE VIEW {schema}.sight AS TABLE {schema}.treasure;
CREATE FUNCTION {schema}.dig() RETURNS int LANGUAGE sql RETURN 1;
"""
THINGS = """
SELECT relname, relkind::text FROM pg_class
WHERE relnamespace = CAST(%s AS regnamespace) AND relkind IN ('r', 'S', 'v')
"""


@pytest.fixture(scope="module")
def walled(postgres_server: postgres.Server) -> migrate.MigrateSettings:
    """A migrated database whose schemas hold treasures."""
    postgres_server.create_database("walled")
    settings = settings_of(postgres_server.url("walled"))
    migrate.prepare(settings)
    migrate.upgrade(settings)
    with connected(settings.migrate_database_url) as cursor:
        for schema in SCHEMAS:
            cursor.execute(TREASURE.format(schema=schema))
    return settings


def attempts(foreign: str, things: list[tuple[object, ...]]) -> Iterator[str]:
    """Every way to touch every thing of another schema."""
    for name, kind in things:
        thing = f"{foreign}.{name}"
        yield f"SELECT 1 FROM {thing}"
        if kind == "S":
            yield f"SELECT nextval('{thing}')"
            yield f"SELECT setval('{thing}', 1)"
            continue
        yield f"COPY {thing} TO STDOUT" if kind == "r" else f"TABLE {thing}"
        yield f"INSERT INTO {thing} DEFAULT VALUES"
        yield f"DELETE FROM {thing}"
        if kind == "r":
            yield f"TRUNCATE {thing}"
            yield f"ALTER TABLE {thing} ADD COLUMN stray int"
            yield f"CREATE INDEX ON {thing} ((1))"
    yield f"SELECT {foreign}.dig()"
    yield f"CREATE TABLE {foreign}.stray (id int)"
    yield f"ALTER SCHEMA {foreign} RENAME TO stray"
    yield f"DROP SCHEMA {foreign} CASCADE"
    yield f"GRANT USAGE ON SCHEMA {foreign} TO PUBLIC"


@pytest.mark.parametrize(("own", "foreign"), PAIRS)
def test_a_service_reaches_no_table_sequence_view_or_function_of_another(
    walled: migrate.MigrateSettings, own: str, foreign: str
) -> None:
    things = rows(walled.migrate_database_url, THINGS, foreign)
    assert {kind for _, kind in things} == {"r", "S", "v"}
    with connected(login(walled, own)) as cursor:
        for statement in attempts(foreign, things):
            with pytest.raises(errors.InsufficientPrivilege):
                cursor.execute(statement)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_service_may_use_what_is_added_to_its_own_schema(walled: migrate.MigrateSettings, schema: str) -> None:
    with connected(login(walled, schema)) as cursor:
        cursor.execute("INSERT INTO treasure (weight) VALUES (1); SELECT nextval('map'), dig()")
        assert cursor.fetchone() == (1, 1)


ESCAPES = {
    "make a table in its schema": "CREATE TABLE stray (id int)",
    "make a table in public": "CREATE TABLE public.stray (id int)",
    "make a table for the session": "CREATE TEMPORARY TABLE stray (id int)",
    "make a function": "CREATE FUNCTION stray() RETURNS int LANGUAGE sql RETURN 1",
    "make a schema": "CREATE SCHEMA stray",
    "drop a language": "DROP EXTENSION plpgsql",
    "make a role": "CREATE ROLE stray",
    "make a database": "CREATE DATABASE stray",
    "make a publication": "CREATE PUBLICATION stray FOR ALL TABLES",
    "watch every change of tables": "CREATE EVENT TRIGGER stray ON ddl_command_end EXECUTE FUNCTION suppress()",
    "change its tables": "ALTER TABLE jobs ADD COLUMN stray int",
    "drop its tables": "DROP TABLE jobs",
    "empty its tables at once": "TRUNCATE jobs",
    "switch triggers off": "ALTER TABLE jobs DISABLE TRIGGER ALL",
    "switch all triggers off": "SET session_replication_role = replica",
    "change which migrations were run": "UPDATE alembic_version SET version_num = '0000'",
    "become a superuser": "ALTER ROLE CURRENT_USER SUPERUSER",
    "make roles": "ALTER ROLE CURRENT_USER CREATEROLE",
    "become the owner": "SET ROLE postgres",
    "become the owner for good": "SET SESSION AUTHORIZATION postgres",
    "join the readers of everything": "GRANT pg_read_all_data TO CURRENT_USER",
    "give its things away": "ALTER TABLE jobs OWNER TO CURRENT_USER",
    "take what is the owner's": "REASSIGN OWNED BY postgres TO CURRENT_USER",
    "run a program": "COPY jobs TO PROGRAM 'true'",
    "run a program and read": "COPY jobs FROM PROGRAM 'true'",
    "write a file of the server": "COPY jobs TO '/tmp/stray'",
    "read a file of the server": "SELECT pg_read_file('PG_VERSION')",
    "read a binary file of the server": "SELECT pg_read_binary_file('PG_VERSION')",
    "read a file into an object": "SELECT lo_import('/etc/hostname')",
    "list files of the server": "SELECT pg_ls_dir('.')",
    "load a library": "LOAD '/tmp/stray.so'",
    "read passwords": "SELECT * FROM pg_authid",
    "read passwords by another name": "SELECT * FROM pg_shadow",
    "read who may connect": "SELECT * FROM pg_hba_file_rules",
    "change the server's settings": "ALTER SYSTEM SET fsync = off",
    "have the server read its settings": "SELECT pg_reload_conf()",
    "change the database": "ALTER DATABASE walled RENAME TO stray",
}


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("statement", ESCAPES.values(), ids=ESCAPES.keys())
def test_a_service_cannot(walled: migrate.MigrateSettings, schema: str, statement: str) -> None:
    with connected(login(walled, schema)) as cursor, pytest.raises(errors.InsufficientPrivilege):
        cursor.execute(statement)


@pytest.mark.parametrize(("own", "foreign"), PAIRS)
def test_what_a_service_grants_to_another_is_not_granted(
    walled: migrate.MigrateSettings, own: str, foreign: str
) -> None:
    other = login(walled, foreign)
    with connected(login(walled, own)) as cursor:
        cursor.execute(f"GRANT ALL ON jobs TO {other.username}")  # the server warns, and does nothing
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(f"SET ROLE {other.username}")
    granted = "SELECT has_table_privilege(%s, %s, 'SELECT, INSERT, UPDATE, DELETE')"
    assert rows(walled.migrate_database_url, granted, other.username, f"{own}.jobs") == [(False,)]


@pytest.mark.parametrize(("own", "foreign"), PAIRS)
def test_a_service_neither_ends_nor_reads_the_sessions_of_another(
    walled: migrate.MigrateSettings, own: str, foreign: str
) -> None:
    with connected(login(walled, foreign)) as victim, connected(login(walled, own)) as cursor:
        pid = victim.connection.info.backend_pid
        for function in ("pg_terminate_backend", "pg_cancel_backend"):
            with pytest.raises(errors.InsufficientPrivilege):
                cursor.execute(f"SELECT {function}({pid})")
        cursor.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", (pid,))
        assert cursor.fetchall() == [("<insufficient privilege>",)]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("database", ["postgres", "template1", "beside"])
def test_a_service_cannot_enter_another_database(
    postgres_server: postgres.Server, walled: migrate.MigrateSettings, schema: str, database: str
) -> None:
    postgres_server.create_database("beside")
    migrate.prepare(settings_of(postgres_server.url("beside")))
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        rows(login(walled, schema).set(database=database), "SELECT 1")


# -- which logins are refused to begin with


@pytest.fixture
def owned(postgres_server: postgres.Server) -> URL:
    """The way of an owner that may not create roles to a database of its own."""
    mark = secrets.token_hex(4)
    with connected(postgres_server.url()) as cursor:
        cursor.execute(f"CREATE ROLE owner_{mark} LOGIN PASSWORD 'owns'")
        cursor.execute(f"CREATE DATABASE owned_{mark} OWNER owner_{mark}")
    return make_url(postgres_server.url(f"owned_{mark}")).set(username=f"owner_{mark}", password="owns")


def as_written(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def made_elsewhere(postgres_server: postgres.Server, settings: migrate.MigrateSettings) -> migrate.MigrateSettings:
    """The settings of one who migrates with logins that somebody else made, and whose passwords it does not know."""
    changes = {}
    with connected(postgres_server.url(str(settings.migrate_database_url.database))) as cursor:
        for owner in migrate.owners(settings):
            cursor.execute(f"CREATE ROLE {owner.role} LOGIN PASSWORD 'of somebody else'")
            for name, value in {**migrate.ROLE_SETTINGS, "search_path": owner.schema}.items():
                database = settings.migrate_database_url.database
                cursor.execute(f"ALTER ROLE {owner.role} IN DATABASE {database} SET {name} = '{value}'")
            name = f"{owner.schema}_database_url"
            changes[name] = getattr(settings, name)._replace(password=None)
    return settings.model_copy(update=changes)


def test_an_owner_that_may_not_create_roles_migrates_if_the_logins_are_there(
    postgres_server: postgres.Server, owned: URL
) -> None:
    settings = made_elsewhere(postgres_server, settings_of(as_written(owned)))
    migrate.upgrade(settings)
    migrate.check(settings)
    assert rows(login(settings, "loan").set(password="of somebody else"), "SELECT count(*) FROM jobs") == [(0,)]


def test_an_owner_that_may_not_create_roles_is_told_what_it_needs(owned: URL) -> None:
    with pytest.raises(
        migrate.MigrationRefused, match=r"permission denied to create role.* needs CREATEROLE"
    ) as refusal:
        migrate.prepare(settings_of(as_written(owned)))
    assert "SET \"search_path\" = 'loan'" in str(refusal.value)
    assert "SCRAM" not in str(refusal.value)


def test_who_does_not_own_the_database_is_refused_since_the_walls_would_be_missing(
    postgres_server: postgres.Server, owned: URL
) -> None:
    with connected(postgres_server.url(str(owned.database))) as cursor:
        cursor.execute(f"ALTER DATABASE {owned.database} OWNER TO postgres")
        cursor.execute(f"GRANT ALL ON DATABASE {owned.database} TO {owned.username}")
    with pytest.raises(migrate.MigrationRefused, match=f"must own the database {owned.database}"):
        migrate.prepare(settings_of(as_written(owned)))


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("ALTER ROLE {role} SUPERUSER", "SUPERUSER"),
        ("ALTER ROLE {role} CREATEROLE CREATEDB", "CREATEDB, CREATEROLE"),
        ("ALTER ROLE {role} BYPASSRLS REPLICATION", "REPLICATION, BYPASSRLS"),
        ("GRANT pg_read_all_data TO {role}", "membership in pg_read_all_data"),
        ("ALTER SCHEMA loan OWNER TO {role}", "things of its own"),
    ],
)
def test_a_login_that_may_more_than_a_service_should_is_refused(
    postgres_server: postgres.Server, statement: str, reason: str
) -> None:
    name = f"spoilt_{secrets.token_hex(4)}"
    postgres_server.create_database(name)
    settings = settings_of(postgres_server.url(name))
    migrate.prepare(settings)
    with closing(psycopg2.connect(postgres_server.url(name))) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement.format(role=login(settings, "loan").username))
    with pytest.raises(migrate.MigrationRefused, match=f"has more than a service may: .*{reason}"):
        migrate.prepare(settings)
