"""P4: automated decisions of a backlog, against the same decision as tasks of two job queues, and an empty task."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from importlib import resources
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, Engine, text
from uuid_utils.compat import uuid7

from bench import stand
from bench.load.rpc import AMOUNTS
from bench.measure import Line, Round, alternate
from chassis import db
from deploy import postgres
from deploy.processes import ROOT
from loan_service import usecases
from loan_service.domain import Application, LoanType

ROUNDS = 3
BACKLOG = 50_000
DEAD = "127.0.0.1:1"
"""Where nobody is: what follows from a decision stays in the table of jobs, as it does in the other queues."""

BEGUN = text("SELECT min(occurred_at) FROM loan.loan_events WHERE kind = 'ASSESSMENT_STARTED'")
ENDED = text("SELECT clock_timestamp() WHERE NOT EXISTS (SELECT FROM loan.jobs WHERE kind = 'decide_loan')")
UNDECIDED = text("SELECT count(*) FROM loan.loans WHERE status IN ('APPLIED', 'PROCESSING')")
UNDECIDED_BY_PEER = text("SELECT count(*) FROM peer.loans WHERE status IN ('APPLIED', 'PROCESSING')")

# The peer's login sees its own schema first; its tables are ours, its loans a part of the backlog. It seals no events.
COPY = """
CREATE SCHEMA peer;
CREATE TABLE peer.loans (LIKE loan.loans INCLUDING ALL);
CREATE TABLE peer.loan_events (LIKE loan.loan_events INCLUDING ALL);
ALTER TABLE peer.loan_events ALTER hash DROP NOT NULL, ALTER personal_digest DROP NOT NULL;
INSERT INTO peer.loans SELECT * FROM loan.loans LIMIT {count};
ALTER ROLE postgres SET search_path = peer;
"""
ENQUEUE_PGQUEUER = """
INSERT INTO peer.pgqueuer (priority, status, entrypoint, payload)
SELECT 0, 'queued', '{task}', convert_to(loan_id::text, 'UTF8') FROM peer.loans
"""
ENQUEUE_PROCRASTINATE = """
INSERT INTO peer.procrastinate_jobs (queue_name, task_name, args)
SELECT 'decisions', 'decide', jsonb_build_object('loan_id', loan_id) FROM peer.loans
"""


def measure(server: postgres.Server) -> Iterator[Line]:
    """Decide backlogs in turn, each in a database of its own."""
    violations: list[str] = []
    ours, deciding, procrastinating, empty, two = alternate(
        ROUNDS,
        partial(_ours, server, violations),
        partial(_pgqueuer, server, "decide", 4_000),
        partial(_procrastinate, server, 1_000),
        partial(_pgqueuer, server, "nothing", BACKLOG),
        partial(_ours, server, violations, processes=2),
    )
    work = f"decisions of a backlog of {BACKLOG:,}, against"
    yield Line("P4a", f"{work} the same as pgqueuer tasks", "loans/s", ours, deciding, 8, violations=violations)
    yield Line("P4a", f"{work} the same as procrastinate tasks", "loans/s", ours, procrastinating, 8)
    yield Line("P4b", f"{work} empty pgqueuer tasks", "loans/s", ours, empty, 0.75)
    yield Line("P4", f"{work.removesuffix(', against')}, LOAN_PROCESSES=2 against 1", "loans/s", two, ours, None)


def backlog(engine: Engine, count: int) -> None:
    """Submit so many loans, a thousand at a time."""
    for _ in range(count // 1_000):
        with db.transaction(engine) as tx:
            usecases.submit_loans(tx, [_application() for _ in range(1_000)])


def _application() -> Application:
    phone = f"+1{random.randrange(201, 981, 2)}{random.randrange(2_000_000, 10_000_000)}"
    amount = Decimal(random.choice(AMOUNTS))
    return Application(UUID(int=uuid7().int), "Ada Lovelace", phone, amount, "USD", LoanType.HOME, bytes(16))


def _database(prefix: str) -> str:
    return f"{prefix}_{time.monotonic_ns()}"


def _ours(server: postgres.Server, violations: list[str], processes: int = 1) -> Round:
    dead = {"LOAN_REVIEW_TARGET": DEAD, "LOAN_NOTIFICATION_TARGET": DEAD}
    with stand.running(server, _database("ours"), "notification", **dead) as started:
        engine = db.engine(started.loan_url, schema="loan", name="bench", pool_size=1)
        backlog(engine, BACKLOG)
        engine.dispose()
        started.play("loan", "work", LOAN_PROCESSES=str(processes))
        with started.owner().execution_options(isolation_level="AUTOCOMMIT").connect() as reading:
            while (ended := reading.scalar(ENDED)) is None:
                time.sleep(0.02)
            begun = reading.execute(BEGUN).scalar_one()
            undecided: int = reading.execute(UNDECIDED).scalar_one()
        violations += started.broken_histories()
    return Round(BACKLOG / (ended - begun).total_seconds(), undecided)


def _pgqueuer(server: postgres.Server, task: str, count: int) -> Round:
    schema = subprocess.run(
        [str(Path(sys.executable).with_name("pgq")), "sql", "install"], capture_output=True, text=True, check=True
    ).stdout
    return _peer(server, count, schema, ENQUEUE_PGQUEUER.format(task=task), "bench.peers.pgqueuer_tasks")


def _procrastinate(server: postgres.Server, count: int) -> Round:
    schema = (resources.files("procrastinate") / "sql" / "schema.sql").read_text()
    return _peer(server, count, schema, ENQUEUE_PROCRASTINATE, "bench.peers.procrastinate_tasks")


def _peer(server: postgres.Server, count: int, schema: str, enqueue: str, module: str) -> Round:
    with stand.running(server, _database("peer"), "notification") as prepared:
        engine = db.engine(prepared.loan_url, schema="loan", name="bench", pool_size=1)
        backlog(engine, count)
        engine.dispose()
        admin = prepared.owner()
        with admin.begin() as tx:
            _run(tx, COPY.format(count=count))
        with admin.begin() as tx:
            _run(tx, schema)
            _run(tx, enqueue)
            _run(tx, "ANALYZE")
        environment = {**os.environ, "PEER_DATABASE_URL": prepared.owner_url}
        said = subprocess.run(
            [sys.executable, "-m", module], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
        ).stdout
        with admin.begin() as tx:
            undecided: int = tx.execute(UNDECIDED_BY_PEER).scalar_one()
            _run(tx, "ALTER ROLE postgres RESET search_path")
    return Round(count / float(said.split()[-1]), undecided if "decide" in enqueue else 0)


def _run(tx: Connection, statements: str) -> None:
    """Run statements as they stand, `%` and `:` included."""
    cursor = tx.connection.cursor()
    cursor.execute(statements)
    cursor.close()
