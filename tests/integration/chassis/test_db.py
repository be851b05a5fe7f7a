"""Connections and transactions, and what each database error becomes, on a real PostgreSQL."""

import re
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, timedelta

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from chassis import db, deadline
from chassis.db import DatabaseBusy, DatabaseConflict, DatabaseTimeout, DatabaseUnavailable
from chassis.deadline import CallerGone
from chassis.errors import NotFound, ServiceError
from deploy import ports


@pytest.fixture
def plates(scratch_database: Engine) -> Engine:
    """A database with a table of two plates."""
    with scratch_database.begin() as tx:
        tx.execute(text("CREATE TABLE plates (number int PRIMARY KEY, dish text)"))
        tx.execute(text("INSERT INTO plates VALUES (1, 'soup'), (2, 'bread')"))
    return scratch_database


@contextmanager
def another(url: str, pool_size: int = 1, statement_timeout_s: float = 10) -> Iterator[Engine]:
    """An engine of other measures."""
    engine = db.engine(
        url, schema="scratch", name="another", pool_size=pool_size, statement_timeout_s=statement_timeout_s
    )
    yield engine
    engine.dispose()


Step = Callable[[Connection], object]


def do(engine: Engine, *steps: Step) -> None:
    """Take steps in one transaction."""
    with db.transaction(engine) as tx:
        for step in steps:
            step(tx)


def run(sql: str) -> Step:
    return lambda tx: tx.execute(text(sql))


def serving(number: int, dish: str) -> Step:
    return lambda tx: serve(tx, number, dish)


def serve(tx: Connection, number: int, dish: str) -> None:
    tx.execute(text("UPDATE plates SET dish = :dish WHERE number = :number"), {"number": number, "dish": dish})


def dishes(engine: Engine) -> list[str]:
    with engine.begin() as tx:
        return list(tx.scalars(text("SELECT dish FROM plates ORDER BY number")))


def killed_by(engine: Engine) -> Step:
    """Ends the session of the transaction from another one."""

    def kill(tx: Connection) -> None:
        pid = tx.scalar(text("SELECT pg_backend_pid()"))
        with engine.begin() as killer:
            assert killer.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    return kill


# -- the connections


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("search_path", "scratch"),
        ("statement_timeout", "10s"),
        ("lock_timeout", "2s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("timezone", "UTC"),
        ("jit", "off"),
        ("application_name", "test"),
        ("transaction_isolation", "read committed"),
    ],
)
def test_every_connection_is_bounded_and_sees_one_schema(scratch_database: Engine, setting: str, value: str) -> None:
    with db.transaction(scratch_database) as tx:
        assert tx.scalar(text(f"SHOW {setting}")) == value


def test_times_come_back_aware_and_in_utc(scratch_database: Engine) -> None:
    with db.transaction(scratch_database) as tx:
        now = tx.scalar(text("SELECT now()"))
    assert now.utcoffset() == timedelta(0)
    assert now.astimezone(UTC) == now


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_any_spelling_of_the_scheme_will_do(database_settings: dict[str, str], plates: Engine, scheme: str) -> None:
    url = database_settings["MIGRATE_DATABASE_URL"].replace("postgresql", scheme, 1)
    with another(url) as engine:
        assert dishes(engine) == dishes(plates)


def test_constraints_get_predictable_names() -> None:
    assert db.metadata().naming_convention == db.CONVENTION


# -- the transactions


def test_a_transaction_commits_what_its_block_did(plates: Engine) -> None:
    do(plates, serving(1, "stew"))
    assert dishes(plates) == ["stew", "bread"]


@pytest.mark.parametrize("error", [NotFound("no such plate"), ZeroDivisionError(), KeyboardInterrupt()])
def test_a_block_that_raises_leaves_nothing_behind_and_its_error_is_what_it_was(
    plates: Engine, error: BaseException
) -> None:
    def fail(_: Connection) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        do(plates, serving(1, "stew"), fail)
    assert raised.value is error
    assert dishes(plates) == ["soup", "bread"]


# -- what goes wrong in them


@pytest.mark.parametrize(
    ("sql", "kind"), [("INSERT INTO plates VALUES (1, 'again')", IntegrityError), ("SELCET 1", ProgrammingError)]
)
def test_what_is_no_fault_of_the_database_passes_as_itself(plates: Engine, sql: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        do(plates, run(sql))


def test_a_deadlock_is_a_conflict_for_one_and_nothing_for_the_other(plates: Engine) -> None:
    each_holds_one = threading.Barrier(2)

    def swap(first: int, second: int) -> str:
        dish = f"served by {first}"
        try:
            do(plates, serving(first, dish), lambda _: each_holds_one.wait(10), serving(second, dish))
        except DatabaseConflict:
            return "conflict"
        return dish

    with ThreadPoolExecutor(2) as executor:
        ends = set(executor.map(swap, (1, 2), (2, 1)))
    (winner,) = ends - {"conflict"}
    assert "conflict" in ends
    assert dishes(plates) == [winner, winner]


def test_a_lock_that_is_not_granted_in_time_is_a_conflict(plates: Engine) -> None:
    with plates.begin() as holder:
        serve(holder, 1, "stew")
        with pytest.raises(DatabaseConflict):
            do(plates, run("SET LOCAL lock_timeout = '20ms'"), serving(1, "salad"))
    assert dishes(plates) == ["stew", "bread"]


def test_a_serialization_failure_is_a_conflict(plates: Engine) -> None:
    isolate = run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    with pytest.raises(DatabaseConflict):
        do(
            plates,
            isolate,
            run("SELECT * FROM plates"),
            lambda _: do(plates, serving(1, "stew")),
            serving(1, "salad"),
        )
    assert dishes(plates) == ["stew", "bread"]


def test_a_statement_that_takes_too_long_is_a_timeout(plates: Engine, database_settings: dict[str, str]) -> None:
    url = database_settings["MIGRATE_DATABASE_URL"]
    with another(url, statement_timeout_s=0.05) as impatient, pytest.raises(DatabaseTimeout):
        do(impatient, serving(1, "stew"), run("SELECT pg_sleep(60)"))
    assert dishes(plates) == ["soup", "bread"]


@pytest.mark.parametrize("rest", [[serving(2, "stew")], []], ids=["before a statement", "before the commit"])
def test_a_connection_that_is_killed_means_that_the_database_is_away(plates: Engine, rest: list[Step]) -> None:
    with pytest.raises(DatabaseUnavailable):
        do(plates, serving(1, "stew"), killed_by(plates), *rest)
    assert dishes(plates) == ["soup", "bread"]


def test_a_connection_that_is_killed_while_nobody_uses_it_is_replaced_unnoticed(
    plates: Engine, database_settings: dict[str, str]
) -> None:
    pids: list[int] = []

    def note(tx: Connection) -> None:
        pids.append(tx.scalar(text("SELECT pg_backend_pid()")))

    with another(database_settings["MIGRATE_DATABASE_URL"]) as engine:
        do(engine, note)
        do(plates, run(f"SELECT pg_terminate_backend({pids[0]}, 5000)"))
        do(engine, note)
    assert pids[0] != pids[1]


def test_a_database_that_writes_nothing_is_away(plates: Engine) -> None:
    with pytest.raises(DatabaseUnavailable):
        do(plates, run("SET TRANSACTION READ ONLY"), serving(1, "stew"))


def test_a_database_that_writes_again_is_found_by_those_who_had_known_it_read_only(
    plates: Engine, database_settings: dict[str, str]
) -> None:
    with another(database_settings["MIGRATE_DATABASE_URL"], pool_size=2) as engine:
        read_only = run("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        do(engine, read_only, lambda _: do(engine, read_only))
        with pytest.raises(DatabaseUnavailable):
            do(engine, serving(1, "stew"))
        do(engine, serving(1, "salad"), lambda _: do(engine, serving(2, "rice")))
    assert dishes(plates) == ["salad", "rice"]


def test_a_database_that_does_not_listen_is_away_and_its_address_is_not_told() -> None:
    url = f"postgresql://nobody@127.0.0.1:{ports.free_port()}/none"
    with another(url) as engine, pytest.raises(DatabaseUnavailable) as raised:
        do(engine)
    assert "127.0.0.1" not in raised.value.message


@pytest.fixture
def guest_url(owner_engine: Engine, database_settings: dict[str, str]) -> Iterator[str]:
    """Where a login finds the database that may have one connection."""
    with owner_engine.begin() as tx:
        tx.execute(text("CREATE ROLE guest LOGIN PASSWORD 'guest' CONNECTION LIMIT 1"))
        tx.execute(text("GRANT CONNECT ON DATABASE integration TO guest"))
    yield f"postgresql://guest:guest@{database_settings['MIGRATE_DATABASE_URL'].rpartition('@')[2]}"
    with owner_engine.begin() as tx:
        tx.execute(text("DROP OWNED BY guest"))
        tx.execute(text("DROP ROLE guest"))


def test_a_database_that_takes_no_more_connections_is_away(guest_url: str) -> None:
    with another(guest_url, pool_size=2) as engine, db.transaction(engine), pytest.raises(DatabaseUnavailable):
        do(engine)


def test_a_caller_that_gets_no_connection_in_time_is_told_that_it_is_too_much(guest_url: str) -> None:
    with another(guest_url) as small, db.transaction(small), pytest.raises(DatabaseBusy) as raised:
        do(small)
    assert raised.value.retry_after_s >= 1


@pytest.mark.parametrize("kind", [DatabaseUnavailable, DatabaseBusy, DatabaseConflict, DatabaseTimeout])
def test_every_trouble_of_the_database_passes(kind: type[ServiceError]) -> None:
    assert kind.passing


# -- the sign of life


def test_a_database_without_tables_is_not_ready(scratch_database: Engine) -> None:
    with pytest.raises(DatabaseUnavailable, match="not migrated"):
        db.check(scratch_database)


def test_a_database_whose_first_migration_is_under_way_is_not_ready(scratch_database: Engine) -> None:
    with scratch_database.begin() as tx:
        tx.execute(text("CREATE TABLE alembic_version (version_num text)"))
    with pytest.raises(DatabaseUnavailable, match="not migrated"):
        db.check(scratch_database)


def test_a_database_that_is_read_only_is_not_ready_until_it_writes_again(scratch_database: Engine) -> None:
    with scratch_database.begin() as tx:
        tx.execute(text("CREATE TABLE alembic_version (version_num text)"))
        tx.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    do(scratch_database, run("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        db.check(scratch_database)
    db.check(scratch_database)


def test_a_migrated_database_is_ready(scratch_database: Engine) -> None:
    with scratch_database.begin() as tx:
        tx.execute(text("CREATE TABLE alembic_version (version_num text)"))
        tx.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    db.check(scratch_database)


def test_what_is_done_too_late_for_its_caller_is_not_committed(plates: Engine) -> None:
    waits = deadline.answer_by.set(deadline.in_seconds(-1))
    try:
        with pytest.raises(CallerGone):
            do(plates, run("UPDATE plates SET dish = 'cold'"))
    finally:
        deadline.answer_by.reset(waits)
    with db.transaction(plates) as tx:
        assert list(tx.scalars(text("SELECT dish FROM plates ORDER BY number"))) == ["soup", "bread"]


def test_what_is_done_while_its_caller_waits_is_committed(plates: Engine) -> None:
    waits = deadline.answer_by.set(deadline.in_seconds(3600))
    try:
        do(plates, run("UPDATE plates SET dish = 'hot'"))
    finally:
        deadline.answer_by.reset(waits)
    with db.transaction(plates) as tx:
        assert set(tx.scalars(text("SELECT dish FROM plates"))) == {"hot"}


# -- what errors say


GUESTS = """
CREATE TABLE guests (name text, phone text PRIMARY KEY CHECK (phone <> 'none'));
INSERT INTO guests VALUES ('Ada Lovelace', '+14155550123')
"""
GUEST = {"name": "Ada Lovelace", "phone": "+14155550123"}


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("INSERT INTO guests VALUES (:name, :phone)", 'duplicate key value violates unique constraint "guests_pkey"'),
        ("INSERT INTO guests VALUES (:name, 'none')", 'violates check constraint "guests_phone_check"'),
        ("INSERT INTO guests VALUES (:name, NULL)", 'null value in column "phone"'),
        ("SELECT CAST(:name AS int)", 'invalid input syntax for type integer: "..."'),
        ("SELECT CAST(:name AS jsonb)", "invalid input syntax for type json"),
        ("SELECT :name FROM nowhere WHERE :phone = 'x'", 'relation "nowhere" does not exist'),
    ],
)
def test_an_error_says_what_is_wrong_and_not_with_which_values(
    scratch_database: Engine, statement: str, said: str
) -> None:
    do(scratch_database, run(GUESTS))
    with pytest.raises(DBAPIError) as failed, db.transaction(scratch_database) as tx:
        tx.execute(text(statement), GUEST)
    told = "".join(traceback.format_exception(failed.value)) + repr(failed.value)
    assert said in told
    assert re.findall("Ada|Lovelace|4155550123", told) == []
