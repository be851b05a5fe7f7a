"""Systems whose processes change something of themselves before they serve; the product knows nothing of it."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy import postgres
from deploy.processes import Process
from tests.system.conftest import RunningSystem

MAIN = """
from {package}.__main__ import main
main()
"""


@contextmanager
def prepared(server: postgres.Server, database: str, **settings: str) -> Iterator[RunningSystem]:
    """A system that is prepared and not started; what the block starts is stopped at its end, and not checked."""
    server.create_database(database)
    with tempfile.TemporaryDirectory(prefix="los-mutant-") as folder:
        system = RunningSystem(server, database, Path(folder), **settings)
        system.prepare()
        try:
            yield system
        finally:
            system.stop()


def process(system: RunningSystem, name: str, package: str, patches: str, **settings: str) -> Process:
    """A process that patches itself and then is the service."""
    program = patches + MAIN.format(package=package)
    log = system.logs[0].parent / f"{name}.log"
    return Process([sys.executable, "-c", program], log, environment={**system.environment, **settings})
