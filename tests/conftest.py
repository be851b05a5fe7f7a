"""What tests of all kinds share: a PostgreSQL server of their own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy import postgres

# What tests share asserts as well, and a failure shall say what it found.
pytest.register_assert_rewrite("tests.unit", "tests.integration", "tests.system")

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """One server for the whole run, empty at its start and gone at its end."""
    with tempfile.TemporaryDirectory(prefix="los-postgres-") as folder:
        server = postgres.Server(Path(folder), durable=False)
        server.start()
        try:
            yield server
        finally:
            server.stop()
