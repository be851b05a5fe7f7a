"""Asynchronous tests run on asyncio, as the processes do."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The only event loop there is here."""
    return "asyncio"
