"""Where measuring happens: a durable PostgreSQL, and our system or a part of it beside it."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from deploy import ports, postgres, probe, system
from deploy.processes import Process, wait_until
from loan_service.domain import CreditPolicy
from tests.system.chaos import checker, promises

PASSWORD = "a password for benches"  # noqa: S105 -- of a database that lives for minutes
EVERYTHING = ("review", "notification", "loan", "gateway")
PATIENCE_S = 1_800


class Stand(system.System):
    """Our system on free ports, with a database of its own.

    Attributes:
        environment: Of its processes.
        owner_url: The way to the database for the login that owns it.
        loan_url: The way to it for the loan service.
        gateway_url: Where HTTP requests go.
        loan_target: Where the loan service listens.
    """

    def __init__(
        self,
        server: postgres.Server,
        database: str,
        logs: Path,
        settings: Mapping[str, str],
        certificates: Path | None = None,
    ) -> None:
        port_of = system.free_ports()
        server.create_database(database)
        databases = system.database_settings(server.url(database), PASSWORD)
        self.environment = {**os.environ, **system.address_settings(port_of), **databases, **settings}
        super().__init__(self.environment, logs, certificates)
        self._played: set[str] = set()
        self.owner_url = server.url(database)
        self.loan_url = databases["LOAN_DATABASE_URL"]
        self.gateway_url = f"http://{ports.HOST}:{port_of['gateway']}"
        self.loan_target = f"{ports.HOST}:{port_of['loan']}"

    def play(self, name: str, *words: str, **settings: str) -> None:
        """Start one process, or stop it and start it again.

        Args:
            name: Of the process.
            words: Select a part of it, for example `serve`.
            settings: Settings that it has beside those of all.
        """
        self.processes[name].stop()
        command = [sys.executable, "-m", system.PACKAGES[name], *words]
        environment = {**self.environment, **self.own_settings(name), **settings}
        self.processes[name] = Process(command, self.processes[name].log, environment=environment)
        self.processes[name].start()
        self._played.add(name)
        self.wait_until_process_serves(name)

    def pids(self) -> dict[str, int]:
        """The process ids of what runs."""
        return {name: self.processes[name].pid for name in sorted(self._played)}

    def wait_until_done(self) -> None:
        """Wait until nothing is left to do for anybody.

        Raises:
            TimeoutError: It takes longer than `PATIENCE_S`.
        """
        deadline = time.monotonic() + PATIENCE_S
        with self.owner().execution_options(isolation_level="AUTOCOMMIT").connect() as reading:
            while reading.scalar(checker.UNFINISHED) or reading.scalar(checker.WAITING):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"work is left after {PATIENCE_S} s")
                time.sleep(0.2)

    def finish(self) -> list[str]:
        """Let everything run, wait until all work is done, and hold it against the promises of reliability."""
        self.play("loan")
        for name in {"review", "notification"} - self._played:
            self.play(name)
        found = checker.find(self.owner_url, [self.processes["notification"].log], patience_s=PATIENCE_S)
        return [*found.violations, *found.parked]

    def broken_histories(self) -> list[str]:
        """Hold the loans alone against the promises, as they are now: legal histories, and figures that are true."""
        found = []
        values = promises.values(CreditPolicy())
        with self.owner().connect() as reading:
            for sentence, query in {**promises.HISTORY, **promises.FIGURES}.items():
                needed = {name: value for name, value in values.items() if f":{name}" in query}
                found += [sentence.format(*row) for row in reading.execute(text(query), needed).fetchmany(3)]
        return found

    def owner(self) -> Engine:
        """Connections of the login that owns the database."""
        return owner(self.owner_url)


def owner(url: str) -> Engine:
    """Connections of a login that owns a database."""
    return create_engine(make_url(url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)


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
def running(
    server: postgres.Server, database: str, *parts: str, certificates: Path | None = None, **settings: str
) -> Iterator[Stand]:
    """A migrated and seeded system while the block lasts.

    Args:
        server: Where its database is.
        database: The name of its database, which is made.
        parts: What of it runs: `loan` or `loan serve`; everything if none is named.
        certificates: The folder with one for each process; without them no call is encrypted.
        settings: Settings in the environment of its processes.
    """
    with tempfile.TemporaryDirectory(prefix="los-bench-logs-") as folder:
        stand = Stand(server, database, Path(folder), settings, certificates)
        stand.prepare()
        try:
            for part in parts or EVERYTHING:
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
