"""Where measuring happens: a durable PostgreSQL, and our system or a part of it beside it."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy import ports, postgres, probe, system
from deploy.processes import Process, wait_until
from tests.system.chaos import checker

PASSWORD = "a password for benches"  # noqa: S105 -- of a database that lives for minutes


class Stand(system.System):
    """Our system on free ports, with a database of its own.

    Attributes:
        environment: Of its processes.
        owner_url: The way to the database for the login that owns it.
        loan_url: The way to it for the loan service.
        gateway_url: Where HTTP requests go.
        loan_target: Where the loan service listens.
    """

    def __init__(self, server: postgres.Server, database: str, logs: Path, settings: Mapping[str, str]) -> None:
        port_of = system.free_ports()
        server.create_database(database)
        databases = system.database_settings(server.url(database), PASSWORD)
        self.environment = {**os.environ, **system.address_settings(port_of), **databases, **settings}
        super().__init__(self.environment, logs)
        self.owner_url = server.url(database)
        self.loan_url = databases["LOAN_DATABASE_URL"]
        self.gateway_url = f"http://{ports.HOST}:{port_of['gateway']}"
        self.loan_target = f"{ports.HOST}:{port_of['loan']}"

    def play(self, name: str, *words: str) -> None:
        """Start one process; words select a part of it, for example `serve`."""
        if words:
            command = [sys.executable, "-m", system.PACKAGES[name], *words]
            self.processes[name] = Process(command, self.processes[name].log, environment=self.environment)
        self.processes[name].start()
        self.wait_until_process_serves(name)

    def pids(self) -> dict[str, int]:
        """The process ids of what runs."""
        return {name: process.pid for name, process in self.processes.items()}

    def violations(self, patience_s: float = 300) -> list[str]:
        """Wait until all work is done, and hold it against the promises of reliability."""
        logs = [self.processes["notification"].log]
        found = checker.find(self.owner_url, logs, patience_s=patience_s)
        return [*found.violations, *found.parked]


@contextmanager
def durable_server() -> Iterator[postgres.Server]:
    """A new PostgreSQL whose commits survive a power cut, on a disk: not in a folder that lives in memory."""
    with tempfile.TemporaryDirectory(prefix="los-bench-", dir=os.environ.get("BENCH_FOLDER")) as folder:
        server = postgres.Server(Path(folder), durable=True)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def running(server: postgres.Server, database: str, *parts: str, **settings: str) -> Iterator[Stand]:
    """A migrated and seeded system while the block lasts.

    Args:
        server: Where its database is.
        database: The name of its database, which is made.
        parts: What of it runs: `loan` or `loan serve`; everything if none is named.
        settings: Settings in the environment of its processes.
    """
    with tempfile.TemporaryDirectory(prefix="los-bench-logs-") as folder:
        stand = Stand(server, database, Path(folder), settings)
        stand.prepare()
        try:
            for part in parts or ("review", "notification", "loan", "gateway"):
                stand.play(*part.split())
            yield stand
        finally:
            for process in reversed(stand.processes.values()):
                process.stop()


@contextmanager
def peer(command: list[str], url: str, **settings: str) -> Iterator[Process]:
    """A program of somebody else's that answers at a URL, while the block lasts."""
    with tempfile.TemporaryDirectory(prefix="los-bench-peer-") as folder:
        process = Process(command, Path(folder) / "peer.log", environment={**os.environ, **settings})
        process.start()
        try:
            wait_until(lambda: probe.answers(url), f"{url} to answer", 30, [process])
            yield process
        finally:
            process.stop()
