"""Messages into JSON, and back: nothing is lost on the way, and nothing in an answer makes it fail."""

import base64
import json
from typing import Any

import pytest
from google.protobuf import any_pb2, json_format, timestamp_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from gateway import codec
from gateway.codec import Codec
from gateway.errors import RefusedError
from tests.unit.gateway import fuzzing, protos

Kinds = dict[str, type[Message]]

KINDS = protos.messages(protos.compiled(protos.KINDS, "kinds.proto"))


def codec_of(kinds: Kinds) -> Codec:
    return Codec(protos.pool_of(kinds["Kinds"]), depth_max=100, is_lenient=False)


def parsed(kinds: Kinds, value: object, name: str = "Kinds") -> Message:
    message = kinds[name]()
    pool = protos.pool_of(message)
    json_format.Parse(json.dumps(value), message, descriptor_pool=pool)
    return message


def shown(kinds: Kinds, value: dict[str, object]) -> dict[str, Any]:
    found = codec_of(kinds).value(parsed(kinds, value), None)
    assert isinstance(found, dict)
    return found


def test_output_has_proto_names_and_every_field_without_presence(kinds: Kinds) -> None:
    found = shown(kinds, {})
    assert found["a_bool"] is False
    assert (found["an_int64"], found["a_double"], found["a_string"], found["a_bytes"]) == ("0", 0.0, "", "")
    assert (found["a_colour"], found["strings"], found["by_string"]) == ("NONE", [], {})
    assert not found.keys() & {"inner", "maybe", "time", "string_value", "chosen_string", "chosen_inner", "any"}
    assert not any(name[0].isupper() or name in ("aBool", "sonderName") for name in found)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"maybe": ""}, {"maybe": ""}),
        ({"renamed": "a"}, {"renamed": "a"}),
        ({"a_colour": 7, "colours": [1, 7]}, {"a_colour": 7, "colours": ["RED", 7]}),
        ({"a_double": "NaN", "doubles": ["-Infinity"]}, {"a_double": "NaN", "doubles": ["-Infinity"]}),
        ({"a_uint64": 2**64 - 1}, {"a_uint64": "18446744073709551615"}),
        ({"a_float": 0.1}, {"a_float": 0.1}),
        ({"a_bytes": "-_8"}, {"a_bytes": "+/8="}),
        ({"time": "2026-01-31T23:59:59.120Z"}, {"time": "2026-01-31T23:59:59.120Z"}),
        ({"int64_value": 0, "bool_value": False}, {"int64_value": "0", "bool_value": False}),
        ({"value": None, "list": [1, {"a": None}]}, {"value": None, "list": [1.0, {"a": None}]}),
        ({"price": "1.50"}, {"price": "1.50"}),
    ],
)
def test_a_value_is_written_by_the_proto3_json_mapping(
    kinds: Kinds, value: dict[str, object], expected: dict[str, object]
) -> None:
    found = shown(kinds, value)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("inner", {"word": "a", "numbers": [1]}),
        ("inners", [{"word": "b", "numbers": []}]),
        ("by_string", {"a": "1"}),
        ("an_int64", "5"),
        ("time", "1970-01-01T00:00:01Z"),
        ("value", None),
        ("string_value", "a"),
        ("strings", []),
        ("a_string", ""),
    ],
)
def test_one_field_of_an_answer_can_be_the_body(kinds: Kinds, field: str, expected: object) -> None:
    given_value = {
        "inner": {"word": "a", "numbers": [1]},
        "inners": [{"word": "b"}],
        "by_string": {"a": 1},
        "an_int64": 5,
        "time": "1970-01-01T00:00:01Z",
        "value": None,
        "string_value": "a",
    }
    message = parsed(kinds, given_value)
    assert codec_of(kinds).value(message, protos.kind_of(message).fields_by_name[field]) == expected


@pytest.mark.parametrize("field", ["maybe", "inner", "time", "string_value", "chosen_int32"])
def test_a_field_that_is_the_body_but_not_set_is_null(kinds: Kinds, field: str) -> None:
    message = kinds["Kinds"]()
    assert codec_of(kinds).value(message, protos.kind_of(message).fields_by_name[field]) is None


@pytest.mark.parametrize(
    ("type_url", "content", "expected"),
    [
        ("type.googleapis.com/kinds.v1.Plain", b"\n\1a", {"word": "a", "number": 0.0, "inners": []}),
        ("type.googleapis.com/unknown.Type", b"\xff\0", {"value": "/wA="}),
        ("type.googleapis.com/kinds.v1.Plain", b"\xff\xff", {"value": "//8="}),
        ("no slash", b"a", {"value": "YQ=="}),
        ("", b"a", {"value": "YQ=="}),
        ("/", b"a", {"value": "YQ=="}),
    ],
)
def test_an_any_that_cannot_be_read_keeps_its_type_and_its_bytes(
    kinds: Kinds, type_url: str, content: bytes, expected: dict[str, object]
) -> None:
    message = kinds["Kinds"]()
    message.any.type_url, message.any.value = type_url, content  # type: ignore[attr-defined]  # made at run time
    found = codec_of(kinds).value(message, None)
    assert isinstance(found, dict)
    assert found["any"] == {"@type": type_url} | expected


def test_details_of_unknown_type_stand_beside_those_that_are_known(kinds: Kinds) -> None:
    status = status_pb2.Status(code=5, message="gone")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="GONE", domain="test"))
    status.details.add(type_url="x/unknown.Type", value=b"a")
    inner = any_pb2.Any(type_url="x/unknown.Inner", value=b"b")
    status.details.add().Pack(inner)
    status.details.add().Pack(timestamp_pb2.Timestamp(seconds=2**62))
    assert codec_of(kinds).details(status.SerializeToString()) == [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "GONE", "domain": "test", "metadata": {}},
        {"@type": "x/unknown.Type", "value": "YQ=="},
        {"@type": "type.googleapis.com/google.protobuf.Any", "value": "Cg94L3Vua25vd24uSW5uZXISAWI="},
        {"@type": "type.googleapis.com/google.protobuf.Timestamp", "value": "CICAgICAgICAQA=="},
    ]


def test_details_that_are_no_status_are_none(kinds: Kinds) -> None:
    assert codec_of(kinds).details(b"\xff\xff\xff") == []


@given(fuzzing.messages(KINDS["Kinds"]))
def test_any_message_survives_the_round_trip_exactly_as_json_formats(message: Message) -> None:
    pool = protos.pool_of(message)
    text = codec.write(codec_of(KINDS).value(message, None))
    theirs = json_format.Parse(text, type(message)(), descriptor_pool=pool)
    ours, _ = codec_of(KINDS).reader(type(message), protos.kind_of(message), "*").read(text.encode())
    assert ours.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
    assert theirs.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)


FIELDS = st.sampled_from([field.name for field in protos.kind_of(KINDS["Kinds"]).fields])
LEAVES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
LEAVES |= st.sampled_from(["1", "-1.5", "NaN", "1s", "2026-01-31T23:59:59Z", "RED", "AA==", "a,b", "1e400"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.sampled_from(["word", "1", "true", "@type"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def read(body: bytes) -> Message | None:
    """Read a body; None if it is refused with 400, which is the only other thing that may happen."""
    try:
        message, _ = codec_of(KINDS).reader(KINDS["Kinds"], protos.kind_of(KINDS["Kinds"]), "*").read(body)
    except RefusedError as error:
        if error.status != 400:
            raise
        return None
    return message


@given(st.dictionaries(FIELDS, VALUES, max_size=4))
def test_what_is_taken_is_what_json_format_makes_of_it_and_all_else_is_refused_with_400(value: dict[str, Any]) -> None:
    body = json.dumps(value).encode()
    ours = read(body)
    if ours is None:
        return
    digits = {name: value.pop(name) for name in ("price", "prices") if name in value}  # json_format takes texts alone
    theirs = json_format.Parse(json.dumps(value), KINDS["Kinds"](), descriptor_pool=protos.pool_of(KINDS["Kinds"]))
    for name in digits:
        ours.ClearField(name)
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_a_body_of_any_bytes_is_read_or_refused_with_400(body: bytes) -> None:
    read(body)


def test_an_answer_that_json_cannot_hold_is_an_error_of_its_own_kind(kinds: Kinds) -> None:
    message = kinds["Kinds"]()
    message.time.seconds = 2**62  # type: ignore[attr-defined]  # made at run time
    with pytest.raises(ValueError, match="Timestamp"):
        codec_of(kinds).value(message, None)


def test_bytes_are_written_in_the_standard_alphabet(kinds: Kinds) -> None:
    content = bytes(range(256))
    assert (
        shown(kinds, {"a_bytes": base64.b64encode(content).decode()})["a_bytes"] == base64.b64encode(content).decode()
    )
