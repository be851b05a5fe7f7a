"""The whole system as real processes, on ports and a database of its own."""

import os
import secrets
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from deploy import ports, postgres, system
from tests.system import canary
from tests.system.chaos import checker

LOG_END = 20_000  # characters of each log that are shown when a test fails


class RunningSystem(system.System):
    """The running system, its addresses, and ways to break it.

    Attributes:
        postgres: Its database server.
        environment: The environment of its processes.
        owner_url: The way to the database for the login that owns it.
        database_urls: For each service, its way to the database.
        gateway_url: Where HTTP requests go.
        loan_target: Where the loan service listens, for gRPC.
        review_target: Where the review service listens.
        notification_target: Where the notification service listens.
    """

    def __init__(
        self,
        server: postgres.Server,
        database: str,
        logs: Path,
        certificates: Path | None = None,
        /,
        **settings: str,
    ) -> None:
        port_of = system.free_ports()
        databases = system.database_settings(server.url(database), "a password for tests")
        self.environment = {**os.environ, **system.address_settings(port_of), **databases, **settings}
        super().__init__(self.environment, logs, certificates)
        self.postgres = server
        self.owner_url = server.url(database)
        self.database_urls = {name: databases[f"{name.upper()}_DATABASE_URL"] for name in system.SERVICES}
        self.gateway_url = f"http://{ports.HOST}:{port_of['gateway']}"
        self.loan_target, self.review_target, self.notification_target = (
            f"{ports.HOST}:{port_of[service]}" for service in system.SERVICES
        )

    def kill_process(self, name: str) -> None:
        """Kill one of the processes, as a crash would."""
        self.processes[name].kill()

    def restart_process(self, name: str) -> None:
        """Start a process again that was killed, or stop it in good order first, and wait until it serves."""
        self.processes[name].stop()
        self.processes[name].start()
        self.wait_until_process_serves(name)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database as the login that owns it, and commit."""
        engine = create_engine(make_url(self.owner_url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
        with engine.begin() as tx:
            answer = tx.execute(text(statement))
            return [tuple(row) for row in answer] if answer.returns_rows else []

    def check(self) -> None:
        """Bring back what is dead, let everything be done, and hold it against what the system promises."""
        for process in self.processes.values():
            if process.exit_code is not None:
                process.start()
        self.wait_until_serving()
        found = checker.find(self.owner_url, [self.processes["notification"].log])
        assert found.violations == []
        assert found.parked == []
        assert canary.heard_in(self.logs) == []


@contextmanager
def run_system(
    server: postgres.Server, database: str, certificates: Path | None = None, /, **settings: str
) -> Iterator[RunningSystem]:
    """A seeded system that serves while the block lasts; at its end nothing is lost, doubled or stuck.

    Args:
        server: Where its database is.
        database: The name of its database, which is made.
        certificates: The folder with one for each process; without them no call is encrypted.
        settings: Settings in the environment of all its processes.
    """
    server.create_database(database)
    with tempfile.TemporaryDirectory(prefix="los-system-") as folder:
        started = RunningSystem(server, database, Path(folder), certificates, **settings)
        try:
            started.prepare()
            started.start()
            started.wait_until_serving()
            yield started
            started.check()
        finally:
            started.stop()


@pytest.fixture(scope="session")
def running_system(postgres_server: postgres.Server) -> Iterator[RunningSystem]:
    """One system for the whole run, which assesses at once; nothing else is in it at its start."""
    with run_system(postgres_server, "system") as started:
        yield started


@pytest.fixture
def slow_system(postgres_server: postgres.Server) -> Iterator[RunningSystem]:
    """A system of one test, whose assessments take a while and whose dead are soon replaced."""
    database = f"slow_{secrets.token_hex(4)}"
    slow = {"LOAN_ASSESSMENT_DELAY_MIN_S": "0.5", "LOAN_ASSESSMENT_DELAY_MAX_S": "1", "LOAN_LEASE_S": "2"}
    with run_system(postgres_server, database, **slow) as started:
        yield started


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the ends of the logs with a test that failed."""
    report = yield
    started = [found for found in item.funcargs.values() if isinstance(found, RunningSystem)]
    if report.failed:
        for log in (log for found in started for log in found.logs if log.exists()):  # gone after the system
            report.sections.append((f"log of {log.stem}", log.read_text(errors="replace")[-LOG_END:]))
    return report
