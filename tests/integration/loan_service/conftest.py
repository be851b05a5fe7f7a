"""The loans of one test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.integration.loan_service.loans import Loans, Outside, check


@pytest.fixture
def loans(loan_database: Engine) -> Iterator[Loans]:
    """The loans of one test; when it ends, everything that must always be true of them is checked."""
    found = Loans(loan_database)
    yield found
    check(found)


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def anyio_backend() -> str:
    """What coroutine tests run on: the same loop as the service."""
    return "asyncio"
