"""OpenAPI documents as tests look at them."""

import json
from collections.abc import Iterator
from typing import Any

import protovalidate
from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # shipped without types

from gateway import openapi, rules
from gateway.codec import Codec
from gateway.errors import RefusedError
from gateway.rules import Binding

Document = dict[str, Any]


def document_of(descriptor_set: bytes) -> Document:
    return openapi.document(bindings_of(descriptor_set), descriptor_set, title="A title", version="1.2.3")


def bindings_of(descriptor_set: bytes) -> list[Binding]:
    return rules.bindings(rules.load(descriptor_set))


def file_of(descriptor_set: bytes) -> FileDescriptor:
    return rules.load(descriptor_set)[-1]


def validator(document: Document, schema: Document) -> Draft202012Validator:
    """Checks values against a schema of the document."""
    return Draft202012Validator(
        schema | {"components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def operation(document: Document, operation_id: str) -> Document:
    return next(each for _, each in operations(document) if each["operationId"].endswith(operation_id))


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, item in document["paths"].items():
        for each in item.values():
            yield from ((path, inner) for inner in ([each] if "operationId" in each else each.values()))


def component(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][f"library.v1.{name}"]
    return found


class Reader:
    """Takes JSON as the gateway takes it, and then asks the rules as a service does."""

    def __init__(self, file: FileDescriptor, message: str) -> None:
        kind = file.message_types_by_name[message]
        self._reader = Codec(file.pool, depth_max=100, is_lenient=False).reader(
            message_factory.GetMessageClass(kind), kind, "*"
        )

    def accepts(self, value: object) -> bool:
        try:
            message, _ = self._reader.read(json.dumps(value).encode())
        except RefusedError:
            return False
        return not protovalidate.collect_violations(message)
