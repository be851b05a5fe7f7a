"""Text from a path or a query into fields: every kind of field, and what is said of a text that does not fit."""

import math
from collections.abc import Sequence

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from gateway import bind
from gateway.bind import FieldPath
from gateway.errors import RefusedError, Violation
from tests.unit.gateway import protos

INT32 = "must be an integer from -2147483648 to 2147483647"
INT64 = "must be an integer from -9223372036854775808 to 9223372036854775807"
UINT32 = "must be an integer from 0 to 4294967295"
UINT64 = "must be an integer from 0 to 18446744073709551615"
REAL = "must be a number in range, or NaN, Infinity or -Infinity as text"
COLOUR = "must be one of NONE, RED, BLUE"
TIME = "must be a time as in 2026-01-31T23:59:59Z"
WAIT = "must be a duration as in 1.5s"


@pytest.fixture
def message(kinds: dict[str, type[Message]]) -> Message:
    return kinds["Kinds"]()


def filled(
    message: Message,
    query: str,
    bound: Sequence[FieldPath] = (),
    names: frozenset[str] | None = None,
    *,
    is_lenient: bool = False,
) -> list[Violation]:
    """Store a query in the message."""
    return bind.Parameters(protos.kind_of(message), bound, names, is_lenient=is_lenient).fill(message, query)


def path(message: Message, name: str) -> FieldPath:
    found: list[FieldDescriptor] = []
    kind = protos.kind_of(message)
    for step in name.split("."):
        found.append(kind.fields_by_name[step])
        kind = found[-1].message_type or kind
    return tuple(found)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a_double=1.5", {"a_double": 1.5}),
        ("a_double=-1e308", {"a_double": -1e308}),
        ("a_double=1e-400", {}),
        ("a_double=NaN", {"a_double": "NaN"}),
        ("a_double=Infinity", {"a_double": "Infinity"}),
        ("a_double=-Infinity", {"a_double": "-Infinity"}),
        ("a_float=3.4028235e38", {"a_float": 3.4028235e38}),
        ("a_float=-Infinity", {"a_float": "-Infinity"}),
        ("an_int32=-2147483648", {"an_int32": -(2**31)}),
        ("an_int32=007", {"an_int32": 7}),
        ("an_int64=9223372036854775807", {"an_int64": str(2**63 - 1)}),
        ("a_uint32=4294967295", {"a_uint32": 2**32 - 1}),
        ("a_uint64=18446744073709551615", {"a_uint64": str(2**64 - 1)}),
        ("a_sint32=-1", {"a_sint32": -1}),
        ("a_sint64=-1", {"a_sint64": "-1"}),
        ("a_fixed32=1", {"a_fixed32": 1}),
        ("a_fixed64=1", {"a_fixed64": "1"}),
        ("a_sfixed32=-1", {"a_sfixed32": -1}),
        ("a_sfixed64=-1", {"a_sfixed64": "-1"}),
        ("a_bool=true", {"a_bool": True}),
        ("a_bool=false", {}),
        ("a_string=a%20b+c%2Bd", {"a_string": "a b c+d"}),
        ("a_string=a=b=c", {"a_string": "a=b=c"}),
        ("a_string=", {}),
        ("a_string", {}),
        ("maybe=", {"maybe": ""}),
        ("a_string=%C3%A4", {"a_string": "\u00e4"}),
        ("a_string=%00", {"a_string": "\0"}),
        ("a_bytes=-_8=", {"a_bytes": "+/8="}),
        ("a_bytes=%2B/8", {"a_bytes": "+/8="}),
        ("a_bytes=", {}),
        ("a_colour=RED", {"a_colour": "RED"}),
        ("a_colour=-2", {"a_colour": "BLUE"}),
        ("a_colour=7", {"a_colour": 7}),
        ("aColour=RED", {"a_colour": "RED"}),
        ("sonderName=a", {"renamed": "a"}),
        ("renamed=a", {"renamed": "a"}),
        ("inner.word=a&inner.inner.word=b", {"inner": {"word": "a", "inner": {"word": "b"}}}),
        ("inner.word=", {"inner": {}}),
        ("inner.numbers=1&inner.numbers=2", {"inner": {"numbers": [1, 2]}}),
        ("doubles=1&doubles=NaN", {"doubles": [1, "NaN"]}),
        ("strings=b&strings=a&strings=", {"strings": ["b", "a", ""]}),
        ("bools=true&bools=false", {"bools": [True, False]}),
        ("colours=RED&colours=0", {"colours": ["RED", "NONE"]}),
        ("byteses=AA&byteses=", {"byteses": ["AA==", ""]}),
        ("int64s=1&a_bool=true&int64s=2", {"int64s": ["1", "2"], "a_bool": True}),
        ("time=2026-01-31T23:59:59.5Z", {"time": "2026-01-31T23:59:59.500Z"}),
        ("time=2026-02-01T01:59:59%2B02:00", {"time": "2026-01-31T23:59:59Z"}),
        (
            "times=2026-01-31T23:59:59Z&times=1970-01-01T00:00:00Z",
            {"times": ["2026-01-31T23:59:59Z", "1970-01-01T00:00:00Z"]},
        ),
        ("wait=-1.5s", {"wait": "-1.500s"}),
        ("mask=aColour,inner.word", {"mask": "aColour,inner.word"}),
        ("mask=a_colour,inner", {"mask": "aColour,inner"}),
        ("mask=", {"mask": ""}),
        ("double_value=NaN", {"double_value": "NaN"}),
        ("float_value=1.5", {"float_value": 1.5}),
        ("int64_value=-1", {"int64_value": "-1"}),
        ("uint64_value=0", {"uint64_value": "0"}),
        ("int32_value=0", {"int32_value": 0}),
        ("uint32_value=1", {"uint32_value": 1}),
        ("bool_value=false", {"bool_value": False}),
        ("string_value=", {"string_value": ""}),
        ("bytes_value=AA", {"bytes_value": "AA=="}),
        ("texts=a&texts=", {"texts": ["a", ""]}),
        ("chosen_int32=0", {"chosen_int32": 0}),
        ("null=NULL_VALUE", {}),
        ("price=1.50", {"price": "1.50"}),
        ("", {}),
        ("&&a_bool=true&", {"a_bool": True}),
    ],
)
def test_a_text_is_stored_in_a_field_of_any_kind(message: Message, query: str, expected: dict[str, object]) -> None:
    assert filled(message, query) == []
    assert json_format.MessageToDict(message, preserving_proto_field_name=True) == expected


@pytest.mark.parametrize(
    ("query", "field", "description"),
    [
        ("a_double=1e309", "a_double", REAL),
        ("a_double=nan", "a_double", REAL),
        ("a_double=inf", "a_double", REAL),
        ("a_double=0x1p3", "a_double", REAL),
        ("a_double=1_000", "a_double", REAL),
        ("a_double=", "a_double", REAL),
        ("a_double=%201", "a_double", REAL),
        ("a_float=1e39", "a_float", REAL),
        ("a_float=-1e39", "a_float", REAL),
        ("an_int32=2147483648", "an_int32", INT32),
        ("an_int32=1.0", "an_int32", INT32),
        ("an_int32=1e3", "an_int32", INT32),
        ("an_int32=%2B1", "an_int32", INT32),
        ("an_int32=", "an_int32", INT32),
        ("an_int32=%D9%A1", "an_int32", INT32),
        ("an_int64=9223372036854775808", "an_int64", INT64),
        ("an_int64=1000000000000000000000", "an_int64", INT64),
        ("a_uint32=-1", "a_uint32", UINT32),
        ("a_uint32=4294967296", "a_uint32", UINT32),
        ("a_uint64=18446744073709551616", "a_uint64", UINT64),
        ("a_sint32=2147483648", "a_sint32", INT32),
        ("a_sint64=9223372036854775808", "a_sint64", INT64),
        ("a_fixed32=-1", "a_fixed32", UINT32),
        ("a_fixed64=-1", "a_fixed64", UINT64),
        ("a_sfixed32=-2147483649", "a_sfixed32", INT32),
        ("a_sfixed64=-9223372036854775809", "a_sfixed64", INT64),
        ("a_bool=True", "a_bool", "must be true or false"),
        ("a_bool=1", "a_bool", "must be true or false"),
        ("a_bool=", "a_bool", "must be true or false"),
        ("a_bytes=A", "a_bytes", "must be base64"),
        ("a_bytes=A===", "a_bytes", "must be base64"),
        ("a_bytes=!!!!", "a_bytes", "must be base64"),
        ("a_colour=red", "a_colour", COLOUR),
        ("a_colour=", "a_colour", COLOUR),
        ("a_colour=2147483648", "a_colour", COLOUR),
        ("colours=RED&colours=GREEN", "colours", COLOUR),
        ("int64s=1&int64s=x", "int64s", INT64),
        ("time=yesterday", "time", TIME),
        ("time=2026-01-31T23:59:59", "time", TIME),
        ("time=0000-01-31T23:59:59Z", "time", TIME),
        ("time=", "time", TIME),
        ("times=2026-01-31T23:59:59Z&times=x", "times", TIME),
        ("wait=1", "wait", WAIT),
        ("wait=315576000001s", "wait", WAIT),
        ("wait=NaNs", "wait", WAIT),
        ("int32_value=x", "int32_value", INT32),
        ("bool_value=x", "bool_value", "must be true or false"),
        ("inner.numbers=x", "inner.numbers", INT32),
        ("aColour=red", "a_colour", COLOUR),
        # What a text cannot hold.
        ("inner=x", "inner", "is a kinds.v1.Kinds.Inner, which a text cannot hold"),
        ("inners=x", "inners", "is a list of kinds.v1.Kinds.Inner, which a text cannot hold"),
        ("by_string=x", "by_string", "is a map, which a text cannot hold"),
        ("object=x", "object", "is a google.protobuf.Struct, which a text cannot hold"),
        ("value=x", "value", "is a google.protobuf.Value, which a text cannot hold"),
        ("any=x", "any", "is a google.protobuf.Any, which a text cannot hold"),
        # Names that lead nowhere.
        ("nothing=1", "nothing", "there is no such parameter"),
        ("A_BOOL=true", "A_BOOL", "there is no such parameter"),
        ("=1", "", "there is no such parameter"),
        ("inner.nothing=1", "inner.nothing", "there is no such parameter"),
        ("inner.=1", "inner.", "there is no such parameter"),
        (".inner=1", ".inner", "there is no such parameter"),
        ("a_bool.x=1", "a_bool.x", "there is no such parameter"),
        ("inners.word=1", "inners.word", "there is no such parameter"),
        ("by_string.key=1", "by_string.key", "there is no such parameter"),
        ("inner[word]=1", "inner[word]", "there is no such parameter"),
        # Two values where there is place for one.
        ("a_bool=true&a_bool=true", "a_bool", "is given more than once"),
        ("a_colour=RED&aColour=RED", "a_colour", "is given more than once"),
        ("time=1970-01-01T00:00:00Z&time=1970-01-01T00:00:00Z", "time", "is given more than once"),
        ("chosen_string=a&chosen_int32=1", "chosen_int32", "excludes chosen_string, which is set as well"),
        ("chosen_inner.word=a&chosen_int32=1", "chosen_int32", "excludes chosen_inner, which is set as well"),
        ("chosen_int32=0&chosen_inner.word=a", "chosen_inner.word", "excludes chosen_int32, which is set as well"),
    ],
)
def test_a_text_that_does_not_fit_is_a_violation_that_says_what_would(
    message: Message, query: str, field: str, description: str
) -> None:
    assert filled(message, query) == [Violation(field, description)]


def test_everything_wrong_with_a_query_is_told_at_once(message: Message) -> None:
    found = filled(message, "a_bool=x&nothing=1&an_int32=x&a_string=fine")
    assert {violation.field for violation in found} == {"a_bool", "nothing", "an_int32"}


def test_an_unknown_parameter_is_ignored_where_leniency_is_asked_for(message: Message) -> None:
    assert filled(message, "nothing=1&a_bool=true", is_lenient=True) == []
    assert filled(message, "a_colour=red", is_lenient=True) == [Violation("a_colour", COLOUR)]


@pytest.mark.parametrize("query", ["a_string=b", "inner.word=b", "inner.inner.word=b", "aString=b"])
def test_a_parameter_never_overwrites_what_the_path_or_the_body_sets(message: Message, query: str) -> None:
    bound = [path(message, "a_string"), path(message, "inner")]
    assert filled(message, query, bound=bound) == []
    assert message == type(message)()


def test_only_the_parameters_that_are_named_are_read_where_they_are_named(message: Message) -> None:
    assert filled(message, "a_bool=true&an_int32=1&nothing=1", names=frozenset({"a_bool"})) == []
    assert json_format.MessageToDict(message) == {"aBool": True}


@pytest.mark.parametrize("query", ["a_string=%", "a_string=%2", "%zz=1", "a_string=%FF", "%FF=1", "a_string=%ED%A0%80"])
def test_a_query_with_broken_escapes_is_refused(message: Message, query: str) -> None:
    with pytest.raises(RefusedError) as refused:
        filled(message, query)
    assert refused.value.status == 400


def test_a_value_from_the_path_is_stored_at_its_dotted_place(message: Message) -> None:
    bind.write(message, path(message, "inner.inner.word"), ["a"])
    assert json_format.MessageToDict(message) == {"inner": {"inner": {"word": "a"}}}


def test_a_value_from_the_path_replaces_what_the_body_says_there(message: Message) -> None:
    json_format.ParseDict({"a_double": math.pi}, message)
    bind.write(message, path(message, "a_double"), ["1"])
    assert json_format.MessageToDict(message) == {"aDouble": 1.0}


def test_the_enum_value_that_stands_for_no_choice_is_not_offered() -> None:
    source = 'syntax = "proto3"; message M { E e = 1; } enum E { E_UNSPECIFIED = 0; ONE = 1; TWO = 2; }'
    message = protos.messages(protos.compiled(source))["M"]()
    assert filled(message, "e=THREE") == [Violation("e", "must be one of ONE, TWO")]


@pytest.mark.parametrize(("text", "is_taken"), [("ONE", True), ("1", True), ("2", False), ("TWO", False)])
def test_a_closed_enum_takes_the_numbers_of_its_names_only(text: str, is_taken: bool) -> None:
    closed = 'syntax = "proto2"; message M { enum E { ZERO = 0; ONE = 1; } optional E e = 1; }'
    message = protos.messages(protos.compiled(closed))["M"]()
    assert filled(message, f"e={text}") == ([] if is_taken else [Violation("e", "must be one of ZERO, ONE")])
