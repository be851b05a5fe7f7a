"""What tests of the chassis share."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.integration.chassis.bakery import Bakery, Gate
from tests.integration.chassis.workshop import Workshop


@pytest.fixture
def anyio_backend() -> str:
    """What coroutine tests run on: the same loop as the services."""
    return "asyncio"


@pytest.fixture
def workshop(scratch_database: Engine) -> Workshop:
    """An empty jobs table in a schema of no service."""
    return Workshop.opened(scratch_database)


@pytest.fixture
def bakery(workshop: Workshop) -> Iterator[Bakery]:
    """Pools on that table, stopped in the end."""
    bakery = Bakery(workshop)
    yield bakery
    bakery.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate that is open in the end: a test that failed leaves no thread behind."""
    gate = Gate()
    yield gate
    gate.open()
