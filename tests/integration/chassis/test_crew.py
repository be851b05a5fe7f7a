"""Several processes as one: they share a port, drain together, and none of them dies alone."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from deploy import ports, probe
from deploy.processes import Process, wait_until
from los.loan.v1 import loan_pb2_grpc
from tests.integration.chassis.desk import GET, LOAN_ID
from tests.integration.chassis.program import GRACE_S

MEMBERS = 2
CONNECTIONS_MAX = 64
"""So many connections are hardly ever all given to one of two."""


class Crew:
    """The program as a crew, and its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.target = f"127.0.0.1:{ports.free_port()}"
        self.process = self.make("crew.log")

    def make(self, log: str, members: int = MEMBERS) -> Process:
        words = [self.target, str(self.folder), *([str(members)] if members else [])]
        return Process([sys.executable, "-m", "tests.integration.chassis.program", *words], self.folder / log)

    def start(self) -> None:
        self.process.start()
        self.wait_for(MEMBERS, "serving")

    def lines(self, event: str) -> list[dict[str, Any]]:
        lines = (line for line in self.process.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def wait_for(self, count: int, event: str) -> None:
        wait_until(lambda: len(self.lines(event)) >= count, f"{count} times {event}", 30)

    def pids(self) -> list[int]:
        """The members."""
        return [line["pid"] for line in self.lines("process started")]

    def answered_by(self) -> set[int]:
        """Ask over a new connection; who has answered until now."""
        with grpc.insecure_channel(self.target, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            assert loan_pb2_grpc.LoanServiceStub(channel).GetLoan(GET, timeout=10).loan.loan_id == LOAN_ID
        return {line["pid"] for line in self.lines("working")}

    def exit_code(self, within_s: float = 30) -> int | None:
        wait_until(lambda: self.process.exit_code is not None, "the crew to end", within_s)
        return self.process.exit_code


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    """A crew that serves; nothing of it outlives the test."""
    made = Crew(tmp_path)
    made.start()
    yield made
    made.process.kill()
    wait_until(lambda: not any(map(lives, made.pids())), "the members to end", 30)


def lives(pid: int) -> bool:
    """Whether a process is there and is not waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_all_share_the_port_and_the_kernel_spreads_connections_over_them(crew: Crew) -> None:
    wait_until(lambda: crew.answered_by() == set(crew.pids()), "both to answer", 30)
    assert len(set(crew.pids())) == MEMBERS
    assert crew.process.pid not in crew.pids()
    assert len(crew.lines("working")) <= CONNECTIONS_MAX


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_all_drain_and_it_ends_with_0(crew: Crew, number: signal.Signals) -> None:
    crew.process.send(number)
    assert crew.exit_code() == 0
    assert len(crew.lines("draining")) == len(crew.lines("stopped")) == MEMBERS
    assert not any(map(lives, crew.pids()))


def test_a_ctrl_c_that_the_terminal_sends_to_the_whole_group_is_one_signal_for_each(crew: Crew) -> None:
    os.killpg(crew.process.pid, signal.SIGINT)
    assert crew.exit_code() == 0
    assert len(crew.lines("stopped")) == MEMBERS


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_one_ends_the_others_drain_and_the_whole_fails(crew: Crew, number: signal.Signals) -> None:
    (crew.folder / "busy").touch()
    with grpc.insecure_channel(crew.target) as channel:
        answer = loan_pb2_grpc.LoanServiceStub(channel).GetLoan.future(GET)
        crew.wait_for(1, "working")
        (at_work,) = (line["pid"] for line in crew.lines("working"))
        (other,) = set(crew.pids()) - {at_work}
        os.kill(other, number)
        crew.wait_for(1, "a process ended, so all do")
        (crew.folder / "busy").unlink()
        assert answer.result(30).loan.loan_id == LOAN_ID
    assert crew.exit_code() == 1
    (said,) = crew.lines("a process ended, so all do")
    assert said["pid"] == other


def test_told_twice_all_end_at_once(crew: Crew) -> None:
    (crew.folder / "busy").touch()
    with grpc.insecure_channel(crew.target) as channel:
        answer = loan_pb2_grpc.LoanServiceStub(channel).GetLoan.future(GET)
        crew.wait_for(1, "working")
        crew.process.send(signal.SIGTERM)
        crew.wait_for(MEMBERS, "draining")
        crew.process.send(signal.SIGTERM)
        assert crew.exit_code(within_s=GRACE_S / 2) == 1
        with pytest.raises(grpc.RpcError):
            answer.result(30)


def test_members_whose_parent_is_killed_drain(crew: Crew) -> None:
    crew.process.kill()
    wait_until(lambda: not any(map(lives, crew.pids())), "the members to end", 30)
    assert len(crew.lines("stopped")) == MEMBERS
    assert not probe.serves(crew.target)


@pytest.mark.parametrize("members", [0, MEMBERS])
def test_neither_a_second_crew_nor_a_process_by_itself_shares_the_port_with_it(crew: Crew, members: int) -> None:
    second = crew.make("second.log", members)
    second.start()
    wait_until(lambda: second.exit_code is not None, "the second to end", 30)
    assert second.exit_code == 1
    assert "cannot listen: is the port in use?" in second.log.read_text()
    assert probe.serves(crew.target)
