"""JSON bodies into messages: the proto3 JSON mapping, its edges, and what is said of a body that does not fit."""

import json
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from gateway.codec import Codec, Reader
from gateway.errors import RefusedError, Violation
from tests.unit.gateway import protos
from tests.unit.gateway.test_bind import COLOUR, INT32, INT64, REAL, TIME, UINT32, UINT64, WAIT

Kinds = dict[str, type[Message]]

DEPTH_MAX = 40


def reader(kinds: Kinds, name: str = "Kinds", body: str = "*", *, is_lenient: bool = False) -> Reader:
    kind = protos.kind_of(kinds[name])
    return Codec(protos.pool_of(kinds[name]), depth_max=DEPTH_MAX, is_lenient=is_lenient).reader(
        kinds[name], kind, body
    )


def read(kinds: Kinds, body: str) -> Any:
    message, _ = reader(kinds).read(body.encode())
    return json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=protos.pool_of(message))


def violations(kinds: Kinds, body: str) -> list[Violation]:
    with pytest.raises(RefusedError) as refused:
        reader(kinds).read(body.encode())
    assert refused.value.status == 400
    found = refused.value.details[0]["field_violations"] if refused.value.details else []
    return [Violation(each["field"], each["description"]) for each in found]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", {}),
        (" \n\t", {}),
        ("{}", {}),
        (' { "a_bool" : true } ', {"a_bool": True}),
        ('{"aBool": true, "sonderName": "a"}', {"a_bool": True, "renamed": "a"}),
        ('{"a_bool": null, "inner": null, "strings": null, "by_string": null, "time": null, "maybe": null}', {}),
        # 64-bit integers as text or number; integers with a fraction of zero or an exponent.
        ('{"an_int64": "9223372036854775807"}', {"an_int64": "9223372036854775807"}),
        ('{"an_int64": 9223372036854775807}', {"an_int64": "9223372036854775807"}),
        ('{"a_uint64": 18446744073709551615}', {"a_uint64": "18446744073709551615"}),
        ('{"an_int32": "-1"}', {"an_int32": -1}),
        ('{"an_int32": 1.0}', {"an_int32": 1}),
        ('{"an_int32": 1e3}', {"an_int32": 1000}),
        ('{"an_int32": -0}', {}),
        # Numbers.
        ('{"a_double": 1}', {"a_double": 1.0}),
        ('{"a_double": "1.5"}', {"a_double": 1.5}),
        ('{"a_double": "NaN", "a_float": "-Infinity"}', {"a_double": "NaN", "a_float": "-Infinity"}),
        ('{"a_double": 1e308}', {"a_double": 1e308}),
        ('{"doubles": [1, "Infinity"]}', {"doubles": [1.0, "Infinity"]}),
        # Text and bytes.
        ('{"a_string": "\\ud83d\\ude00\\u0000"}', {"a_string": "\U0001f600\0"}),
        ('{"a_bytes": "-_8"}', {"a_bytes": "+/8="}),
        ('{"a_bytes": "+/8="}', {"a_bytes": "+/8="}),
        # Enums by name or number; an unknown number is kept.
        ('{"a_colour": "BLUE", "colours": [1, 7]}', {"a_colour": "BLUE", "colours": ["RED", 7]}),
        # Messages, lists, maps.
        ('{"inner": {}}', {"inner": {}}),
        ('{"inners": [{}, {"word": "a"}]}', {"inners": [{}, {"word": "a"}]}),
        ('{"by_string": {"": 1, "a.b": "2"}}', {"by_string": {"": "1", "a.b": "2"}}),
        (
            '{"by_int32": {"-1": {}}, "by_bool": {"true": "AA=="}}',
            {"by_int32": {"-1": {}}, "by_bool": {"true": "AA=="}},
        ),
        ('{"by_uint64": {"18446744073709551615": "RED"}}', {"by_uint64": {"18446744073709551615": "RED"}}),
        # What JSON writes in a way of its own.
        ('{"time": "2026-01-31T23:59:59.123456789Z"}', {"time": "2026-01-31T23:59:59.123456789Z"}),
        ('{"time": "2026-02-01T00:59:59+01:00"}', {"time": "2026-01-31T23:59:59Z"}),
        ('{"wait": "-0.5s"}', {"wait": "-0.500s"}),
        ('{"mask": "aBool,inner.word"}', {"mask": "aBool,inner.word"}),
        ('{"object": {"a": [null, 1, {"b": true}]}}', {"object": {"a": [None, 1.0, {"b": True}]}}),
        ('{"value": null}', {"value": None}),
        ('{"value": [1, null]}', {"value": [1.0, None]}),
        ('{"list": [{"a": null}]}', {"list": [{"a": None}]}),
        ('{"chosen_null": null}', {"chosen_null": None}),
        ('{"empty": {}}', {"empty": {}}),
        (
            '{"any": {"@type": "type.googleapis.com/kinds.v1.Plain", "word": "a"}}',
            {"any": {"@type": "type.googleapis.com/kinds.v1.Plain", "word": "a"}},
        ),
        (
            '{"any": {"@type": "x/google.protobuf.Duration", "value": "1s"}}',
            {"any": {"@type": "x/google.protobuf.Duration", "value": "1s"}},
        ),
        # Wrappers.
        (
            '{"int64_value": "0", "uint32_value": 0, "bool_value": false}',
            {"int64_value": "0", "uint32_value": 0, "bool_value": False},
        ),
        ('{"string_value": "", "bytes_value": ""}', {"string_value": "", "bytes_value": ""}),
        ('{"double_value": "NaN", "float_value": null}', {"double_value": "NaN"}),
        # One member of a oneof; null is none.
        ('{"chosen_string": "", "chosen_int32": null}', {"chosen_string": ""}),
        ('{"chosen_inner": {}}', {"chosen_inner": {}}),
        # The digits of a number that may stand for a text.
        ('{"price": 5000.50}', {"price": "5000.50"}),
        (
            '{"price": 0.1000000000000000055511151231257827021181583404541015625}',
            {"price": "0.1000000000000000055511151231257827021181583404541015625"},
        ),
        ('{"price": 123456789012345678901234567890}', {"price": "123456789012345678901234567890"}),
        ('{"price": 1E2}', {"price": "1E2"}),
        ('{"price": -0}', {"price": "-0"}),
        ('{"price": "5000.50"}', {"price": "5000.50"}),
        ('{"price": null}', {}),
        ('{"prices": [1.10, "2.20", 3]}', {"prices": ["1.10", "2.20", "3"]}),
        ('{"price": 1.10, "a_double": 1.10, "value": 1.10}', {"price": "1.10", "a_double": 1.1, "value": 1.1}),
    ],
)
def test_a_body_is_read_by_the_proto3_json_mapping(kinds: Kinds, body: str, expected: dict[str, object]) -> None:
    assert read(kinds, body) == expected


@pytest.mark.parametrize(
    ("body", "field", "description"),
    [
        # A body that is no object.
        ("[]", "", "must be an object"),
        ('"text"', "", "must be an object"),
        ("1", "", "must be an object"),
        ("null", "", "must be an object"),
        ("true", "", "must be an object"),
        # Names.
        ('{"nothing": 1}', "nothing", "there is no such field"),
        ('{"A_BOOL": true}', "A_BOOL", "there is no such field"),
        ('{"": 1}', "", "there is no such field"),
        ('{"inner": {"inner": {"nothing": 1}}}', "inner.inner.nothing", "there is no such field"),
        ('{"inners": [{}, {"nothing": 1}]}', "inners[1].nothing", "there is no such field"),
        ('{"a_bool": true, "a_bool": true}', "a_bool", "is given more than once"),
        ('{"a_bool": true, "aBool": true}', "a_bool", "is given more than once"),
        ('{"inners": [{"inner": {}}], "a_bool": null, "aBool": true}', "a_bool", "is given more than once"),
        ('{"inner": {"word": "a", "word": "a"}}', "inner.word", "is given more than once"),
        ('{"object": {"a": 1, "a": 1}}', "object.a", "is given more than once"),
        ('{"by_string": {"a": 1, "a": 1}}', "by_string.a", "is given more than once"),
        ('{"chosen_string": "a", "chosen_int32": 1}', "chosen_int32", "excludes chosen_string, which is set as well"),
        ('{"chosen_string": "", "chosenInt32": 0}', "chosen_int32", "excludes chosen_string, which is set as well"),
        # Scalars.
        ('{"an_int32": 2147483648}', "an_int32", INT32),
        ('{"an_int32": 1.5}', "an_int32", INT32),
        ('{"an_int32": true}', "an_int32", INT32),
        ('{"an_int32": ""}', "an_int32", INT32),
        ('{"an_int32": " 1"}', "an_int32", INT32),
        ('{"an_int32": "1_0"}', "an_int32", INT32),
        ('{"an_int32": "0x1"}', "an_int32", INT32),
        ('{"an_int32": []}', "an_int32", INT32),
        ('{"an_int64": "9223372036854775808"}', "an_int64", INT64),
        ('{"an_int64": 1e300}', "an_int64", INT64),
        ('{"a_uint32": -1}', "a_uint32", UINT32),
        ('{"a_uint64": 18446744073709551616}', "a_uint64", UINT64),
        ('{"a_double": "1e309"}', "a_double", REAL),
        ('{"a_double": "nan"}', "a_double", REAL),
        ('{"a_double": "inf"}', "a_double", REAL),
        ('{"a_double": "1_000"}', "a_double", REAL),
        ('{"a_double": false}', "a_double", REAL),
        ('{"a_float": 1e39}', "a_float", REAL),
        ('{"a_float": "1e39"}', "a_float", REAL),
        (f'{{"a_float": {10**39}}}', "a_float", REAL),
        (f'{{"a_double": {10**399}}}', "a_double", REAL),
        ('{"float_value": "-1e39"}', "float_value", REAL),
        ('{"doubles": [1, "-1e309"]}', "doubles[1]", REAL),
        ('{"a_bool": "true"}', "a_bool", "must be true or false"),
        ('{"a_bool": 1}', "a_bool", "must be true or false"),
        ('{"a_string": 1}', "a_string", "must be a text"),
        ('{"a_string": true}', "a_string", "must be a text"),
        ('{"strings": [1.50]}', "strings[0]", "must be a text"),
        ('{"a_string": "\\ud800"}', "a_string", "must not hold half a surrogate pair"),
        ('{"a_bytes": "!"}', "a_bytes", "must be base64"),
        ('{"a_bytes": "A"}', "a_bytes", "must be base64"),
        ('{"a_bytes": 1}', "a_bytes", "must be base64"),
        ('{"a_colour": "red"}', "a_colour", COLOUR),
        ('{"a_colour": ""}', "a_colour", COLOUR),
        ('{"a_colour": true}', "a_colour", COLOUR),
        ('{"a_colour": 1.5}', "a_colour", COLOUR),
        ('{"a_colour": 2147483648}', "a_colour", COLOUR),
        ('{"colours": ["RED", "GREEN"]}', "colours[1]", COLOUR),
        ('{"price": true}', "price", "must be a text or a number"),
        ('{"price": [1]}', "price", "must be a text or a number"),
        ('{"prices": [1, true]}', "prices[1]", "must be a text or a number"),
        # Messages, lists, maps.
        ('{"inner": ""}', "inner", "must be an object"),
        ('{"inner": []}', "inner", "must be an object"),
        ('{"inner": false}', "inner", "must be an object"),
        ('{"inners": {}}', "inners", "must be a list"),
        ('{"inners": ""}', "inners", "must be a list"),
        ('{"inners": [null]}', "inners[0]", "must be an object"),
        ('{"strings": "abc"}', "strings", "must be a list"),
        ('{"strings": [null]}', "strings[0]", "must be a text"),
        ('{"by_string": []}', "by_string", "must be an object"),
        ('{"by_string": {"a": null}}', "by_string['a']", INT64),
        ('{"by_string": {"a": "x"}}', "by_string['a']", INT64),
        ('{"by_int32": {"x": {}}}', "by_int32['x']", f"the key {INT32}"),
        ('{"by_int32": {"1.5": {}}}', "by_int32['1.5']", f"the key {INT32}"),
        ('{"by_int32": {"1": {"word": 1}}}', "by_int32['1'].word", "must be a text"),
        ('{"by_bool": {"yes": ""}}', "by_bool['yes']", "the key must be true or false"),
        ('{"by_uint64": {"-1": "RED"}}', "by_uint64['-1']", f"the key {UINT64}"),
        ('{"by_uint64": {"1": "GREEN"}}', "by_uint64['1']", COLOUR),
        # What JSON writes in a way of its own.
        ('{"time": "2026-01-31"}', "time", TIME),
        ('{"time": 1}', "time", TIME),
        ('{"times": ["x"]}', "times[0]", TIME),
        ('{"wait": "1"}', "wait", WAIT),
        ('{"wait": 1}', "wait", WAIT),
        ('{"waits": {"a": "1"}}', "waits['a']", WAIT),
        ('{"mask": ["a"]}', "mask", "must be field paths separated by commas"),
        ('{"object": []}', "object", "must be the JSON form of google.protobuf.Struct"),
        ('{"list": {}}', "list", "must be the JSON form of google.protobuf.ListValue"),
        ('{"any": {"word": "a"}}', "any", "must be the JSON form of google.protobuf.Any"),
        ('{"any": {"@type": "x/unknown.Type"}}', "any", "must be the JSON form of google.protobuf.Any"),
        ('{"any": "x"}', "any", "must be the JSON form of google.protobuf.Any"),
        ('{"int32_value": "x"}', "int32_value", INT32),
        ('{"string_value": 1}', "string_value", "must be a text"),
        ('{"bool_value": {"value": true}}', "bool_value", "must be true or false"),
        # JSON that is none.
        ('{"a_double": NaN}', "a_double", "NaN is not JSON"),
        ('{"a_double": -Infinity}', "a_double", "-Infinity is not JSON"),
        ('{"a_double": 1e309}', "a_double", "must be a number in range"),
        ('{"value": [1, 1e999]}', "value[1]", "must be a number in range"),
        (f'{{"an_int64": {"9" * 5000}}}', "an_int64", "must be a number in range"),
    ],
)
def test_a_body_that_does_not_fit_is_a_violation_with_its_dotted_path(
    kinds: Kinds, body: str, field: str, description: str
) -> None:
    assert violations(kinds, body) == [Violation(field, description)]


def test_everything_wrong_with_a_body_is_told_at_once(kinds: Kinds) -> None:
    body = '{"a_bool": 1, "inner": {"word": 1, "nothing": 1}, "strings": ["a", 1], "colours": ["GREEN"], "an_int32": 1}'
    found = [violation.field for violation in violations(kinds, body)]
    assert found == ["a_bool", "inner.word", "inner.nothing", "strings[1]", "colours[0]"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body is not JSON: Expecting property name enclosed in double quotes in line 1, column 2"),
        (b'{"a": 1,}', "the body is not JSON"),
        (b"{'a': 1}", "the body is not JSON"),
        (b"{} {}", "the body is not JSON: Extra data in line 1, column 4"),
        (b"{}x", "the body is not JSON: Extra data in line 1, column 3"),
        (b"{}\0", "the body is not JSON"),
        (b'{"a_string": "a\nb"}', "the body is not JSON: Invalid control character"),
        (b'{"a_string": "\\x"}', "the body is not JSON"),
        (b'{"an_int32": 01}', "the body is not JSON"),
        (b'{"an_int32": +1}', "the body is not JSON"),
        (b'{"a_double": .5}', "the body is not JSON"),
        (b'{"a_double": 0x1}', "the body is not JSON"),
        (b"// comment\n{}", "the body is not JSON"),
        (b"\xef\xbb\xbf{}", "the body is not JSON"),
        (b'{"a_string": "\xff"}', "the body is not UTF-8"),
        (b'{"a_string": "\xed\xa0\x80"}', "the body is not UTF-8"),
        ("{}".encode("utf-16"), "the body is not UTF-8"),
    ],
)
def test_a_body_that_is_not_json_is_refused_with_the_place(kinds: Kinds, body: bytes, message: str) -> None:
    with pytest.raises(RefusedError, match="the body is not") as refused:
        reader(kinds).read(body)
    assert refused.value.status == 400
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize(
    ("body", "is_taken"),
    [
        ('{"value": ' + "[" * (DEPTH_MAX - 2) + "]" * (DEPTH_MAX - 2) + "}", True),
        ('{"value": ' + "[" * DEPTH_MAX + "]" * DEPTH_MAX + "}", False),
        ('{"inner":' * DEPTH_MAX + "{}" + "}" * DEPTH_MAX, False),
        ('{"value": ' + "[" * 100_000, False),
        ('{"value": ' + '{"a":' * 100_000, False),
        ("[" * 10_000 + "]" * 10_000, False),
        # Brackets in texts do not count.
        ('{"a_string": "' + "[" * 1000 + '\\"[{"}', True),
        # Nor does the number of values.
        ('{"value": [' + ",".join(["[]"] * 1000) + "]}", True),
        ('{"value": ' + "]" * 100, False),
    ],
)
def test_the_nesting_of_a_body_is_bounded(kinds: Kinds, body: str, is_taken: bool) -> None:
    if is_taken:
        reader(kinds).read(body.encode())
    else:
        assert violations(kinds, body) == []


def test_a_body_that_makes_a_message_too_deep_for_other_implementations_is_refused(kinds: Kinds) -> None:
    kind = protos.kind_of(kinds["Kinds"])
    deep = Codec(protos.pool_of(kinds["Kinds"]), depth_max=200, is_lenient=False).reader(kinds["Kinds"], kind, "*")
    with pytest.raises(RefusedError, match="nested too deeply"):
        deep.read(('{"value": ' + '{"a":' * 60 + "1" + "}" * 61).encode())


def test_an_unknown_field_is_ignored_where_leniency_is_asked_for_and_an_unknown_enum_name_is_not(kinds: Kinds) -> None:
    lenient = reader(kinds, is_lenient=True)
    message, _ = lenient.read(b'{"nothing": 1, "inner": {"nothing": {}, "word": "a"}}')
    assert json_format.MessageToDict(message) == {"inner": {"word": "a"}}
    for body in (b'{"a_colour": "GREEN"}', b'{"colours": ["GREEN"]}', b'{"by_uint64": {"1": "GREEN"}}'):
        with pytest.raises(RefusedError, match="must be one of NONE, RED, BLUE"):
            lenient.read(body)


def test_a_body_may_be_one_field_of_the_request(kinds: Kinds) -> None:
    as_list, _ = reader(kinds, body="inners").read(b'[{"word": "a"}]')
    as_scalar, _ = reader(kinds, body="an_int64").read(b'"5"')
    as_price, _ = reader(kinds, body="price").read(b"1.50")
    as_nothing, _ = reader(kinds, body="inner").read(b"")
    found = [json.loads(json_format.MessageToJson(each)) for each in (as_list, as_scalar, as_price, as_nothing)]
    assert found == [{"inners": [{"word": "a"}]}, {"anInt64": "5"}, {"price": "1.50"}, {}]
    with pytest.raises(RefusedError, match=r"inner\.word: must be a text"):
        reader(kinds, body="inner").read(b'{"word": 1}')
    with pytest.raises(RefusedError, match="inner: must be an object"):
        reader(kinds, body="inner").read(b"[]")


@pytest.mark.parametrize(
    ("body", "mask"),
    [
        ('{"word": "a"}', ["word"]),
        ('{"word": null, "numbers": []}', ["word", "numbers"]),
        ('{"inner": {"word": "a", "inner": {}}}', ["inner.word", "inner.inner"]),
        ("{}", []),
    ],
)
def test_the_names_in_a_body_are_the_paths_of_a_field_mask(kinds: Kinds, body: str, mask: list[str]) -> None:
    chosen = reader(kinds, body="inner")
    _, value = chosen.read(body.encode())
    assert chosen.mask(value) == mask
