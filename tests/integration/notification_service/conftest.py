"""The notifications of one test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event

from tests.integration.notification_service.post import Post, StandIn, check


@pytest.fixture
def post(notification_database: Engine) -> Iterator[Post]:
    """No notifications to begin with; when the test ends, everything that must always be true of them is checked."""
    found = Post(notification_database)
    yield found
    check(found)


@pytest.fixture
def provider() -> StandIn:
    return StandIn()


@pytest.fixture
def statements(notification_database: Engine) -> Iterator[list[str]]:
    """Every statement that the test sends to the database."""
    seen: list[str] = []
    listen = lambda *arguments: seen.append(arguments[2])  # noqa: E731 -- an event listener
    event.listen(notification_database, "before_cursor_execute", listen)
    yield seen
    event.remove(notification_database, "before_cursor_execute", listen)
