"""The services' databases: migrated once, as empty before each test as the migrations left them.

`loan_database`, `review_database` and `notification_database` are engines that come as the service's own login and so
may what the service may. `scratch_database` is a schema of no service, for the chassis.
"""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from chassis import db
from deploy import migrate, postgres, system

DATABASE = "integration"


@pytest.fixture(scope="session")
def database_settings(postgres_server: postgres.Server) -> dict[str, str]:
    """The settings that name the database, for processes and for `migrate`; the database is migrated."""
    postgres_server.create_database(DATABASE)
    settings = system.database_settings(postgres_server.url(DATABASE), "a password for tests")
    migrate.upgrade(migrate.MigrateSettings.model_validate({name.lower(): value for name, value in settings.items()}))
    return settings


@pytest.fixture(scope="session")
def owner_engine(database_settings: dict[str, str]) -> Engine:
    """The login that owns the database, for what no service may."""
    url = make_url(database_settings["MIGRATE_DATABASE_URL"]).set(drivername="postgresql+psycopg2")
    return create_engine(url, poolclass=NullPool)


@pytest.fixture(scope="session")
def restore(owner_engine: Engine) -> Callable[[str], None]:
    """A function that makes the tables of a schema what the migrations left."""
    statements = {}
    with owner_engine.begin() as tx:
        tx.execute(text("CREATE SCHEMA pristine"))
        for schema in system.SERVICES:
            statements[schema] = text("; ".join(_restoring(tx, schema)))

    def restore(schema: str) -> None:
        with owner_engine.begin() as tx:
            tx.execute(statements[schema])

    return restore


def _restoring(tx: Connection, schema: str) -> Iterator[str]:
    """The statements that restore a schema; the rows that migrations inserted are kept aside."""
    yield "SET LOCAL session_replication_role = replica"  # foreign keys do not care about the order
    tables = tx.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = :schema"), {"schema": schema})
    for table in tables.all():
        if table == "alembic_version":
            continue
        kept, original = f"pristine.{schema}_{table}", f"{schema}.{table}"
        tx.execute(text(f"CREATE TABLE {kept} AS TABLE {original}"))
        yield f"DELETE FROM {original}"
        yield f"INSERT INTO {original} OVERRIDING SYSTEM VALUE TABLE {kept}"


@pytest.fixture
def loan_database(database_settings: dict[str, str], restore: Callable[[str], None]) -> Iterator[Engine]:
    """The loan service's database."""
    yield from _database("loan", database_settings, restore)


@pytest.fixture
def review_database(database_settings: dict[str, str], restore: Callable[[str], None]) -> Iterator[Engine]:
    """The review service's database."""
    yield from _database("review", database_settings, restore)


@pytest.fixture
def notification_database(database_settings: dict[str, str], restore: Callable[[str], None]) -> Iterator[Engine]:
    """The notification service's database."""
    yield from _database("notification", database_settings, restore)


def _database(schema: str, settings: dict[str, str], restore: Callable[[str], None]) -> Iterator[Engine]:
    """A restored schema through the eyes of its service."""
    restore(schema)
    engine = db.engine(settings[f"{schema.upper()}_DATABASE_URL"], schema=schema, name="test", pool_size=20)
    yield engine
    engine.dispose()


@pytest.fixture
def scratch_database(database_settings: dict[str, str], owner_engine: Engine) -> Iterator[Engine]:
    """An empty schema of no service, where a test may create what it likes; gone afterwards."""
    with owner_engine.begin() as tx:
        tx.execute(text("CREATE SCHEMA scratch"))
    engine = db.engine(database_settings["MIGRATE_DATABASE_URL"], schema="scratch", name="test", pool_size=20)
    yield engine
    engine.dispose()
    with owner_engine.begin() as tx:
        tx.execute(text("DROP SCHEMA scratch CASCADE"))
