"""The whole system as real processes, on ports and a database of its own."""

import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from deploy import ports, postgres, system

LOG_END = 20_000  # characters of each log that are shown when a test fails
DATABASE = "system"


class RunningSystem(system.System):
    """The running system, its addresses, and ways to break it.

    Attributes:
        postgres: Its database server.
        database_urls: For each service, its way to the database.
        gateway_url: Where HTTP requests go.
        loan_target: Where the loan service listens, for gRPC.
        review_target: Where the review service listens.
        notification_target: Where the notification service listens.
    """

    def __init__(self, server: postgres.Server, logs: Path, **settings: str) -> None:
        port_of = system.free_ports()
        databases = system.database_settings(server.url(DATABASE), "a password for tests")
        super().__init__({**os.environ, **system.address_settings(port_of), **databases, **settings}, logs)
        self.postgres = server
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


@pytest.fixture(scope="session")
def running_system() -> Iterator[RunningSystem]:
    """One system for the whole run, seeded; nothing else is in it at its start."""
    with tempfile.TemporaryDirectory(prefix="los-system-") as folder:
        server = postgres.Server(Path(folder) / "postgres", durable=False)
        try:
            server.start()
            server.create_database(DATABASE)
            started = RunningSystem(server, Path(folder))
            try:
                started.prepare()
                started.start()
                started.wait_until_serving()
                yield started
            finally:
                started.stop()
        finally:
            server.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the ends of the logs with a test that failed."""
    report = yield
    started = item.funcargs.get("running_system")
    if report.failed and isinstance(started, RunningSystem):
        for log in started.logs:
            report.sections.append((f"log of {log.stem}", log.read_text(errors="replace")[-LOG_END:]))
    return report
