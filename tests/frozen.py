"""A database server that is frozen: its connections stay open, and it says nothing any more."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy import postgres


def is_child(entry: Path, parent: int) -> bool:
    """Whether a process is of this parent; one that has just ended is nobody's."""
    try:
        return f"PPid:\t{parent}\n" in (entry / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def frozen(server: postgres.Server) -> Iterator[None]:
    """All processes of the server, stopped while the block lasts."""
    parent = server.process.pid
    os.kill(parent, signal.SIGSTOP)  # first, so that no child is born meanwhile
    children = [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and is_child(entry, parent)
    ]
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (*children, parent):
            os.kill(pid, signal.SIGCONT)
