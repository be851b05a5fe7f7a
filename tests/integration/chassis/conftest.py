"""What tests of the chassis share."""

import pytest
from sqlalchemy import Engine

from tests.integration.chassis.workshop import Workshop


@pytest.fixture
def anyio_backend() -> str:
    """What coroutine tests run on: the same loop as the services."""
    return "asyncio"


@pytest.fixture
def workshop(scratch_database: Engine) -> Workshop:
    """An empty jobs table in a schema of no service."""
    return Workshop.opened(scratch_database)
