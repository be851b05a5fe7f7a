"""What the gateway tells Prometheus: requests by what is served, never by what was asked for."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import httpx
import pytest

from chassis import metrics
from deploy import ports
from tests.integration.gateway import raw
from tests.integration.gateway.sse import watching
from tests.integration.gateway.stand import Running, Stand, Weather, eventually
from tests.integration.gateway.test_process import START_S, answers, command, environment
from tests.scraping import Growth, scrape


@pytest.fixture
def address() -> Iterator[str]:
    """Where this process serves its metrics."""
    server = metrics.serve("127.0.0.1:0")
    assert server is not None
    yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
    server.shutdown()
    server.server_close()


@pytest.fixture
def grown(address: str) -> Growth:
    """By how much samples have grown since the test began."""
    return Growth(lambda: scrape(address))


def test_requests_are_counted_and_timed_by_method_pattern_and_status(
    gateway: Running, weather: Weather, grown: Growth
) -> None:
    weather.fail("GetStation", grpc.StatusCode.NOT_FOUND)
    for name in "abc":
        gateway.client.get(f"/v1/stations/{name}?language=de")
    served = {"method": "GET", "path": "/v1/{name=stations/*}"}
    eventually(lambda: grown("http_request_duration_seconds_count", **served) == 3)
    assert grown("http_requests_total", **served, status="200") == 2
    assert grown("http_requests_total", **served, status="404") == 1
    assert grown("http_request_duration_seconds_sum", **served) > 0


def test_paths_that_are_not_served_are_not_named(gateway: Running, grown: Growth) -> None:
    assert gateway.client.get("/v1/nothing/secret").status_code == 404
    assert gateway.client.delete("/v1/stations").status_code == 405
    eventually(lambda: grown("http_requests_total", method="GET", path="none", status="404") == 1)
    eventually(lambda: grown("http_requests_total", method="DELETE", path="none", status="405") == 1)
    assert not any("secret" in path for path in grown.look().by("http_requests_total", "path"))


def test_methods_that_are_unusual_are_not_named(gateway: Running, grown: Growth) -> None:
    gateway.client.request("PROPFIND", "/v1/stations")
    eventually(lambda: grown("http_requests_total", method="other", path="none", status="405") == 1)


def test_what_is_no_http_is_counted_too(gateway: Running, grown: Growth) -> None:
    raw.asked(gateway.port, b"no http\r\n\r\n")
    eventually(lambda: grown("http_requests_total", method="other", path="none", status="400") == 1)


def test_pages_are_counted_by_their_path(gateway: Running, grown: Growth) -> None:
    gateway.client.get("/livez")
    eventually(lambda: grown("http_requests_total", method="GET", path="/livez", status="200") == 1)


def test_streams_are_told_while_they_are_open(gateway: Running, weather: Weather, grown: Growth) -> None:
    async def endless(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield weather.make("Reading", number=1)
        await asyncio.Event().wait()

    weather.behaviours["ExportReadings"] = endless
    with watching(gateway.port, "/v1/readings:export") as watcher:
        watcher.head()
        assert grown("http_streams_open") == 1
    eventually(lambda: grown("http_streams_open") == 0)


def test_the_process_serves_metrics_where_its_flag_says(stand: Stand) -> None:
    port, metrics_port = ports.free_port(), ports.free_port()
    flags = ["--listen", f"127.0.0.1:{port}", "--metrics-listen", f"127.0.0.1:{metrics_port}"]
    process = subprocess.Popen(command(*flags, "--upstream", f"los.loan.v1={stand.address}"), env=environment())
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            eventually(lambda: answers(client), START_S)
        told = scrape(f"http://127.0.0.1:{metrics_port}/metrics")
        assert told.value("http_requests_total", method="GET", path="/livez", status="200") >= 1
        assert told.value("process_resident_memory_bytes") > 1_000_000
    finally:
        process.kill()
        process.wait()
