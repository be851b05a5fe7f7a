"""Examples that work when they are pasted: made of the values that the comments give."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.openapi import comments
from gateway.openapi.constraints import Schema

_BARE = ("boolean", "integer", "number")


def of_text(schema: Schema, text: str) -> list[Any]:
    """What the comment `text` gives as an example of what a schema describes: one value, or none."""
    if schema.get("type") == "array":
        return [[item] for item in of_text(schema.get("items", {}), text)]
    written = comments.example(text)
    if written is None or "$ref" in schema or schema.get("type") == "object":
        return []
    try:
        return [json.loads(written) if schema.get("type") in _BARE else written]
    except json.JSONDecodeError:
        return []  # prose, not a value


def of_enum(schema: Schema) -> list[Any]:
    """The first value after the one that means that none was given."""
    return list(schema.get("enum", [])[1:2])


def of_schema(schema: Schema, components: Mapping[str, Schema]) -> list[Any]:
    """A whole value: one, or none if a part that must be there has no example."""
    if "$ref" in schema:
        return of_schema(components[schema["$ref"].rpartition("/")[2]], components)
    found = schema.get("examples") or schema.get("enum") or []
    if found:
        return list(found[:1])
    if schema.get("type") == "array":
        return [[item] for item in of_schema(schema.get("items", {}), components)]
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
