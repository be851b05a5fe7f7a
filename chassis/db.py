"""The engine, transactions, and the body of every migrations/env.py.

Tables are named without a schema: the `search_path` of a service's connections decides, so that no statement names
the place where its service keeps its things.
"""

import math
import os
import re
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging import getLogger

import psycopg2
from alembic import context as alembic_context
from psycopg2 import extensions
from sqlalchemy import URL, Connection, Engine, ExceptionContext, MetaData, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from chassis import deadline
from chassis.errors import Aborted, DeadlineExceeded, ResourceExhausted, ServiceError, Unavailable

CONVENTION = {
    "ix": "%(table_name)s_%(column_0_N_name)s_index",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


LOCK_MAX_S = 2.0
"""How long a statement waits for a lock: less than half of what a caller gives us, who may wait behind another."""

MARGIN_S = 2.0
"""How much longer than a statement may take its answer is waited for: the server itself ends it before, if it lives."""


READ_ONLY = "25006"
"""PostgreSQL's code for a write in a session that may not."""


MALFORMED = "22"
"""How PostgreSQL's codes for values that are none of their type begin."""

_QUOTED = re.compile(r'".*"', re.DOTALL)


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, or will not write."""


class DatabaseBusy(ResourceExhausted):
    """No connection became free in time."""


class DatabaseConflict(Aborted):
    """Another transaction was in the way; the same one may succeed."""


class DatabaseTimeout(DeadlineExceeded):
    """A statement took longer than is allowed."""


def metadata() -> MetaData:
    """A new MetaData whose constraints get predictable names."""
    return MetaData(naming_convention=CONVENTION)


def engine(url: URL | str, *, schema: str, name: str, pool_size: int, statement_timeout_s: float = 10) -> Engine:
    """A bounded pool of connections that see one schema.

    Args:
        url: `postgresql://user:password@host:port/database`, with libpq's parameters behind a `?`: those for TLS too.
        schema: The only schema that unqualified names are looked up in.
        name: What the server calls these connections (`application_name`).
        pool_size: The most connections; one more caller waits at most two seconds, then gets DatabaseBusy.
        statement_timeout_s: The longest a single statement may take.
    """
    options = {
        "search_path": schema,
        "statement_timeout": int(statement_timeout_s * 1000),
        "lock_timeout": int(LOCK_MAX_S * 1000),
        "idle_in_transaction_session_timeout": 15000,
        "timezone": "UTC",
        "jit": "off",  # statements here take microseconds; compiling them takes milliseconds
    }
    made = create_engine(
        make_url(url).set(drivername="postgresql+psycopg2"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2,
        pool_pre_ping=True,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={
            "application_name": name,
            "connect_timeout": 3,
            "options": " ".join(f"-c {option}={value}" for option, value in options.items()),
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15000,
            "connection_factory": type("Connection", (_Connection,), {"patience_s": statement_timeout_s + MARGIN_S}),
        },
    )
    event.listen(made, "handle_error", _leave_what_is_read_only)
    event.listen(made, "handle_error", _leave_values_out)
    return made


def _leave_what_is_read_only(failure: ExceptionContext) -> None:
    """Take a session that may not write for a lost one, and with it all that were made before.

    A session is read-only for as long as it lasts, although the database may have been writable again for long: after
    a failover it is another server that writes.
    """
    if getattr(failure.original_exception, "pgcode", None) == READ_ONLY:
        failure.is_disconnect = True


def _leave_values_out(failure: ExceptionContext) -> None:
    """Let an error say what is wrong and not with which values: those may be about people, and errors are logged.

    PostgreSQL quotes them in everything but its first sentence: the row, the key, and the statement with the values
    that psycopg2 has written into it. Of values that are malformed the first sentence quotes some as well.
    """
    original, shown = failure.original_exception, failure.sqlalchemy_exception
    said = getattr(getattr(original, "diag", None), "message_primary", None)
    if not said:
        return
    if str(getattr(original, "pgcode", "")).startswith(MALFORMED):
        said = _QUOTED.sub('"..."', said)
    original.args = (said,)
    if shown is not None:
        shown.args = (f"({type(original).__name__}) {said}",)


class _Connection(extensions.connection):
    """A connection that gives up on a server which does not answer any more.

    psycopg2 alone would wait for ever: the kernel of a frozen server goes on acknowledging what is sent, so neither
    `statement_timeout` nor `tcp_user_timeout` ends the wait.
    """

    patience_s: float


def _wait(connection: extensions.connection) -> None:
    """Wait for the server's answer; psycopg2 calls this wherever it would block. Other connections wait for ever."""
    patience_s = getattr(connection, "patience_s", math.inf)
    deadline = time.monotonic() + patience_s
    while (state := _poll(connection)) != extensions.POLL_OK:
        ready = select.poll()
        ready.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not ready.poll(None if left_s == math.inf else left_s * 1000):
            raise psycopg2.OperationalError(f"the server has not answered for {patience_s:g} s")


def _poll(connection: extensions.connection) -> int:
    """How far the connection is; what it complains of may be too garbled for psycopg2 to say."""
    try:
        return connection.poll()
    except UnicodeDecodeError as error:
        raise psycopg2.OperationalError("the server's answer makes no sense") from error


extensions.set_wait_callback(_wait)


@contextmanager
def transaction(on: Engine) -> Iterator[Connection]:
    """Commit what the block does, or nothing of it.

    Raises:
        CallerGone: The block is done, but whoever called does not wait any more.
        DatabaseUnavailable: The connection failed; if it failed during the commit, the effect may have happened.
        DatabaseBusy: No connection became free in time.
        DatabaseConflict: A deadlock, a serialization failure, or a lock not granted in time.
        DatabaseTimeout: A statement took too long.
    """
    try:
        with on.begin() as tx:
            yield tx
            deadline.require_time_left()
    except PoolTimeoutError as error:
        raise DatabaseBusy("too many requests at once") from error
    except DBAPIError as error:
        known = _translated(error)
        if known is None:
            raise
        raise known from error


def _translated(error: DBAPIError) -> ServiceError | None:
    """The failure vocabulary's word for a database error, or None if it is a defect of ours."""
    state: str = getattr(error.orig, "pgcode", None) or ""
    if state in {"40001", "40P01", "55P03"}:  # serialization failure, deadlock, lock not available
        return DatabaseConflict("another request was in the way; try again")
    if state == "57014":  # query canceled by statement_timeout
        return DatabaseTimeout("the database took too long")
    # connection exceptions, insufficient resources, operator intervention, read-only transaction
    if error.connection_invalidated or state[:2] in {"08", "53", "57"} or state in {READ_ONLY, "25P03"}:
        return DatabaseUnavailable("the database is not available")
    if type(error.orig).__name__ in {"OperationalError", "InterfaceError"} and not state:
        return DatabaseUnavailable("the database is not available")
    return None


def check(on: Engine) -> None:
    """Ask the database for a sign of life, whether it writes, and whether it is migrated.

    Raises:
        DatabaseUnavailable: It cannot be reached, or does not write, or has no tables yet.
        ServiceError: See `transaction`.
    """
    with transaction(on) as tx:
        require_writable(tx)
        migrated = tx.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
        if not migrated or tx.scalar(text("SELECT version_num FROM alembic_version LIMIT 1")) is None:
            raise DatabaseUnavailable("the database is not migrated")


def require_writable(tx: Connection) -> None:
    """Make sure that the database takes writes, which a standby does not, nor one that was made read-only.

    Raises:
        DatabaseUnavailable: It does not.
    """
    if tx.scalar(text("SHOW transaction_read_only")) == "on":
        tx.invalidate()  # a new session sees whether it is still so; this one never would
        raise DatabaseUnavailable("the database is read-only")


def run_migrations(target: MetaData, schema: str) -> None:
    """The body of a service's migrations/env.py: bring the schema up to date, or compare it with the tables declared.

    The connection comes from whoever runs Alembic, in `config.attributes["connection"]`; from the command line it is
    made from MIGRATE_DATABASE_URL. Old code keeps running while its tables change: a lock that is not granted within
    five seconds fails the migration instead of queueing everybody behind it.
    """
    connection: Connection | None = alembic_context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection, target, schema)
        return
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", os.environ["MIGRATE_DATABASE_URL"])
    with create_engine(url, poolclass=NullPool, hide_parameters=True).connect() as made:
        _migrate(made, target, schema)
        made.commit()


def _migrate(connection: Connection, target: MetaData, schema: str) -> None:
    """Run Alembic on a connection that sees one schema only."""
    getLogger("alembic").setLevel("WARNING")
    quoted = connection.dialect.identifier_preparer.quote(schema)
    connection.execute(text(f"SET search_path TO {quoted}"))
    connection.execute(text("SET lock_timeout TO '5s'"))
    connection.commit()
    connection.dialect.default_schema_name = schema
    alembic_context.configure(
        connection=connection,
        target_metadata=target,
        version_table="alembic_version",
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with alembic_context.begin_transaction():
        alembic_context.run_migrations()
