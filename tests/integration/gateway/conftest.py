"""The gateway on a real server in front of a real service; the service forgets between tests."""

from collections.abc import Iterator

import pytest
from grpc_health.v1 import health_pb2

from tests.integration.gateway.stand import Running, Stand, Weather


@pytest.fixture(scope="session")
def standing() -> Iterator[Stand]:
    """The service, for all tests."""
    with Stand() as stand:
        yield stand


@pytest.fixture
def stand(standing: Stand) -> Iterator[Stand]:
    """The service as new."""
    yield standing
    standing.weather.behaviours.clear()
    standing.weather.calls.clear()
    standing.set_health(health_pb2.HealthCheckResponse.SERVING)


@pytest.fixture
def weather(stand: Stand) -> Weather:
    """The service's behaviour."""
    return stand.weather


@pytest.fixture(scope="session")
def started(standing: Stand) -> Iterator[Running]:
    """A gateway with short limits, for all tests."""
    with standing.gateway() as running:
        yield running


@pytest.fixture
def gateway(stand: Stand, started: Running) -> Running:  # noqa: ARG001 -- the service must be as new
    """A gateway in front of a service as new."""
    return started
