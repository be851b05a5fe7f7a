"""What strangers try over HTTP, and what they get for it."""

import pytest

from tests.integration.gateway import raw
from tests.integration.gateway.stand import Running, Stand

EVIL = "https://evil.example"
PREFLIGHT = {"origin": EVIL, "access-control-request-method": "GET", "access-control-request-headers": "authorization"}


@pytest.mark.parametrize(
    "path",
    [
        "/docs/../../etc/passwd",
        "/docs/..%2f..%2fetc/passwd",
        "/docs/%2e%2e/%2e%2e/etc/passwd",
        "/docs/%252e%252e/etc/passwd",
        "/docs/..%5c..%5cetc%5cpasswd",
        "/docs//etc/passwd",
        "/docs/swagger-ui.css/../../../../pyproject.toml",
    ],
)
def test_nothing_but_the_pages_is_read_from_the_disk(gateway: Running, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    (answer,), _ = raw.asked(gateway.port, head)
    assert answer.status in {400, 404}
    assert b"root:" not in answer.body


def test_a_browser_is_not_told_that_another_origin_may_ask(gateway: Running) -> None:
    for answer in (
        gateway.client.options("/v1/stations", headers=PREFLIGHT),
        gateway.client.get("/v1/stations", headers={"origin": EVIL}),
    ):
        assert [name for name in answer.headers if name.startswith("access-control-")] == []


def test_an_origin_that_is_named_gets_no_more_than_it_needs_and_no_other_gets_anything(stand: Stand) -> None:
    with stand.gateway(cors_origins="https://good.example") as running:
        foreign = running.client.options("/v1/stations", headers=PREFLIGHT)
        named = running.client.options("/v1/stations", headers={**PREFLIGHT, "origin": "https://good.example"})
    assert [name for name in foreign.headers if name.startswith("access-control-")] == []
    assert named.headers["access-control-allow-origin"] == "https://good.example"
    assert "access-control-allow-credentials" not in named.headers


@pytest.mark.parametrize("header", ["Authorization", "Idempotency-Key", "X-Request-Id", "Traceparent"])
def test_no_header_brings_a_line_of_its_own(gateway: Running, header: str) -> None:
    for injected in (b"x\r\nSet-Cookie: a=b", b"x\nSet-Cookie: a=b", b"x\rSet-Cookie: a=b", b"x\x00y"):
        head = f"GET /v1/stations HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}: ".encode()
        answers, _ = raw.asked(gateway.port, head + injected + b"\r\n\r\n")
        assert [answer for answer in answers if "set-cookie" in answer.headers or b"a=b" in answer.body] == []


def test_pages_say_that_nobody_may_frame_them_or_guess_their_type(gateway: Running) -> None:
    headers = gateway.client.get("/docs").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
