"""Child processes that never outlive this one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class CannotRun(Exception):
    """Something cannot run here; the text says why, and what to do where something can be done."""


class ProcessEnded(CannotRun):
    """A process that is needed has ended; the text says which, how, and where its log is."""


class Process:
    """One child process, started and stopped as often as you like.

    It has a process group of its own, so that a Ctrl-C in the terminal reaches only us, and the kernel tells it to
    stop if we die.

    Args:
        command: What to run, as a list of words.
        log: The file its output is appended to; its stem is what people call the process.
        environment: Its whole environment; ours if None.
        stop_signal: What asks it to stop in good order.
        user_id: The user, and group of the same number, to run as; ours if None.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        user_id: int | None = None,
    ) -> None:
        self.name = log.stem
        self.log = log
        user = os.geteuid() if user_id is None else user_id
        tie = [stop_signal.name, str(user), str(os.getpid())]
        self._command = [sys.executable, "-SE", "-m", "deploy.tether", *tie, *command]
        self._environment = environment
        self._stop_signal = stop_signal
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it must not be running."""
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )

    @property
    def pid(self) -> int:
        """The process id of the latest start."""
        return self._started().pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, a negative number for a signal; None while it runs."""
        return self._started().poll()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self._child is not None:
            self._child.send_signal(number)

    def ask_to_stop(self) -> None:
        """Ask it to stop and do not wait."""
        self.send(self._stop_signal)

    def stop(self, grace_s: float = 20) -> int:
        """Ask it to stop, kill it after the grace, and answer its exit code."""
        self.ask_to_stop()
        return self.wait(grace_s)

    def wait(self, grace_s: float) -> int:
        """Wait for its end, kill it after the grace, and answer its exit code; 0 if it never ran."""
        if self._child is None:
            return 0
        try:
            return self._child.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._child.wait()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.send(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()

    def run_to_end(self, timeout_s: float) -> None:
        """Start it and wait until it has done its work.

        Raises:
            ProcessEnded: It failed, or took longer than `timeout_s` and was killed.
        """
        self.start()
        try:
            if self.wait(timeout_s) != 0:
                raise_if_ended([self])
        finally:
            self.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise ProcessEnded(f"{self.name} was never started")
        return self._child


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float, needed: Iterable[Process] = ()) -> None:
    """Wait for a condition while the processes it needs live.

    Args:
        condition: Asked about twenty times a second.
        what: What is waited for, for the sentence of the error.
        timeout_s: The longest wait.
        needed: Processes without which waiting is pointless.

    Raises:
        ProcessEnded: One of them is gone.
        TimeoutError: It took too long.
    """
    needed = tuple(needed)
    deadline = time.monotonic() + timeout_s
    while not condition():
        raise_if_ended(needed)
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(0.05)


def raise_if_ended(needed: Iterable[Process]) -> None:
    """Raise ProcessEnded for the first process that does not run any more."""
    for process in needed:
        if process.exit_code is not None:
            raise ProcessEnded(
                f"{process.name} ended {_in_words(process.exit_code)}; its log is {os.path.relpath(process.log)}"
            )


def _in_words(exit_code: int) -> str:
    """How a process ended."""
    return f"by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"with exit code {exit_code}"
