"""The OpenAPI document: valid, and true of what the gateway serves."""

import json
import re
from collections.abc import Iterator

import protovalidate
import pytest
from google.protobuf import descriptor_pb2
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.codec import Codec
from gateway.openapi import comments
from tests.unit.gateway.documents import Document, bindings_of, component, document_of, operation, operations, validator
from tests.unit.gateway.protos import LOANS, compiled

ERRORS = {"400", "429", "500", "503", "504", "default"}


@pytest.mark.parametrize("name", ["books", "loans"])
def test_the_document_is_valid_openapi_3_1(name: str, request: pytest.FixtureRequest) -> None:
    document = request.getfixturevalue(name)
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"] == "3.1.0"
    assert (document["info"]["title"], document["info"]["version"]) == ("A title", "1.2.3")


def test_the_document_has_every_binding_and_the_gateways_own_paths_and_nothing_else(loans: Document) -> None:
    expected = {(binding.verb.lower(), binding.template.text) for binding in bindings_of(LOANS)}
    found = {(verb, path) for path, item in loans["paths"].items() for verb in item}
    assert found == expected | {("get", "/health"), ("get", "/livez")}


def test_every_operation_has_an_id_of_its_own_and_its_service_as_tag(books: Document) -> None:
    found = [each for _, each in operations(books)]
    ids = [each["operationId"] for each in found]
    assert len(set(ids)) == len(ids)
    assert {tag for each in found for tag in each["tags"]} == {tag["name"] for tag in books["tags"]}
    assert books["tags"][0] == {"name": "library.v1.Library", "description": "Library lends books."}


@pytest.mark.parametrize(
    ("operation_id", "path"),
    [
        ("GetBook", "/v1/shelves/{name_1}/books/{name_2}"),
        ("GetBook_2", "/v1/books/{name}"),
        ("DeleteBook", "/v1/books/{name}"),  # the same path as above, whatever its variable is called
        ("CreateBook", "/v1/shelves/{shelf}/books"),
        ("MoveBook", "/v1/shelves/{book.name}:move"),
        ("Watch", "/v1/books:watch"),
        ("Scan", "/v1/scans/{segment_3}"),
        ("Purge", "/v1/cache"),
    ],
)
def test_a_template_is_a_path_of_openapi_with_a_parameter_for_each_wildcard(
    books: Document, operation_id: str, path: str
) -> None:
    found = {each["operationId"].rpartition(".")[2]: (where, each) for where, each in operations(books)}
    where, each = found[operation_id]
    named = [parameter["name"] for parameter in each.get("parameters", []) if parameter["in"] == "path"]
    assert (where, named) == (path, re.findall("{(.*?)}", path))


def test_a_method_that_openapi_has_no_place_for_is_in_an_extension(books: Document) -> None:
    assert list(books["paths"]["/v1/cache"]["x-additionalOperations"]) == ["PURGE"]


@pytest.mark.parametrize(
    ("name", "is_required", "schema"),
    [
        ("words", True, {"type": "string", "minLength": 3}),
        ("pages.least", False, {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1}),
        ("pages.most", False, {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1}),
        ("isbn", False, {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1}),
        ("since", False, {"type": "string", "format": "date-time"}),
        ("is_lent", False, {"type": "boolean"}),
        (
            "genres",
            False,
            {"type": "array", "items": {"type": "string", "enum": ["GENRE_UNSPECIFIED", "FICTION", "SCIENCE"]}},
        ),
    ],
)
def test_a_query_parameter_is_a_field_by_its_dotted_name(
    books: Document, name: str, is_required: bool, schema: Document
) -> None:
    found = {each["name"]: each for each in operation(books, ".FindBooks")["parameters"]}
    assert (found[name]["in"], found[name]["required"], found[name]["schema"]) == ("query", is_required, schema)


def test_the_query_has_no_maps_no_lists_of_messages_and_no_message_within_itself(books: Document) -> None:
    found = {each["name"] for each in operation(books, ".FindBooks")["parameters"]}
    assert found == {"genres", "pages.least", "pages.most", "since", "words", "is_lent", "fields", "isbn"}


def test_what_the_path_and_the_body_say_is_no_query_parameter(books: Document) -> None:
    found = [(each["name"], each["in"]) for each in operation(books, ".CreateBook")["parameters"]]
    assert found == [("shelf", "path"), ("is_rehearsal", "query")]


def test_a_resumable_stream_takes_the_last_event_id(books: Document) -> None:
    found = {each["name"]: each for each in operation(books, ".Watch")["parameters"]}
    assert found["Last-Event-ID"]["in"] == "header"
    assert found["Last-Event-ID"]["schema"] == found["after"]["schema"]


@pytest.mark.parametrize("method", [".SubmitLoan", ".BatchSubmitLoans"])
def test_what_has_an_idempotency_key_takes_it_as_a_header_as_well(loans: Document, method: str) -> None:
    (found,) = operation(loans, method)["parameters"]
    assert (found["name"], found["in"], found["required"]) == ("Idempotency-Key", "header", False)
    assert found["schema"] == {"type": "string"}
    assert "at most 200 visible ASCII" in found["description"]
    assert "example" not in found, "the page would send the same key with all that is tried out"


def test_what_has_no_idempotency_key_is_not_said_to_take_one(loans: Document) -> None:
    taking = [
        each["operationId"].rpartition(".")[2]
        for _, each in operations(loans)
        if any(parameter["name"] == "Idempotency-Key" for parameter in each.get("parameters", ()))
    ]
    assert taking == ["SubmitLoan", "BatchSubmitLoans"]


def test_the_body_leaves_out_what_the_path_says(books: Document) -> None:
    body = operation(books, ".MoveBook")["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert body["required"] is True
    assert (set(schema["properties"]), schema["required"]) == ({"book", "to"}, ["to"])
    assert "name" not in schema["properties"]["book"]["properties"]
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("operation_id", "content"),
    [
        (".Scan", {"*/*": {}}),
        (
            ".Import",
            {
                "application/x-ndjson": {
                    "schema": {
                        "type": "string",
                        "description": "One JSON value on each line.",
                        "contentMediaType": "application/x-ndjson",
                        "contentSchema": {"$ref": "#/components/schemas/library.v1.Book-Input"},
                    }
                }
            },
        ),
    ],
)
def test_a_body_that_is_not_one_json_value_says_what_it_is(
    books: Document, operation_id: str, content: Document
) -> None:
    assert operation(books, operation_id)["requestBody"] == {"content": content}


@pytest.mark.parametrize(
    ("operation_id", "status", "media_types"),
    [
        (".GetBook", "200", ["application/json"]),
        (".CreateBook", "201", ["application/json"]),
        (".DeleteBook", "204", []),
        (".Watch", "200", ["application/json", "application/x-ndjson", "text/event-stream"]),
        (".Scan", "200", ["*/*"]),
    ],
)
def test_success_has_its_status_and_its_media_types(
    books: Document, operation_id: str, status: str, media_types: list[str]
) -> None:
    found = operation(books, operation_id)["responses"]
    assert [each for each in found if each < "4"] == [status]
    assert list(found[status].get("content", {})) == media_types
    assert ("headers" in found[status]) == (status == "201")


def test_the_answer_is_the_field_that_the_annotation_names(books: Document) -> None:
    found = operation(books, ".FindBooks")["responses"]["200"]
    schema = found["content"]["application/json"]["schema"]
    assert found["description"] == "What was found."
    assert (schema["type"], schema["items"]) == ("array", {"$ref": "#/components/schemas/library.v1.Book"})


@pytest.mark.parametrize(
    ("operation_id", "more"),
    [
        (".GetBook", {"404"}),
        (".FindBooks", set()),
        (".CreateBook", {"404", "409", "413", "415"}),
        (".DeleteBook", {"404", "409"}),
    ],
)
def test_failures_are_told_where_they_can_happen_and_all_look_the_same(
    books: Document, operation_id: str, more: set[str]
) -> None:
    found = {status: each for status, each in operation(books, operation_id)["responses"].items() if status >= "4"}
    assert found.keys() == ERRORS | more
    for each in found.values():
        response = books["components"]["responses"][each["$ref"].rpartition("/")[2]]
        assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
        example = response["content"]["application/json"]["example"]
        validator(books, {"$ref": "#/components/schemas/Error"}).validate(example)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Gets a book.", ("Gets a book", "")),
        ("Gets a book. It is there\nor not.", ("Gets a book", "It is there\nor not.")),
        ("Gets\na book.\n\nMore.", ("Gets a book", "More.")),
        ("Gets version 1.2 of it. More!", ("Gets version 1.2 of it", "More!")),
        ("Gets a book", ("Gets a book", "")),
        ("", ("", "")),
    ],
)
def test_the_first_sentence_of_a_comment_is_the_summary(text: str, expected: tuple[str, str]) -> None:
    assert comments.split(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The amount, for example `5000.50`.", "5000.50"),
        ("For example `a`, or for example `b`.", "a"),
        ("An example\nfor\nexample\n`a b`.", "a b"),
        ("`a` is an example.", None),
        ("For example a.", None),
    ],
)
def test_a_comment_gives_an_example(text: str, expected: str | None) -> None:
    assert comments.example(text) == expected


def test_a_methods_comment_describes_it(books: Document) -> None:
    found = operation(books, ".GetBook")
    assert (found["summary"], found["description"]) == (
        "Gets a book",
        "It is there\nor it is not.\n\nA second paragraph.",
    )
    assert operation(books, ".DeleteBook")["summary"] == "DeleteBook"
    assert operation(books, ".MoveBook")["deprecated"] is True
    assert component(books, "Book")["properties"]["preface"]["deprecated"] is True


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("even", "What a rule says.\n\n- must be even"),
        ("foreign", "- `string.pattern: (?i)^abc$`"),
        ("host_and_port", "- `string.host_and_port`"),
        ("key", "- `bytes.len: 16`"),
        ("wait", "- `duration.gt: seconds: 1`"),
        ("genre", "- `FICTION`: Invented.\n- `SCIENCE`: Found out."),
    ],
)
def test_a_rule_without_keyword_is_said_in_words(books: Document, place: str, words: str) -> None:
    assert component(books, "Ruled-Input")["properties"][place]["description"] == words


def test_a_rule_between_the_parameters_of_a_query_is_said_in_words(books: Document) -> None:
    assert operation(books, ".FindBooks")["description"] == "- words and isbn exclude each other"


def test_a_set_without_source_info_makes_a_document_without_comments(library: bytes) -> None:
    descriptor_set = descriptor_pb2.FileDescriptorSet.FromString(library)
    for file in descriptor_set.file:
        file.ClearField("source_code_info")
    found = document_of(descriptor_set.SerializeToString())
    OpenAPIV31SpecValidator(found).validate()
    assert operation(found, ".GetBook")["summary"] == "GetBook"


def test_every_body_has_an_example_to_begin_with(loans: Document) -> None:
    bodies = {path: each["requestBody"] for path, each in operations(loans) if "requestBody" in each}
    assert [path for path, body in bodies.items() if "example" not in body["content"]["application/json"]] == []


def test_every_example_is_what_its_schema_admits(loans: Document) -> None:
    seen = 0
    for schema in schemas_within(loans):
        for example in schema.get("examples", []):
            validator(loans, schema).validate(example)
            seen += 1
    for _, each in operations(loans):
        for parameter in each.get("parameters", []):
            if "example" in parameter:
                validator(loans, parameter["schema"]).validate(parameter["example"])
                seen += 1
    assert seen > 20


def test_every_body_that_is_shown_is_accepted_when_pasted(loans: Document) -> None:
    """By the gateway, and by the rules that the services ask."""
    by_id = {binding.method.full_name: binding for binding in bindings_of(LOANS)}
    shown = 0
    for _, each in operations(loans):
        media = each.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "example" not in media:
            continue
        binding = by_id[each["operationId"]]
        kind = binding.method.input_type
        reader = Codec(kind.file.pool, depth_max=100, is_lenient=False).reader(binding.request, kind, binding.body)
        message, _ = reader.read(json.dumps(media["example"]).encode())
        bound = {path[0].name for path in binding.variables}
        places = [violation.proto.field for violation in protovalidate.collect_violations(message)]
        assert [place for place in places if place is None or place.elements[0].field_name not in bound] == []
        shown += 1
    assert shown >= 4


def schemas_within(part: object) -> Iterator[Document]:
    """All parts of the document that look like a schema with a type."""
    if isinstance(part, dict):
        if "type" in part:
            yield part
        for each in part.values():
            yield from schemas_within(each)
    elif isinstance(part, list):
        for each in part:
            yield from schemas_within(each)


def test_documents_of_two_sets_with_messages_of_one_name_do_not_mix() -> None:
    text = """
        syntax = "proto3";
        import "buf/validate/validate.proto";
        import "google/api/annotations.proto";
        service S { rpc A(M) returns (M) { option (google.api.http) = {get: "/a"}; } }
        message M { string a = 1 [(buf.validate.field).string.min_len = 0]; }
    """
    for length, is_required in ((0, False), (1, True), (0, False)):
        document = document_of(compiled(text.replace("min_len = 0", f"min_len = {length}")))
        assert operation(document, "A")["parameters"][0]["required"] is is_required
