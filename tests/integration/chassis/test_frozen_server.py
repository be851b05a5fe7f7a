"""A database server that is frozen: it takes connections and never answers."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from chassis import db
from chassis.db import DatabaseUnavailable
from deploy import postgres
from tests.frozen import frozen


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """A server of our own, to be frozen."""
    with tempfile.TemporaryDirectory(prefix="los-frozen-") as folder:
        server = postgres.Server(Path(folder), durable=False)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def engine(server: postgres.Server) -> Iterator[Engine]:
    engine = db.engine(server.url(), schema="public", name="test", pool_size=2, statement_timeout_s=0.5)
    yield engine
    engine.dispose()


def failure_of(engine: Engine, statement: str = "SELECT 1") -> BaseException | None:
    """What a transaction fails with; on a thread, so that a hang fails the test instead of hanging it."""
    failures: list[BaseException | None] = []

    def work() -> None:
        try:
            with db.transaction(engine) as tx:
                tx.execute(text(statement))
        except BaseException as error:  # noqa: BLE001 -- it is looked at by the test
            failures.append(error)
        else:
            failures.append(None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), "the transaction hangs"
    return failures[0]


@pytest.mark.parametrize("connected_before", [True, False])
def test_nobody_waits_for_ever_for_a_frozen_server(
    server: postgres.Server, engine: Engine, connected_before: bool
) -> None:
    if connected_before:
        assert failure_of(engine) is None
    with frozen(server):
        assert isinstance(failure_of(engine), DatabaseUnavailable)
    assert failure_of(engine) is None


def test_a_server_that_freezes_during_the_commit_is_noticed(server: postgres.Server, engine: Engine) -> None:
    finished = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with db.transaction(engine) as tx:
                tx.execute(text("SELECT 1"))
                stop.__enter__()
        except DatabaseUnavailable as error:
            failures.append(error)
        finished.set()

    stop = frozen(server)
    threading.Thread(target=work, daemon=True).start()
    try:
        assert finished.wait(60)
    finally:
        stop.__exit__(None, None, None)
    assert len(failures) == 1
    assert failure_of(engine) is None


def test_a_statement_that_takes_long_is_ended_by_the_server_itself(engine: Engine) -> None:
    assert isinstance(failure_of(engine, "SELECT pg_sleep(30)"), db.DatabaseTimeout)


def test_many_rows_arrive_whole(engine: Engine) -> None:
    with db.transaction(engine) as tx:
        rows = tx.execute(text("SELECT number, repeat('x', 1000) FROM generate_series(1, 20000) AS number")).all()
    assert len(rows) == 20_000
