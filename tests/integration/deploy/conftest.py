"""Folders for servers of a test's own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder that an unprivileged server may enter, which pytest's own temporary folders are not."""
    with tempfile.TemporaryDirectory(prefix="los-server-") as folder:
        yield Path(folder) / "postgres"
