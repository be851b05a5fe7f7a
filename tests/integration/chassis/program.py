"""A process of the chassis, as tests drive it: `python -m tests.integration.chassis.program LISTEN FOLDER [MEMBERS]`.

With a number of members it is a crew of so many; with TLS_DIR it asks for certificates.

What the files in the folder say: `unready` names what is missing, `frozen` lets the look for it hang, `busy` lets calls
take until it is gone. What its background work does is written to its log.
"""

import os
import sys
import time
from functools import partial
from pathlib import Path

from chassis import crew, logs, server, tls
from chassis.errors import Unavailable
from chassis.logs import LogSettings, log
from deploy.processes import wait_until
from tests.integration.chassis.desk import SERVICE, Desk

GRACE_S = 5


class Recorder:
    """Background work that says what is asked of it."""

    def start(self) -> None:
        log.info("background started")

    def drain(self) -> None:
        log.info("background drains")

    def stop(self, grace_s: float) -> None:
        log.info("background stopped", grace_s=grace_s)


class Broken(Recorder):
    """Background work that cannot be stopped in good order."""

    def stop(self, grace_s: float) -> None:
        raise RuntimeError(f"it would not stop within {grace_s} s")


def serve(listen: str, folder: Path, *, shares_port: bool = False) -> None:
    logs.configure("program", LogSettings(format="json"))

    def is_ready() -> None:
        while (folder / "frozen").exists():
            time.sleep(0.05)
        if (folder / "unready").exists():
            raise Unavailable((folder / "unready").read_text())
        if (folder / "defect").exists():
            raise KeyError("no such thing")

    def work() -> None:
        log.info("working", pid=os.getpid())
        wait_until(lambda: not (folder / "busy").exists(), "the work to end", 600)

    server.run(
        listen=listen,
        services=[SERVICE],
        register=Desk(work).register,
        is_ready=is_ready,
        background=[Broken(), Recorder()],
        threads=4,
        grace_s=GRACE_S,
        shares_port=shares_port,
        tls_folder=tls.load(is_open=True),
    )


def serve_as_member(folder: Path, _number: int, address: str) -> None:
    serve(address, folder, shares_port=True)


def main(listen: str, folder: Path, members: int = 0) -> int:
    if not members:
        serve(listen, folder)
        return 0
    logs.configure("program", LogSettings(format="json"))
    return crew.run(members, listen, partial(serve_as_member, folder), GRACE_S)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])))
