"""Several processes of the service: all answer, all decide, and it ends in good order."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
import pytest
from sqlalchemy import Engine, text

from deploy import ports, probe
from deploy.processes import Process, wait_until
from los.loan.v1 import loan_pb2, loan_pb2_grpc

PROCESSES = 2
APPLICATION = loan_pb2.SubmitLoanRequest(
    customer_name="Ada Lovelace", customer_phone="+14155550123", loan_amount="750.00", loan_type=loan_pb2.Loan.HOME
)
UNDECIDED = text("SELECT count(*) FROM loans WHERE status IN ('APPLIED', 'PROCESSING')")
LEASED = text("SELECT count(*) FROM jobs WHERE state = 'LEASED'")
DECIDED = 'jobs_ended_total{kind="decide_loan",outcome="done"}'
ANSWERED = 'grpc_server_handled_total{grpc_code="OK",grpc_method="SubmitLoan",grpc_service="los.loan.v1.LoanService"}'


class Several:
    """The service as several processes."""

    def __init__(self, settings: dict[str, str], folder: Path) -> None:
        self.target = f"127.0.0.1:{ports.free_port()}"
        own = {
            "LOAN_LISTEN": self.target,
            "LOAN_METRICS_LISTEN": "127.0.0.1:0",
            "LOAN_PROCESSES": str(PROCESSES),
            "LOG_FORMAT": "json",
        }
        environment = {**os.environ, **settings, **own}
        self.process = Process([sys.executable, "-m", "loan_service"], folder / "loan.log", environment=environment)

    def lines(self, event: str) -> list[dict[str, Any]]:
        lines = (line for line in self.process.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def figures(self, name: str) -> list[float]:
        """What each process counts under a name."""
        return [self._figure(name, line["port"]) for line in self.lines("metrics are served")]

    def _figure(self, name: str, port: int) -> float:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    def submit(self) -> None:
        """Submit a loan over a connection of its own."""
        with grpc.insecure_channel(self.target, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            loan_pb2_grpc.LoanServiceStub(channel).SubmitLoan(APPLICATION, timeout=10)


@pytest.fixture
def several(database_settings: dict[str, str], loan_database: Engine, tmp_path: Path) -> Iterator[Several]:
    """Processes that serve."""
    assert loan_database.url.username == "loan_service"
    made = Several(database_settings, tmp_path)
    made.process.start()
    wait_until(lambda: len(made.lines("serving")) == PROCESSES, "all to serve", 60, [made.process])
    yield made
    made.process.stop()


def test_each_answers_and_has_metrics_of_its_own_and_together_they_decide_every_loan(
    several: Several, loan_database: Engine
) -> None:
    def all_have_answered() -> bool:
        several.submit()
        return all(several.figures(ANSWERED))

    wait_until(all_have_answered, "each to answer", 60, [several.process])
    with loan_database.connect() as tx:
        wait_until(lambda: tx.execute(UNDECIDED).scalar_one() == 0, "the decisions", 60, [several.process])
    answered = sum(several.figures(ANSWERED))
    wait_until(lambda: sum(several.figures(DECIDED)) == answered, "as many decisions as answers", 30)


def test_told_to_stop_all_drain_and_keep_no_job(several: Several, loan_database: Engine) -> None:
    several.submit()
    assert several.process.stop() == 0
    assert len(several.lines("stopped")) == PROCESSES
    assert not probe.serves(several.target)
    with loan_database.connect() as tx:
        assert tx.execute(LEASED).scalar_one() == 0
