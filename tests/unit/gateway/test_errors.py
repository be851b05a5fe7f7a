"""Failures as HTTP: the whole status table, the one JSON form, and what is told of whose fault it is."""

import json

import grpc
import grpc.aio
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc.aio import Metadata

from gateway import errors, rules
from gateway.app import failures
from gateway.app.failures import Failure
from gateway.codec import Codec
from gateway.errors import RefusedError, Violation
from tests.unit.gateway import protos

CODEC = Codec(rules.load(protos.LOANS)[0].pool, depth_max=100, is_lenient=False)


def failed(code: grpc.StatusCode, text: str = "because", trailing: tuple[tuple[str, str | bytes], ...] = ()) -> Failure:
    return failures.of(grpc.aio.AioRpcError(code, Metadata(), Metadata(*trailing), text, None), CODEC)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.CANCELLED, 499),
        (grpc.StatusCode.UNKNOWN, 500),
        (grpc.StatusCode.INVALID_ARGUMENT, 400),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 504),
        (grpc.StatusCode.NOT_FOUND, 404),
        (grpc.StatusCode.ALREADY_EXISTS, 409),
        (grpc.StatusCode.PERMISSION_DENIED, 403),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
        (grpc.StatusCode.FAILED_PRECONDITION, 400),
        (grpc.StatusCode.ABORTED, 409),
        (grpc.StatusCode.OUT_OF_RANGE, 400),
        (grpc.StatusCode.UNIMPLEMENTED, 501),
        (grpc.StatusCode.INTERNAL, 500),
        (grpc.StatusCode.UNAVAILABLE, 503),
        (grpc.StatusCode.DATA_LOSS, 500),
        (grpc.StatusCode.UNAUTHENTICATED, 401),
    ],
)
def test_every_code_has_its_http_status(code: grpc.StatusCode, status: int) -> None:
    found = failed(code)
    assert found.status == status
    assert json.loads(found.payload) == {"code": code.value[0], "message": "because", "details": []}


def test_the_table_has_every_code_but_ok() -> None:
    assert errors.HTTP_STATUS.keys() == {code.value[0] for code in grpc.StatusCode} - {0}


@pytest.mark.parametrize("code", [-1, 0, 17, 999])
def test_a_code_that_nobody_defined_is_500(code: int) -> None:
    assert errors.http_status(code) == 500


@pytest.mark.parametrize(
    ("code", "trailing", "header"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, (), (b"www-authenticate", b"Bearer")),
        (grpc.StatusCode.UNAUTHENTICATED, (("www-authenticate", "Basic"),), (b"www-authenticate", b"Basic")),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, (), (b"retry-after", b"1")),
        (grpc.StatusCode.UNAVAILABLE, (), (b"retry-after", b"1")),
        (grpc.StatusCode.UNAVAILABLE, (("retry-after", "30"),), (b"retry-after", b"30")),
    ],
)
def test_a_status_brings_the_header_it_asks_for_unless_the_service_does(
    code: grpc.StatusCode, trailing: tuple[tuple[str, str | bytes], ...], header: tuple[bytes, bytes]
) -> None:
    assert [each for each in failed(code, trailing=trailing).headers if each[0] == header[0]] == [header]


def test_details_are_told_and_those_of_unknown_type_keep_type_and_bytes() -> None:
    status = status_pb2.Status(code=9, message="because")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="WHY", domain="test"))
    status.details.add().CopyFrom(any_pb2.Any(type_url="x/unknown.Type", value=b"a"))
    found = failed(
        grpc.StatusCode.FAILED_PRECONDITION, trailing=(("grpc-status-details-bin", status.SerializeToString()),)
    )
    assert json.loads(found.payload)["details"] == [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "WHY", "domain": "test", "metadata": {}},
        {"@type": "x/unknown.Type", "value": "YQ=="},
    ]


@pytest.mark.parametrize("details", [b"", b"\xff\xff", b"garbage"])
def test_details_that_cannot_be_read_are_left_out_and_never_a_failure(details: bytes) -> None:
    found = failed(grpc.StatusCode.ABORTED, trailing=(("grpc-status-details-bin", details),))
    assert (found.status, json.loads(found.payload)) == (409, {"code": 10, "message": "because", "details": []})


@pytest.mark.parametrize(
    ("code", "text", "told"),
    [
        (
            grpc.StatusCode.UNAVAILABLE,
            "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:50051: Failed to connect",
            "the service cannot be reached",
        ),
        (grpc.StatusCode.UNAVAILABLE, "Socket closed", "the service cannot be reached"),
        (
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "Deadline exceeded while waiting to connect to ipv4:127.0.0.1:50051",
            "the service did not answer in time",
        ),
        (grpc.StatusCode.UNKNOWN, "Exception calling application: /srv/x.py line 1", "the service failed"),
        (grpc.StatusCode.INTERNAL, "Exception deserializing request!", "the service failed"),
        (grpc.StatusCode.UNKNOWN, "Unexpected <class 'ValueError'>: secret", "the service failed"),
        (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2", "the service failed"),
    ],
)
def test_what_grpc_itself_says_of_the_inside_is_not_told(code: grpc.StatusCode, text: str, told: str) -> None:
    assert json.loads(failed(code, text).payload)["message"] == told


def test_a_text_that_is_missing_is_empty() -> None:
    found = failures.of(grpc.aio.AioRpcError(grpc.StatusCode.ABORTED, Metadata(), Metadata(), None, None), CODEC)
    assert json.loads(found.payload)["message"] == ""


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *[(400, 3), (404, 5), (405, 12), (408, 4), (413, 8), (414, 3), (415, 3), (429, 8), (431, 8)],
        *[(500, 13), (501, 12), (502, 13), (503, 14), (504, 4)],
    ],
)
def test_a_refusal_of_the_gateways_own_has_a_code_as_well(status: int, code: int) -> None:
    found = failures.of(RefusedError(status, "no"), CODEC)
    assert (found.status, json.loads(found.payload)) == (status, {"code": code, "message": "no", "details": []})


def test_a_refusal_names_every_field_at_fault() -> None:
    refused = errors.invalid([Violation("a.b", "must be a text"), Violation("", "must be an object")])
    assert (refused.status, refused.message) == (400, "a.b: must be a text; must be an object")
    assert json.loads(failures.of(refused, CODEC).payload)["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "field_violations": [
                {"field": "a.b", "description": "must be a text"},
                {"field": "", "description": "must be an object"},
            ],
        }
    ]


def test_an_unforeseen_failure_tells_nothing_but_the_request_id() -> None:
    found = failures.unforeseen(b"abc")
    assert json.loads(found.payload) == {"code": 13, "message": "internal error, request abc", "details": []}


def test_a_text_that_is_no_unicode_can_be_told() -> None:
    assert json.loads(errors.payload(3, "\ud800")) == {"code": 3, "message": "?", "details": []}
