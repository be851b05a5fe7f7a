"""Several processes as one: a parent that serves nothing, and a crew of equals that share the port.

Python computes on one core a process; a crew is how a service uses more. Each member is the whole process that there
would be alone, with its own threads and connections. The kernel spreads new connections over them (SO_REUSEPORT).

Members are spawned, never forked: nothing that gRPC or the database driver holds is copied. A member that ends ends the
crew: the parent restarts nothing by itself, it exits with 1, and whoever supervises it starts a whole new crew. A crew
that loses its parent drains.
"""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from chassis.logs import log

LOOK_EVERY_S = 1.0
"""How often the parent looks up from waiting."""

METRICS_APART = 100
"""How many ports lie between the metrics of one member and of the next."""

LATE_S = 10.0
"""How much longer than its grace a member may take to end; it ends itself before that unless it is frozen."""


def run(count: int, listen: str, member: Callable[[int, str], None], grace_s: float) -> int:
    """Run a crew until the parent is told to stop or a member ends; answer the exit code.

    SIGTERM or SIGINT is passed on to all, and so is a second one, at which they exit at once.

    Args:
        count: How many members.
        listen: `host:port` that they share; port 0 takes any free one, the same for all.
        member: What a member does, given its number from 1 and the address with a port; a function of a module, for it
            is called in a new interpreter. It returns, or raises SystemExit, once it has drained.
        grace_s: How long a member takes to drain at most; one that is later than `LATE_S` after that is killed.

    Raises:
        SystemExit: The address cannot be listened on.
    """
    with _reserved(listen) as address:
        return _Crew(count, address, member, grace_s).run()


def metrics_listen(listen: str, number: int) -> str:
    """Where a member serves its metrics: the first where it would alone, each other one `METRICS_APART` ports higher.

    Args:
        listen: `host:port` of the first; port 0, any free one, and empty, nowhere, hold for all.
        number: Of the member.
    """
    host, _, port = listen.rpartition(":")
    return f"{host}:{int(port) + METRICS_APART * (number - 1)}" if port.strip("0") else listen


class _Crew:
    """The parent's view of its members."""

    def __init__(self, count: int, address: str, member: Callable[[int, str], None], grace_s: float) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._members = [
            spawning.Process(target=_be_member, args=(member, number, address), name=str(number))
            for number in range(1, count + 1)
        ]
        self._grace_s = grace_s
        self._kill_at: float | None = None
        self._told = False

    def run(self) -> int:
        """Start all, and wait until all have ended; 0 if they were told to, and ended in good order."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # members inherit it: a Ctrl-C reaches them through us alone
        for member in self._members:
            member.start()
            log.info("process started", number=int(member.name), pid=member.pid)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        failed = False
        living = {member.sentinel: member for member in self._members}
        while living:
            for sentinel in living.keys() & set(wait(list(living), LOOK_EVERY_S)):
                failed |= self._is_failure(living.pop(sentinel))
            if self._kill_at is not None and time.monotonic() > self._kill_at:
                for member in living.values():
                    log.error("a process does not end, and is killed", number=int(member.name), pid=member.pid)
                    member.kill()
        return int(failed)

    def _is_failure(self, member: SpawnProcess) -> bool:
        """Look at how a member ended; one that ended unasked ends all."""
        member.join()  # its sentinel is a moment ahead of its exit code
        if self._kill_at is None:
            log.error("a process ended, so all do", number=int(member.name), pid=member.pid, exit_code=member.exitcode)
            self._stop()
            return True
        if member.exitcode in {0, -signal.SIGTERM}:  # the latter had not begun to serve
            return False
        log.error("a process did not end well", number=int(member.name), pid=member.pid, exit_code=member.exitcode)
        return True

    def _stop(self) -> None:
        """Ask those to drain that live."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self._grace_s + LATE_S
        for member in self._members:
            member.terminate()

    def _on_signal(self, *_: object) -> None:
        """Pass a signal on, a second one too; but not the first of ours to members that drain already."""
        if self._kill_at is None or self._told:
            self._stop()
        self._told = True


def _be_member(member: Callable[[int, str], None], number: int, address: str) -> None:
    """Run in the member's interpreter."""
    os.setpgrp()
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    member(number, address)


def _end_with_parent() -> None:
    """Drain when nobody is left who would tell us to."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _reserved(listen: str) -> Iterator[str]:
    """The address with a port, kept for this user's members; whoever shares it on purpose cannot be told from others.

    So it is asked for alone first: a second crew, or a process by itself, is refused as it would be without crews.
    """
    host, _, port = listen.rpartition(":")
    try:
        family, kind, _, _, found = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(found)
            found = alone.getsockname()
        keeping = socket.socket(family, kind)
        keeping.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeping.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeping.bind(found)
    except (OSError, OverflowError) as error:
        log.error("cannot listen: is the port in use?", listen=listen, error=str(error))
        raise SystemExit(1) from None
    with keeping:
        yield f"{host}:{found[1]}"
