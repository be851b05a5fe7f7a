"""The agents and reviews of one test, and the services around them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.integration.review_service.office import Office, check
from tests.integration.review_service.peers import Peers
from tests.integration.review_service.reception import Service
from tests.integration.serving import serving


@pytest.fixture
def office(review_database: Engine) -> Iterator[Office]:
    """Nobody and nothing to begin with; when the test ends, everything that must always be true is checked."""
    found = Office(review_database)
    yield found
    check(found)


@pytest.fixture
def peers() -> Iterator[Peers]:
    """The loan and the notification service, as far as this service sees them."""
    with Peers() as found:
        yield found


@pytest.fixture
def service(office: Office, peers: Peers) -> Iterator[Service]:
    """Both services behind a real server."""
    found = Service(office, peers)
    with serving(found.register) as channel:
        found.connect(channel)
        yield found
