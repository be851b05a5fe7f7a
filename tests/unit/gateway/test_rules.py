"""Annotations into bindings: what they mean, and every mistake told at start-up with its file, element and field."""

import pytest
from google.protobuf import descriptor_pb2

from gateway import bootstrap, rules
from gateway.rules import Binding, InvalidRulesError, Mistake
from tests.unit.gateway import protos

HEAD = """
syntax = "proto3";
package t;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/any.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "los/gateway/v1/annotations.proto";
message In {
  string name = 1;
  int32 number = 2;
  repeated string names = 3;
  map<string, string> pairs = 4;
  In inner = 5;
  google.protobuf.Timestamp time = 6;
  google.protobuf.StringValue text = 7;
  google.protobuf.Struct object = 8;
  repeated In inners = 9;
  google.api.HttpBody raw = 10;
}
message Out {
  string name = 1;
  Out inner = 2;
  repeated Out inners = 3;
  int32 number = 4;
  repeated string names = 5;
}
"""


def set_of(*methods: str) -> bytes:
    """A descriptor set with a service of these methods."""
    return protos.compiled(HEAD + "service S {" + "".join(methods) + "}")


def http(rule: str, *more: str, signature: str = "M(In) returns (Out)") -> str:
    """A method with an HTTP rule, and with other options."""
    options = [f"option (google.api.http) = {{{rule}}};", *(f"option (los.gateway.v1.{each};" for each in more)]
    return f"rpc {signature} {{{''.join(options)}}}"


def bindings(*methods: str) -> list[Binding]:
    return rules.bindings(rules.load(set_of(*methods)))


def mistakes(descriptor_set: bytes) -> tuple[Mistake, ...]:
    with pytest.raises(InvalidRulesError) as refused:
        rules.bindings(rules.load(descriptor_set))
    return refused.value.mistakes


@pytest.mark.parametrize(
    ("rule", "verb", "path", "body", "response_body"),
    [
        ('get: "/a"', "GET", "/a", "", ""),
        ('put: "/a" body: "*"', "PUT", "/a", "*", ""),
        ('post: "/a" body: "inner"', "POST", "/a", "inner", ""),
        ('post: "/a" body: "names"', "POST", "/a", "names", ""),
        ('post: "/a" body: "name"', "POST", "/a", "name", ""),
        ('post: "/a" body: "pairs"', "POST", "/a", "pairs", ""),
        ('post: "/a"', "POST", "/a", "", ""),
        ('delete: "/a"', "DELETE", "/a", "", ""),
        ('patch: "/a" body: "inner"', "PATCH", "/a", "inner", ""),
        ('custom: {kind: "PURGE" path: "/a"}', "PURGE", "/a", "", ""),
        ('custom: {kind: "report" path: "/a"} body: "*"', "REPORT", "/a", "*", ""),
        ('custom: {kind: "*" path: "/a"}', "*", "/a", "", ""),
        ('get: "/a" response_body: "inner"', "GET", "/a", "", "inner"),
        ('get: "/a" response_body: "names"', "GET", "/a", "", "names"),
        ('get: "/{name}"', "GET", "/{name}", "", ""),
        ('get: "/{inner.inner.name}"', "GET", "/{inner.inner.name}", "", ""),
        ('get: "/{time}/{text}/{number}"', "GET", "/{time}/{text}/{number}", "", ""),
    ],
)
def test_a_rule_is_a_binding(rule: str, verb: str, path: str, body: str, response_body: str) -> None:
    [found] = bindings(http(rule))
    assert (found.verb, found.template.text, found.body, found.response_body) == (verb, path, body, response_body)


def test_additional_bindings_are_bindings_of_the_same_method() -> None:
    found = bindings(http('get: "/a" additional_bindings {post: "/b" body: "*"} additional_bindings {get: "/c"}'))
    assert [(each.verb, each.template.text, each.body) for each in found] == [
        ("GET", "/a", ""),
        ("POST", "/b", "*"),
        ("GET", "/c", ""),
    ]


def test_a_method_without_rule_is_not_served() -> None:
    assert bindings("rpc M(In) returns (Out);") == []


@pytest.mark.parametrize(
    ("output", "options", "status", "location"),
    [
        ("Out", (), 200, None),
        ("google.protobuf.Empty", (), 204, None),
        ("Out", ('answer) = {status: 201 location: "/v1/{name}"}',), 201, "/v1/{name}"),
        ("Out", ('answer) = {location: "/v1/{inner.number}"}',), 200, "/v1/{inner.number}"),
        ("google.protobuf.Empty", ("answer) = {status: 202}",), 202, None),
    ],
)
def test_success_has_its_status_and_its_location(
    output: str, options: tuple[str, ...], status: int, location: str | None
) -> None:
    [found] = bindings(http('get: "/a"', *options, signature=f"M(In) returns ({output})"))
    assert (found.status, found.location and found.location.text) == (status, location)


def test_a_stream_whose_events_have_identifiers_can_be_resumed() -> None:
    stream = "M(In) returns (stream Out)"
    [found] = bindings(http('get: "/a"', 'events) = {id_field: "inner.name" resume_field: "name"}', signature=stream))
    assert found.events is not None
    assert found.events.resume_field is not None
    assert ([field.name for field in found.events.id_field], found.events.resume_field.name) == (
        ["inner", "name"],
        "name",
    )


STREAM = "M(In) returns (stream Out)"
UPLOAD = "M(stream In) returns (Out)"


@pytest.mark.parametrize(
    ("method", "field", "reason"),
    [
        (http(""), "google.api.http", "names no method and path"),
        (http('get: ""'), "get", "'': column 1: expected '/', found the end"),
        (http('get: "a"'), "get", "'a': column 1: expected '/', found 'a'"),
        (http('get: "/a//b"'), "get", "'/a//b': column 4: expected a segment, found '/'"),
        (http('get: "/**/a"'), "get", "'/**/a': '**' must be the last segment"),
        (http('get: "/{name}/{name}"'), "get", "'/{name}/{name}': name is bound twice"),
        (http('get: "/{name={number}}"'), "get", "'/{name={number}}': column 8: expected a segment, found '{'"),
        (http('custom: {kind: "" path: "/a"}'), "custom.kind", "'' is no HTTP method"),
        (http('custom: {kind: "A B" path: "/a"}'), "custom.kind", "'A B' is no HTTP method"),
        (http('custom: {kind: "A" path: "x"}'), "a", "'x': column 1: expected '/', found 'x'"),
        # Variables.
        (http('get: "/{nothing}"'), "{nothing}", "t.In has no field nothing"),
        (http('get: "/{inner.nothing}"'), "{inner.nothing}", "t.In has no field nothing"),
        (http('get: "/{name.x}"'), "{name.x}", "name is a string, so that nothing is within it"),
        (http('get: "/{inners.name}"'), "{inners.name}", "inners is a list of t.In, so that nothing is within it"),
        (http('get: "/{pairs.key}"'), "{pairs.key}", "pairs is a map, so that nothing is within it"),
        (http('get: "/{names}"'), "{names}", "names is a list of string, which a path cannot hold"),
        (http('get: "/{pairs}"'), "{pairs}", "pairs is a map, which a path cannot hold"),
        (http('get: "/{inner}"'), "{inner}", "inner is a t.In, which a path cannot hold"),
        (http('get: "/{object}"'), "{object}", "object is a google.protobuf.Struct, which a path cannot hold"),
        # Bodies.
        (http('get: "/a" body: "*"'), "body", "GET has no body"),
        (http('get: "/a" body: "inner"'), "body", "GET has no body"),
        (http('delete: "/a" body: "*"'), "body", "DELETE has no body"),
        (http('custom: {kind: "get" path: "/a"} body: "*"'), "body", "GET has no body"),
        (http('post: "/a" body: "nothing"'), "body", "t.In has no field nothing"),
        (http('post: "/a" body: "inner.name"'), "body", "t.In has no field inner.name"),
        (http('get: "/a" response_body: "nothing"'), "response_body", "t.Out has no field nothing"),
        (http('get: "/a" response_body: "inner.name"'), "response_body", "t.Out has no field inner.name"),
        (http('get: "/a" response_body: "*"'), "response_body", "t.Out has no field *"),
        (http('get: "/a"', signature=UPLOAD), "body", "a client stream needs one"),
        (
            http('get: "/a" additional_bindings {get: "/b" additional_bindings {get: "/c"}}'),
            "additional_bindings",
            "cannot be nested",
        ),
        # Our own options.
        (http('get: "/a"', "answer) = {status: 302}"), "answer.status", "302 is no status of success, 200 to 299"),
        (http('get: "/a"', "answer) = {status: -1}"), "answer.status", "-1 is no status of success, 200 to 299"),
        (http('get: "/a"', 'answer) = {location: "x"}'), "answer.location", "'x': column 1: expected '/', found 'x'"),
        (http('get: "/a"', 'answer) = {location: "/{x}"}'), "answer.location", "t.Out has no field x"),
        (
            http('get: "/a"', 'answer) = {location: "/*"}'),
            "answer.location",
            "a wildcard stands outside of every variable",
        ),
        (
            http('get: "/a"', 'answer) = {location: "/{names}"}'),
            "answer.location",
            "names is a list of string, which a path cannot hold",
        ),
        (
            http('get: "/a" response_body: "name"', 'answer) = {location: "/{name}"}'),
            "answer.location",
            "name is no message, so that nothing fills name",
        ),
        (http('get: "/a"', 'events) = {id_field: "name"}'), "events", "the method is no server stream"),
        (http('get: "/a"', 'events) = {id_field: "x"}', signature=STREAM), "events.id_field", "t.Out has no field x"),
        (http('get: "/a"', "events) = {}", signature=STREAM), "events.id_field", "t.Out has no field "),
        (
            http('get: "/a"', 'events) = {id_field: "number"}', signature=STREAM),
            "events.id_field",
            "must be a string, not a int32",
        ),
        (
            http('get: "/a"', 'events) = {id_field: "name" resume_field: "number"}', signature=STREAM),
            "events.resume_field",
            "t.In has no such string field",
        ),
    ],
)
def test_a_mistake_is_told_with_its_file_method_and_field(method: str, field: str, reason: str) -> None:
    assert mistakes(set_of(method)) == (Mistake("test.proto", "t.S.M", field, reason),)


def test_all_mistakes_are_told_together() -> None:
    descriptor_set = set_of(
        http(
            'get: "/{x}/{names}" body: "*" response_body: "y"',
            "answer) = {status: 500}",
            signature="A(In) returns (Out)",
        ),
        http('post: "//"', signature="B(In) returns (Out)"),
        http('get: "/fine"', signature="C(In) returns (Out)"),
    )
    found = mistakes(descriptor_set)
    assert [(each.element, each.field) for each in found] == [
        ("t.S.A", "{x}"),
        ("t.S.A", "{names}"),
        ("t.S.A", "body"),
        ("t.S.A", "response_body"),
        ("t.S.A", "answer.status"),
        ("t.S.B", "post"),
    ]
    with pytest.raises(InvalidRulesError) as refused:
        bootstrap.build_app(descriptor_set, {"unknown.v1": "localhost:1"})
    assert str(refused.value).splitlines() == [
        "the descriptor set cannot be served:",
        *(f"  {each}" for each in found),
        "  upstream unknown.v1: the descriptor set has no such package or service",
    ]
    assert "  test.proto: t.S.A: {x}: t.In has no field x" in str(refused.value).splitlines()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('get: "/a"', 'get: "/a"'),
        ('get: "/{name}"', 'get: "/{number}"'),
        ('get: "/{name=a/*}"', 'get: "/a/{name}"'),
        ('get: "/a%20b"', 'get: "/%61%20b"'),
        ('get: "/a"', 'custom: {kind: "get" path: "/a"}'),
        ('post: "/{name}:go"', 'post: "/*:go"'),
    ],
)
def test_two_equal_templates_with_one_method_are_a_mistake(first: str, second: str) -> None:
    found = mistakes(
        set_of(http(first, signature="A(In) returns (Out)"), http(second, signature="B(In) returns (Out)"))
    )
    assert [(each.element, each.field) for each in found] == [("t.S.B", "google.api.http")]
    assert found[0].reason.endswith("matches what t.S.A matches")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('get: "/a"', 'post: "/a"'),
        ('get: "/a"', 'get: "/a:go"'),
        ('get: "/*"', 'get: "/**"'),
        ('get: "/a"', 'custom: {kind: "*" path: "/a"}'),
    ],
)
def test_what_can_be_told_apart_is_no_mistake(first: str, second: str) -> None:
    found = bindings(http(first, signature="A(In) returns (Out)"), http(second, signature="B(In) returns (Out)"))
    assert len(found) == 2


@pytest.mark.parametrize("content", [b"\xff", b"syntax", b"\x0a\x05"])
def test_what_is_no_descriptor_set_is_a_mistake(content: bytes) -> None:
    assert mistakes(content) == (Mistake("", "", "", "this is no serialized FileDescriptorSet"),)


def test_a_missing_import_is_a_mistake_that_names_the_way_out() -> None:
    descriptor_set = descriptor_pb2.FileDescriptorSet.FromString(set_of())
    kept = [file for file in descriptor_set.file if file.name != "los/gateway/v1/annotations.proto"]
    kept[-1].dependency.append("elsewhere.proto")
    [found] = mistakes(descriptor_pb2.FileDescriptorSet(file=kept).SerializeToString())
    assert found == Mistake(
        "test.proto", "", "", "imports elsewhere.proto, which is not in the set (--include_imports)"
    )


def test_the_well_known_files_may_be_left_out_of_the_set() -> None:
    descriptor_set = descriptor_pb2.FileDescriptorSet.FromString(set_of(http('get: "/a"')))
    kept = [file for file in descriptor_set.file if not file.name.startswith("google/protobuf/")]
    assert len(kept) < len(descriptor_set.file)
    assert len(rules.bindings(rules.load(descriptor_pb2.FileDescriptorSet(file=kept).SerializeToString()))) == 1


def test_a_file_that_cannot_be_built_is_a_mistake() -> None:
    descriptor_set = descriptor_pb2.FileDescriptorSet.FromString(set_of())
    descriptor_set.file[-1].message_type[0].field[0].type_name = ".t.Nothing"
    descriptor_set.file[-1].message_type[0].field[0].type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
    [found] = mistakes(descriptor_set.SerializeToString())
    assert (found.file, found.element) == ("test.proto", "")


def test_an_empty_set_serves_nothing() -> None:
    assert rules.bindings(rules.load(b"")) == []
