"""A process with a pool, to be stopped or killed in the middle: `python -m tests.integration.chassis.baker URL FOLDER`.

Its jobs take until the file `ready` is in the folder; each one that has begun is a file there.
"""

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from chassis import db, logs
from chassis.logs import LogSettings
from chassis.pool import Handler, Pool, Task
from deploy.processes import wait_until
from tests.integration.chassis.bakery import baked
from tests.integration.chassis.workshop import KIND

LEASE_S = 1.0


def main(url: str, folder: Path) -> None:
    logs.configure("baker", LogSettings())

    def perform(tasks: Sequence[Task]) -> list[str]:
        for task in tasks:
            (folder / f"begun-{task.job.key}").touch()
        wait_until((folder / "ready").exists, "the oven", 600)
        return ["baked by the process"] * len(tasks)

    engine = db.engine(url, schema="scratch", name="baker", pool_size=3)
    handlers = {KIND: Handler(perform=perform, finish=baked("by the process"))}
    Pool(engine, handlers, name="baker", size=2, lease_s=LEASE_S).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
