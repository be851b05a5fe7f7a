"""HTTP headers and gRPC metadata, both ways, and the deadline."""

import pytest

from gateway import metadata
from gateway.errors import RefusedError

MAX_BYTES = 200


@pytest.mark.parametrize(
    ("name", "value", "passed"),
    [
        (b"authorization", b"Bearer x", ("authorization", "Bearer x")),
        (b"idempotency-key", b"k 1", ("idempotency-key", "k 1")),
        (b"traceparent", b"00-1-2-01", ("traceparent", "00-1-2-01")),
        (b"tracestate", b"a=b", ("tracestate", "a=b")),
        (b"accept-language", b"de", ("accept-language", "de")),
        (b"grpc-metadata-tenant", b"t", ("tenant", "t")),
        (b"grpc-metadata-a.b_c-d", b"", ("a.b_c-d", "")),
        (b"grpc-metadata-key-bin", b"AP8=", ("key-bin", b"\0\xff")),
        (b"grpc-metadata-key-bin", b"AP8", ("key-bin", b"\0\xff")),
        (b"cookie", b"a=b", None),
        (b"host", b"example.org", None),
        (b"user-agent", b"x", None),
        (b"x-forwarded-for", b"1.2.3.4", None),
        (b"content-type", b"application/json", None),
        (b"accept", b"*/*", None),
        (b"grpc-timeout", b"1S", None),
        (b"grpc-encoding", b"gzip", None),
        (b"grpc-metadata-", b"x", None),
        (b"grpc-metadata-grpc-timeout", b"1S", None),
        (b"grpc-metadata-grpc-status", b"0", None),
        (b"grpc-metadata-te", b"trailers", None),
        (b"grpc-metadata-host", b"x", None),
        (b"grpc-metadata-content-type", b"x", None),
        (b"grpc-metadata-:path", b"/x", None),
        (b"grpc-metadata-a b", b"x", None),
        (b"grpc-metadata-\xe4", b"x", None),
    ],
)
def test_a_header_goes_upstream_if_it_is_named_or_marked_and_is_dropped_else(
    name: bytes, value: bytes, passed: tuple[str, str | bytes] | None
) -> None:
    found = metadata.incoming([(name, value)], b"id", MAX_BYTES)
    assert found == (("x-request-id", "id"), *([passed] if passed else []))


@pytest.mark.parametrize(
    "trusted",
    [
        *("authorization", "authorization-bin", "idempotency-key", "idempotency_key", "traceparent", "x-request-id"),
        *("forwarded", "x-forwarded-for", "x_forwarded_for", "x-forwarded-client-cert", "x-real-ip"),
        *("proxy-authorization", "grpc-timeout", "grpc_timeout"),
    ],
)
def test_what_services_trust_cannot_be_smuggled_in_with_the_prefix(trusted: str) -> None:
    sent = [(b"authorization", b"Bearer own"), (b"grpc-metadata-" + trusted.encode(), b"AAAA")]
    found = metadata.incoming(sent, b"id", MAX_BYTES)
    assert found == (("x-request-id", "id"), ("authorization", "Bearer own"))


def test_the_request_id_goes_upstream_once() -> None:
    assert metadata.incoming([(b"x-request-id", b"sent")], b"sent", MAX_BYTES) == (("x-request-id", "sent"),)


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        (b"authorization", b"\xff", "authorization"),
        (b"idempotency-key", "k\u00e4".encode(), "idempotency-key"),
        (b"grpc-metadata-tenant", b"a\tb", "grpc-metadata-tenant"),
        (b"grpc-metadata-key-bin", b"!", "grpc-metadata-key-bin"),
        (b"grpc-metadata-key-bin", b"A", "grpc-metadata-key-bin"),
    ],
)
def test_a_value_that_cannot_be_metadata_is_refused_with_its_name(name: bytes, value: bytes, field: str) -> None:
    with pytest.raises(RefusedError) as refused:
        metadata.incoming([(name, value)], b"id", MAX_BYTES)
    assert refused.value.status == 400
    assert refused.value.details[0]["field_violations"][0]["field"] == field


@pytest.mark.parametrize(("length", "is_taken"), [(187, True), (188, False)])
def test_what_goes_upstream_is_bounded(length: int, is_taken: bool) -> None:
    headers = [(b"authorization", b"a" * length), (b"cookie", b"a" * 1000)]
    if is_taken:
        metadata.incoming(headers, b"id", MAX_BYTES)
    else:
        with pytest.raises(RefusedError) as refused:
            metadata.incoming(headers, b"id", MAX_BYTES)
        assert refused.value.status == 431


@pytest.mark.parametrize(
    ("name", "value", "header"),
    [
        ("retry-after", "1", (b"retry-after", b"1")),
        ("etag", '"a"', (b"etag", b'"a"')),
        ("idempotent-replayed", "true", (b"idempotent-replayed", b"true")),
        ("x-request-id", "a", (b"x-request-id", b"a")),
        ("www-authenticate", "Basic", (b"www-authenticate", b"Basic")),
        ("other", "a", (b"grpc-metadata-other", b"a")),
        ("set-cookie", "a=b", (b"grpc-metadata-set-cookie", b"a=b")),
        ("location", "/x", (b"grpc-metadata-location", b"/x")),
        ("key-bin", b"\0\xff", (b"grpc-metadata-key-bin", b"AP8=")),
        ("grpc-status-details-bin", b"a", None),
        ("grpc-anything", "a", None),
        ("content-type", "application/grpc", None),
        ("transfer-encoding", "chunked", None),
        ("connection", "close", None),
        ("bad", "a\r\nset-cookie: b", None),
        ("bad", "\u00e4", None),
    ],
)
def test_metadata_comes_back_as_headers_the_known_ones_by_their_names(
    name: str, value: str | bytes, header: tuple[bytes, bytes] | None
) -> None:
    assert metadata.outgoing([(name, value)]) == ([header] if header else [])


def test_metadata_before_and_after_the_answer_come_back_both() -> None:
    assert metadata.outgoing([("etag", "a")], [("b", "c")]) == [(b"etag", b"a"), (b"grpc-metadata-b", b"c")]


@pytest.mark.parametrize(
    ("sent", "timeout_s"),
    [
        (None, 10.0),
        (b"1S", 1.0),
        (b"1500m", 1.5),
        (b"2M", 60.0),
        (b"1H", 60.0),
        (b"99999999H", 60.0),
        (b"500u", 0.0005),
        (b"5n", 5e-9),
        (b"0S", 0.0),
        (b"00000001S", 1.0),
    ],
)
def test_the_deadline_is_what_is_asked_for_but_no_more_than_the_most(sent: bytes | None, timeout_s: float) -> None:
    assert metadata.timeout_s(sent, 10.0, 60.0) == pytest.approx(timeout_s)


def test_the_default_deadline_is_no_more_than_the_most() -> None:
    assert metadata.timeout_s(None, 100.0, 60.0) == 60.0


@pytest.mark.parametrize(
    "sent", [b"", b"1", b"S", b"1s", b"1.5S", b"-1S", b"123456789S", b"1 S", b"1S1S", b"\xd9\xa1S"]
)
def test_a_timeout_that_is_none_is_refused(sent: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        metadata.timeout_s(sent, 10.0, 60.0)
    assert refused.value.status == 400
    assert refused.value.details[0]["field_violations"][0]["field"] == "Grpc-Timeout"


@pytest.mark.parametrize(
    ("sent", "is_sane"),
    [
        (b"a", True),
        (b"4bf92f35-77b3-4da6-a3ce-929d0e0e4736", True),
        (b"a" * 128, True),
        (b"a" * 129, False),
        (b"", False),
        (None, False),
        (b"a b", False),
        (b"a\nb", False),
        (b"\xff", False),
    ],
)
def test_a_request_id_is_taken_over_if_it_is_sane(sent: bytes | None, is_sane: bool) -> None:
    assert metadata.is_request_id(sent) is is_sane
