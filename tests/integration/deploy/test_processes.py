"""Child processes: they start, stop, restart, and never outlive their parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import processes

WAITS = "import time; print('ready', flush=True); time.sleep(600)"
IGNORES_SIGTERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"
DRAINS = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); {WAITS}"
PARENT = f"""
import time
from pathlib import Path
from deploy import processes
child = processes.Process(["{sys.executable}", "-c", "{WAITS}"], Path("LOG"))
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def running() -> Iterator[list[processes.Process]]:
    """Processes that the test started; none is left after it."""
    started: list[processes.Process] = []
    yield started
    for process in started:
        process.kill()


def start(running: list[processes.Process], log: Path, program: str) -> processes.Process:
    """Start a Python program and wait until it says that it is ready."""
    process = processes.Process([sys.executable, "-c", program], log)
    process.start()
    running.append(process)
    processes.wait_until(lambda: b"ready" in log.read_bytes(), "the program", 30, [process])
    return process


def test_a_process_that_is_asked_to_stop_drains_and_says_so(running: list[processes.Process], tmp_path: Path) -> None:
    process = start(running, tmp_path / "worker.log", DRAINS)
    assert process.stop(grace_s=30) == 0


def test_a_process_that_does_not_stop_is_killed_after_the_grace(
    running: list[processes.Process], tmp_path: Path
) -> None:
    process = start(running, tmp_path / "worker.log", IGNORES_SIGTERM)
    assert process.stop(grace_s=0.1) == -signal.SIGKILL


def test_a_killed_process_can_be_started_again_and_adds_to_its_log(
    running: list[processes.Process], tmp_path: Path
) -> None:
    process = start(running, tmp_path / "worker.log", WAITS)
    first = process.pid
    process.kill()
    process.start()
    processes.wait_until(lambda: process.log.read_text() == "ready\nready\n", "the program", 30, [process])
    assert process.pid != first
    assert process.exit_code is None


def test_a_ctrl_c_in_the_terminal_does_not_reach_it(running: list[processes.Process], tmp_path: Path) -> None:
    process = start(running, tmp_path / "worker.log", WAITS)
    assert os.getpgid(process.pid) != os.getpgid(0)


def test_a_process_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = PARENT.replace("LOG", str(tmp_path / "worker.log"))
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=processes.ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    processes.wait_until(lambda: not is_alive(child), "the child to end", 30)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has buried yet does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state) and not state.startswith("Z")


def test_waiting_ends_with_a_sentence_when_a_needed_process_ends(tmp_path: Path) -> None:
    process = processes.Process([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "worker.log")
    process.start()
    with pytest.raises(processes.ProcessEnded, match=r"worker ended with exit code 3; its log is .*worker\.log"):
        processes.wait_until(lambda: False, "what never comes", 30, [process])


def test_a_process_ended_by_a_signal_is_told_by_its_name(running: list[processes.Process], tmp_path: Path) -> None:
    process = start(running, tmp_path / "worker.log", WAITS)
    process.kill()
    with pytest.raises(processes.ProcessEnded, match="worker ended by SIGKILL"):
        processes.raise_if_ended([process])


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(TimeoutError, match=r"waited 0\.1 s in vain for what never comes"):
        processes.wait_until(lambda: False, "what never comes", 0.1)
