"""The schemas of the OpenAPI document: they admit what the gateway and the rules take, and nothing else."""

import pytest
from google.protobuf import descriptor_pb2, json_format, message_factory

from gateway.codec import Codec
from gateway.openapi import constraints
from tests.unit.gateway.documents import Document, Reader, component, document_of, file_of, validator

RULED: Document = {
    "length": "abc",
    "exact": "abc",
    "pattern": "  -",
    "foreign": "ABC",
    "parts": "a.-z",
    "uuid": "0192f0c1-7d2b-7c3a-9a51-3f0f5a3b2c1d",
    "email": "a@example.com",
    "ip": "127.0.0.1",
    "host_and_port": "localhost:1",
    "const": "x",
    "in": "a",
    "between": 1,
    "outside": 10,
    "wide": 5,
    "yes": True,
    "list": ["a"],
    "map": {"a": 1},
    "genre": "FICTION",
    "genre_in": "SCIENCE",
    "genre_const": "FICTION",
    "must": "",
    "key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "left": "",
}
MISSING = object()

# For each field of Ruled, values at the edges of what its rules let through.
EDGES: dict[str, list[object]] = {
    "length": ["a", "ab", "abcde", "abcdef", "\U0001f600" * 2, "\U0001f600" * 6, "", None, MISSING, 1],
    "exact": ["ab", "abc", "abcd", MISSING],
    "pattern": [" -", "\t\r,-", "-", " --", "\u00a0 -", " -\n", "\v-", None, MISSING],
    "parts": ["a.-z", "a.z", "b.-z", "a.-y", "a.+-z", "ab-z"],
    "uuid": ["0192F0C1-7D2B-7C3A-9A51-3F0F5A3B2C1D", "0192f0c17d2b7c3a9a513f0f5a3b2c1d", "x", "", None, MISSING],
    "uuid_or_empty": ["0192f0c1-7d2b-7c3a-9a51-3f0f5a3b2c1d", "x", "", None, MISSING],
    "email": ["a@b", "a+b@example.com", "a", "a@", "@b", "a@b.", "a b@c", "\u00e4@b", MISSING],
    "ip": ["::1", "1.2.3", "", MISSING],
    "not_uuid": ["x", "", None, MISSING, 1],
    "const": ["x", "y", "", None, MISSING],
    "in": ["a", "b", "c", "", None, MISSING],
    "not_in": ["a", "c", "", None, MISSING],
    "between": [0, 1, 9, 10, 1.0, 1.5, None, MISSING, True],
    "outside": [-1, 0, 5, 9, 10, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, None, MISSING],
    "wide": [4, 5, 2**63 - 1, 2**63, MISSING],
    "finite": [0, 1.5, -1e308, None, MISSING, "NaN", "x", True],
    "yes": [True, False, None, MISSING, "true", 1],
    "no": [True, False, None, MISSING],
    "list": [[], ["a"], ["a", "b", "c"], ["a", "b", "c", "d"], ["a", "a"], ["abcde"], [None], "a", None, MISSING],
    "map": [{}, {"a": 0}, {"a": -1}, {"a": 1, "b": 2, "c": 3}, {"abcde": 1}, {"a": None}, [], None, MISSING],
    "genre": ["FICTION", "SCIENCE", "GENRE_UNSPECIFIED", "fiction", "", None, MISSING, True],
    "genre_in": ["FICTION", "SCIENCE", "GENRE_UNSPECIFIED", None, MISSING],
    "genre_const": ["FICTION", "SCIENCE", None, MISSING],
    "maybe": ["", "a", None, MISSING],
    "must": ["", "a", None, MISSING],
    "unchecked": [{}, {"code": "a"}, {"code": 1}, {"codes": "a"}, None, MISSING, "abc", []],
    "rows": [[], [{}], [{"code": "a"}], [{"code": 1}], [None], None, MISSING],
    "right": ["", MISSING],
    "left": ["a", MISSING],
    "unknown": ["a", None, 1],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in EDGES.items() for value in values])
def test_the_schema_admits_what_the_gateway_and_the_rules_accept_and_nothing_else(
    books: Document, library: bytes, field: str, value: object
) -> None:
    asked = {name: held for name, held in (RULED | {field: value}).items() if held is not MISSING}
    schema = {"$ref": "#/components/schemas/library.v1.Ruled-Input"}
    reader = Reader(file_of(library), "Ruled")
    assert reader.accepts(RULED)
    assert validator(books, schema).is_valid(asked) == reader.accepts(asked)


# For each kind of field of Book, values at the edges of what the proto3 JSON mapping takes.
KINDS: dict[str, list[object]] = {
    "name": ["", "x", None, 1, True, [], {}],
    "pages": [0, -(2**31), 2**31 - 1, 2**31, -(2**31) - 1, 1.0, 1.5, 1e3, None, True, "x", []],
    "copies": [0, 2**32 - 1, 2**32, -1, None],
    "isbn": [0, "0", "-5", "123456789012345678", "x", "1.5", "", " 1", 2**63, -(2**63), 2**63 - 1, 1.5, None, True],
    "barcode": [0, "0", -1, "-1", 2**64 - 1, 2**64, None],
    "weight": [0, 1.5, -1e308, "NaN", "Infinity", "-Infinity", "nan", "x", "", None, True, []],
    "width": [0, 1e38, 1e39, -1e39, "NaN", None, True],
    "is_lent": [True, False, None, 1, 0, "true", "yes"],
    "cover": ["", "AA==", "AAA=", "AAAA", "AA", "A", "!", "AA AA", None, 1],
    "genre": ["FICTION", "GENRE_UNSPECIFIED", "fiction", "NOVEL", "", None, True, 1.5, []],
    "tags": [[], ["a", "b"], [1], [None], "a", {}, None],
    "marks": [{}, {"a": 1}, {"a": "x"}, {"a": None}, [], None],
    "chapters_by_page": [{"1": {}}, {"-1": {}}, {"x": {}}, {"1": {"titles": ""}}, {"1": None}, None],
    "notes": [{"true": "a"}, {"false": "a"}, {"yes": "a"}, {"true": 1}, None],
    "reading_time": ["1s", "-1.5s", "1.123456789s", "1", "s", "1m", "1000000000000s", 1, None],
    "known": ["", "a", "aB,c.d", 1, None],
    "facts": [{}, {"a": [1, None, {"b": "c"}]}, [], 1, None],
    "fact": [{}, 1, "a", None, [True]],
    "list": [[], [1, "a", None], {}, None],
    "nothing": [None],
    "attachment": [{"@type": "type.googleapis.com/library.v1.Inner", "code": "a"}, {"code": "a"}, [], "a", None],
    "subtitle": ["", "a", None, 1],
    "lent_count": [1, "1", None, "x", 1.5],
    "score": [1, "NaN", None, "x"],
    "preface": [{}, {"title": "a", "chapters": [{"chapters": []}]}, {"chapters": [{"x": 1}]}, [], "a", None],
    "author": ["a", 1],
    "price": ["12.50", 12.50, 12, True, [], None],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in KINDS.items() for value in values])
def test_the_schema_of_a_kind_admits_what_the_gateway_takes_and_nothing_else(
    books: Document, library: bytes, field: str, value: object
) -> None:
    asked = {field: value}
    schema = {"$ref": "#/components/schemas/library.v1.Book-Input"}
    assert validator(books, schema).is_valid(asked) == Reader(file_of(library), "Book").accepts(asked)


@pytest.mark.parametrize(
    "asked",
    [
        {"genre": 1},
        {"pages": "1"},
        {"isLent": True},
        {"printedAt": "2026-01-31T23:59:59Z"},
        {"cover": "_-8="},
        {"reading_time": "315576000000s"},
        {"author": None, "editor": "a"},
    ],
)
def test_a_few_other_ways_to_write_a_value_are_taken_but_not_recommended(
    books: Document, library: bytes, asked: Document
) -> None:
    schema = {"$ref": "#/components/schemas/library.v1.Book-Input"}
    assert Reader(file_of(library), "Book").accepts(asked)
    assert not validator(books, schema).is_valid(asked)


def test_two_members_of_a_oneof_are_not_admitted(books: Document, library: bytes) -> None:
    asked = {"author": "a", "editor": "b"}
    assert not Reader(file_of(library), "Book").accepts(asked)
    assert not validator(books, {"$ref": "#/components/schemas/library.v1.Book-Input"}).is_valid(asked)


FULL: Document = {
    "name": "a",
    "title": "b",
    "genre": "SCIENCE",
    "pages": -1,
    "copies": 1,
    "isbn": "-9223372036854775808",
    "barcode": "18446744073709551615",
    "weight": "NaN",
    "width": 1.5,
    "is_lent": True,
    "cover": "_-8=",
    "tags": ["a"],
    "marks": {"a": 1},
    "chapters_by_page": {"-1": {"title": "a"}},
    "notes": {"true": "a"},
    "printed_at": "2026-01-31T23:59:59Z",
    "reading_time": "315576000000s",
    "known": "aB,c.d",
    "facts": {"a": [None]},
    "fact": None,
    "list": [1],
    "nothing": None,
    "subtitle": "",
    "lent_count": "1",
    "attachment": {"@type": "type.googleapis.com/library.v1.Inner", "code": "a"},
    "score": "-Infinity",
    "preface": {"chapters": [{"title": "a"}]},
    "editor": "a",
    "price": "1",
}


@pytest.mark.parametrize("value", [{}, FULL])
def test_what_the_gateway_writes_is_what_the_schema_of_the_answer_describes(
    books: Document, library: bytes, value: Document
) -> None:
    file = file_of(library)
    message = message_factory.GetMessageClass(file.message_types_by_name["Book"])()
    json_format.ParseDict(value, message, descriptor_pool=file.pool)
    answered = Codec(file.pool, depth_max=100, is_lenient=False).value(message, None)
    validator(books, {"$ref": "#/components/schemas/library.v1.Book"}).validate(answered)
    assert isinstance(answered, dict)
    assert set(component(books, "Book")["required"]) <= answered.keys() <= component(books, "Book")["properties"].keys()


def test_an_answer_always_has_the_fields_that_cannot_be_absent(books: Document) -> None:
    assert component(books, "Book.Chapter")["required"] == ["title", "chapters"]
    assert "additionalProperties" not in component(books, "Book.Chapter")
    assert "title" not in component(books, "Book")["required"]
    assert "printed_at" not in component(books, "Book")["required"]


def test_rules_do_not_constrain_answers(books: Document, library: bytes) -> None:
    descriptor_set = descriptor_pb2.FileDescriptorSet.FromString(library)
    descriptor_set.file[-1].service[0].method[0].output_type = ".library.v1.Inner"
    found = document_of(descriptor_set.SerializeToString())
    assert component(found, "Inner")["properties"]["code"].keys() == {"type", "description", "examples"}
    assert component(books, "Inner-UncheckedInput")["properties"]["code"].keys() == {"type", "description", "examples"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("^[0-9]+$", "^[0-9]+$"),
        (r"^\s[\s,]\S$", r"^[\t\n\f\r ][\t\n\f\r ,][^\t\n\f\r ]$"),
        (r"\-\@\.[\-a]", r"-@\.[\-a]"),
        (r"(?:a|b)", r"(?:a|b)"),
        ("(?i)abc", None),
        ("(?P<name>a)", None),
        (r"\Aa\z", None),
        (r"\pL", None),
        ("[[:alpha:]]", None),
        ("[]a]", None),
        (r"[\Sa]", None),
        (r"\Qa.b\E", None),
    ],
)
def test_a_regular_expression_is_written_as_browsers_read_it_or_not_at_all(
    expression: str, expected: str | None
) -> None:
    assert constraints.pattern(expression) == expected
