"""What the gateway says of itself: whether it is well, and what it serves."""

import json
import re
import socket

import pytest
from grpc_health.v1 import health_pb2
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.integration.gateway.stand import PACKAGE, Running, Stand

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{bound.getsockname()[1]}"


def test_health_is_200_while_every_upstream_serves_and_503_naming_each_if_not(stand: Stand) -> None:
    upstreams = {PACKAGE: stand.address, "weather.v1.Stations": stand.address}
    with stand.gateway(upstreams=upstreams) as running:
        well = running.client.get("/health")
        stand.set_health(NOT_SERVING)
        ill = running.client.get("/health")
    assert (well.status_code, ill.status_code) == (200, 503)
    assert well.json() == {"status": "SERVING", "upstreams": dict.fromkeys(upstreams, "SERVING")}
    assert ill.json() == {"status": "NOT_SERVING", "upstreams": dict.fromkeys(upstreams, "NOT_SERVING")}
    assert well.headers["cache-control"] == "no-store"


def test_health_is_503_while_an_upstream_is_away_and_livez_is_200_whatever_they_do(stand: Stand, nobody: str) -> None:
    with stand.gateway(upstreams={PACKAGE: nobody, "weather.v1.Stations": stand.address}) as running:
        answered = running.client.get("/health")
        assert answered.status_code == 503
        assert answered.json()["upstreams"] == {PACKAGE: "UNAVAILABLE", "weather.v1.Stations": "SERVING"}
        alive = running.client.get("/livez")
        assert (alive.status_code, alive.json()["status"]) == (200, "SERVING")


def test_an_upstream_that_is_away_is_503_with_retry_after_and_names_no_address(stand: Stand, nobody: str) -> None:
    with stand.gateway(upstreams={PACKAGE: nobody}) as running:
        for method, path in (("GET", "/v1/stations/a"), ("POST", "/v1/stations"), ("GET", "/v1/readings:watch")):
            answered = running.client.request(method, path)
            assert (answered.status_code, answered.json()["code"], answered.headers["retry-after"]) == (503, 14, "1")
            assert nobody.rpartition(":")[2] not in answered.text


def test_the_longest_name_decides_which_upstream_serves_a_service(stand: Stand, nobody: str) -> None:
    with stand.gateway(upstreams={"weather": nobody, "weather.v1.Stations": stand.address}) as running:
        assert running.client.get("/v1/stations/a").status_code == 200


@pytest.mark.parametrize("path", ["/health", "/livez", "/docs", "/openapi.json"])
def test_pages_answer_head_and_options_and_can_only_be_read(gateway: Running, path: str) -> None:
    whole, head = gateway.client.get(path), gateway.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert gateway.client.options(path).headers["allow"] == "GET, HEAD, OPTIONS"
    assert gateway.client.post(path).status_code == 405


def test_the_openapi_document_is_valid_and_has_every_path(gateway: Running) -> None:
    document = gateway.client.get("/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    assert {"/v1/stations", "/v1/readings:watch", "/v1/stations/{name}/picture", "/health"} <= document["paths"].keys()


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"])
def test_the_page_is_served_from_here_alone(gateway: Running, path: str) -> None:
    answered = gateway.client.get(path)
    assert answered.status_code == 200
    if path in ("/docs", "/docs/start.js"):
        assert not re.search(r"https?:|//[a-z]", answered.text.replace("<!DOCTYPE html>", ""))
    assert "'self'" in answered.headers["content-security-policy"]
    assert "http" not in answered.headers["content-security-policy"]
    # A style sheet fetches what it names by url() or @import.
    fetched = re.findall(r"@import|url\((?!\"?data:|#)[^)]*\)", answered.text) if path.endswith(".css") else []
    assert fetched == []


def test_a_page_that_has_not_changed_is_304_and_is_sent_compressed(gateway: Running) -> None:
    answered = gateway.client.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert answered.headers["content-encoding"] == "gzip"
    assert json.loads(answered.content)["openapi"] == "3.1.0"
    again = gateway.client.get("/openapi.json", headers={"if-none-match": answered.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = gateway.client.get("/openapi.json", headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers
