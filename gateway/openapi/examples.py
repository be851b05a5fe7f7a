"""Examples that work when they are pasted: made of the values that the comments give."""

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway import bind
from gateway.openapi import comments
from gateway.openapi.constraints import Schema

# The kinds of fields whose values JSON writes without quotes.
_BARE = frozenset(
    (
        *(FieldDescriptor.CPPTYPE_BOOL, FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT),
        *(FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32),
    )
)


def of_field(field: FieldDescriptor, text: str) -> list[Any]:
    """What the comment `text` gives as an example of a field, as JSON has it: one value, or none."""
    written = comments.example(text)
    if written is None or (field.message_type and not bind.is_settable(field)):
        return []
    try:
        value = json.loads(written) if field.cpp_type in _BARE else written
    except json.JSONDecodeError:
        return []  # prose, not a value
    return [[value] if field.is_repeated else value]


def of_enum(field: FieldDescriptor) -> list[Any]:
    """The first value after the one that means that none was given."""
    values = field.enum_type.values if field.enum_type and not field.is_repeated else []
    return [value.name for value in values[1:2]]


def of_schema(schema: Schema, components: Mapping[str, Schema]) -> list[Any]:
    """A whole value: one, or none if a part that must be there has no example."""
    if "$ref" in schema:
        return of_schema(components[schema["$ref"].rpartition("/")[2]], components)
    found = schema.get("examples") or schema.get("enum") or []
    if found:
        return list(found[:1])
    if schema.get("type") == "array":
        return [[item] for item in of_schema(schema["items"], components)]
    return _of_object(schema, components) if schema.get("type") == "object" else []


def _of_object(schema: Schema, components: Mapping[str, Schema]) -> list[Any]:
    required = schema.get("required", [])
    properties: Schema = schema.get("properties", {})
    value = {}
    for name, part in properties.items():
        if name in required or "examples" in part:
            found = of_schema(part, components)
            if not found:
                return []
            value[name] = found[0]
    return [value] if value or not properties else []
