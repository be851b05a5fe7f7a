"""`make run` from the outside: it serves, it drains, and it refuses in clear sentences, leaving nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy import ports, postgres, system
from deploy.processes import ROOT, wait_until


class Run:
    """A local run on a folder and ports of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {"LOCAL_FOLDER": str(folder), "PATH": os.environ["PATH"], **environment}
        self.output = folder.parent / "output"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{self.environment['GATEWAY_LISTEN']}"

    def start(self) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def start_and_wait(self) -> None:
        self.start()
        wait_until(lambda: "Everything is SERVING" in self.said() or self.has_ended(), "the run to serve", 120)
        assert not self.has_ended(), self.said()

    def said(self) -> str:
        return self.output.read_text()

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def end(self, *signals: signal.Signals) -> int:
        """Send signals and answer the exit code."""
        assert self.process is not None
        for number in signals:
            self.process.send_signal(number)
        return self.process.wait(timeout=120)

    def left_running(self) -> list[str]:
        """The command lines of the processes that this run started and that still run."""
        return [" ".join(command) for pid, command in commands() if is_of(self.folder, pid)]


def commands() -> Iterator[tuple[int, list[str]]]:
    """Every process of this machine with its command line; those without one have ended or are the kernel's."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(words):
            yield int(entry.name), [word.decode(errors="replace") for word in words]


def is_of(folder: Path, pid: int) -> bool:
    """Tell whether a process was started with this folder in its environment."""
    try:
        return f"LOCAL_FOLDER={folder}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


@pytest.fixture
def run() -> Iterator[Run]:
    """A local run that has not begun; if it still runs at the end, it is killed with all that belongs to it."""
    with tempfile.TemporaryDirectory(prefix="los-run-") as folder:
        free = ports.free_port()
        run = Run(
            Path(folder) / "local",
            {**system.address_settings(system.free_ports()), "LOCAL_POSTGRES_PORT": str(free)},
        )
        yield run
        if run.process is not None and not run.has_ended():
            run.end(signal.SIGINT, signal.SIGINT)
        wait_until(lambda: not run.left_running(), "the run to be gone", 60)


def test_it_says_where_to_look_once_everything_serves(run: Run) -> None:
    run.start_and_wait()
    assert f"{run.url}/docs" in run.said()
    assert f"curl -s {run.url}/api/v1/loans" in run.said()
    assert httpx.get(f"{run.url}/health").status_code == 200
    for name in system.METRICS.values():
        address = f"http://{run.environment[system.listen_setting(name)]}/metrics"
        assert address in run.said()
        assert httpx.get(address).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_everything_and_exits_0(run: Run, number: signal.Signals) -> None:
    run.start_and_wait()
    assert run.end(number) == 0
    assert run.left_running() == []


def test_a_second_ctrl_c_kills_everything_at_once(run: Run) -> None:
    run.start_and_wait()
    loan = next(pid for pid, command in commands() if "loan_service" in command and is_of(run.folder, pid))
    os.kill(loan, signal.SIGSTOP)  # so that it cannot drain
    assert run.process is not None
    run.process.send_signal(signal.SIGINT)
    wait_until(lambda: "Stopping in good order" in run.said(), "the run to begin stopping", 30)
    assert run.end(signal.SIGINT) == 1
    wait_until(lambda: run.left_running() == [], "everything to be gone", 30)


def test_nothing_outlives_a_run_that_is_killed(run: Run) -> None:
    run.start_and_wait()
    assert run.end(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: run.left_running() == [], "everything to be gone", 60)


def test_a_second_run_on_the_same_folder_is_refused_and_the_first_goes_on(run: Run) -> None:
    run.start_and_wait()
    second = Run(run.folder, {**system.address_settings(system.free_ports())})
    second.output = run.folder.parent / "output of the second"
    second.start()
    assert second.end() == 1
    assert second.said() == f"run: another run uses {run.folder}: stop it, or set LOCAL_FOLDER\n"
    assert not run.has_ended()


@pytest.mark.parametrize("setting", ["GATEWAY_LISTEN", "REVIEW_LISTEN", "LOAN_METRICS_LISTEN", "LOCAL_POSTGRES_PORT"])
def test_a_port_in_use_is_refused_by_the_name_of_its_setting(run: Run, setting: str) -> None:
    with socket.create_server((ports.HOST, int(run.environment[setting].rpartition(":")[2]))):
        run.start()
        assert run.end() == 1
    assert f"set {setting}\n" in run.said()
    assert run.left_running() == []


def test_a_setting_that_makes_no_sense_is_refused_by_its_name(run: Run) -> None:
    run.environment["LOCAL_POSTGRES_PORT"] = "many"
    run.start()
    assert run.end() == 2
    assert "LOCAL_POSTGRES_PORT" in run.said()


def test_a_service_that_cannot_start_ends_the_run_with_its_name(run: Run) -> None:
    run.environment["LOAN_ASSESSMENT_DELAY_MAX_S"] = "long"
    run.start()
    assert run.end() == 1
    assert "LOAN_ASSESSMENT_DELAY_MAX_S" in run.said()
    assert "run: loan ended with exit code 2; its log is" in run.said()
    assert run.left_running() == []


def test_a_service_that_dies_ends_the_run_with_its_name(run: Run) -> None:
    run.start_and_wait()
    review = next(pid for pid, command in commands() if "review_service" in command and is_of(run.folder, pid))
    os.kill(review, signal.SIGKILL)
    assert run.end() == 1
    assert "run: review ended by SIGKILL; its log is" in run.said()
    assert run.left_running() == []


def test_it_uses_the_server_that_the_environment_names(run: Run, postgres_server: postgres.Server) -> None:
    postgres_server.create_database("named")
    run.environment["MIGRATE_DATABASE_URL"] = postgres_server.url("named")
    run.start_and_wait()
    assert not (run.folder / "postgres").exists()
    assert run.end(signal.SIGINT) == 0
