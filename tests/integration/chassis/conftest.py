"""What tests of the chassis share."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """What coroutine tests run on: the same loop as the services."""
    return "asyncio"
