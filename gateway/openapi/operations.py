"""One binding as an operation of OpenAPI: what is asked and what is answered."""

from collections.abc import Mapping
from typing import Any

from gateway import rules, streams
from gateway.openapi import access, comments, constraints, edges, examples, parameters, paths, schemas
from gateway.openapi.constraints import Schema
from gateway.openapi.scalars import Form
from gateway.openapi.schemas import Schemas
from gateway.rules import Binding

Part = dict[str, Any]  # Any: whatever JSON can hold

_RAW: Part = {"*/*": {}}  # bytes with a content type of their own
_NO_CONTENT = 204
_LOCATION: Part = {"description": "Where to find it.", "schema": {"type": "string", "format": "uri-reference"}}
_BROKEN_OFF: Schema = {
    "type": "object",
    "description": "The last element of a stream that failed on its way.",
    "properties": {"error": {"$ref": edges.ERROR}},
    "required": ["error"],
    "additionalProperties": False,
}


class Operations:
    """Describes bindings, one after another.

    Attributes:
        schemas: Holds the messages that the operations refer to.
        services: The names of those whose methods were described, in their order.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.schemas = Schemas(texts)
        self.services: dict[str, None] = {}
        self._texts = texts
        self._names: dict[object, list[str]] = {}
        self._count: dict[str, int] = {}

    def add(self, binding: Binding) -> tuple[str, Part]:
        """Answer the path in OpenAPI's words, and the operation."""
        places = paths.places(binding.template)
        # Paths that differ in nothing but the names of their parameters are one to OpenAPI: the first names them.
        names = self._names.setdefault(binding.template.shape, [place.name for place in places])
        service = binding.method.containing_service.full_name
        self.services[service] = None
        operation: Part = {"tags": [service], "operationId": self._id(binding)} | self._described(binding)
        if found := parameters.of(binding, places, names, self.schemas):
            operation["parameters"] = found
        if binding.body:
            operation["requestBody"] = self._body(binding)
        operation["responses"] = {str(binding.status): self._success(binding)} | edges.failures(
            names_something=bool(binding.variables),
            changes_something=binding.verb != "GET",
            has_body=binding.body != "",
        )
        operation["responses"] |= access.failures(binding.method)
        operation |= access.of(binding.method)
        return paths.text(binding.template, names), operation

    def _id(self, binding: Binding) -> str:
        """The name of the method; for its additional bindings, with a number."""
        name = binding.method.full_name
        self._count[name] = self._count.get(name, 0) + 1
        return name if self._count[name] == 1 else f"{name}_{self._count[name]}"

    def _described(self, binding: Binding) -> Part:
        summary, rest = comments.split(self._texts.get(binding.method.full_name, ""))
        described: Part = {"summary": summary or binding.method.name}
        said = constraints.sentences(constraints.rules_of_message(binding.method.input_type))
        said = [*(said if binding.body != "*" else []), access.sentence(binding.method)]
        if text := comments.paragraphs(rest, [each for each in said if each]):
            described["description"] = text
        if binding.method.GetOptions().deprecated:
            described["deprecated"] = True
        return described

    def _body(self, binding: Binding) -> Part:
        kind, field = binding.method.input_type, binding.body_field
        if rules.is_http_body(field.message_type if field else kind):
            return {"content": _RAW}
        schema = self._asked(binding)
        media: Part = {"schema": schema}
        if found := examples.of_schema(schema, self.schemas.components):
            media["example"] = found[0]
        if binding.method.client_streaming:
            return {"content": {streams.NDJSON: {"schema": _lines(schema)}}}
        needed = constraints.required(kind)
        is_required = (
            field.name in needed if field else bool(needed - {variable[0].name for variable in binding.variables})
        )
        return {"required": is_required, "content": {streams.JSON: media}}

    def _asked(self, binding: Binding) -> Schema:
        """What a body holds: not what the path says already."""
        without = {tuple(field.name for field in variable) for variable in binding.variables}
        kind, field = binding.method.input_type, binding.body_field
        if field is not None:
            return self.schemas.field(field, Form.ASKED, {path[1:] for path in without if path[0] == field.name})
        return self.schemas.object(kind, Form.ASKED, without) if without else self.schemas.message(kind, Form.ASKED)

    def _success(self, binding: Binding) -> Part:
        kind, field = binding.method.output_type, binding.answer_field
        success: Part = {"description": self._texts.get(field.full_name if field else kind.full_name) or "Success."}
        if binding.location is not None:
            success["headers"] = {"Location": _LOCATION}
        if rules.is_http_body(field.message_type if field else kind):
            return success | {"content": _RAW}
        if binding.status == _NO_CONTENT:
            return success
        schema = self._answered(binding)
        if not binding.method.server_streaming:
            return success | {"content": {streams.JSON: {"schema": schema}}}
        return success | {"content": _stream(schema)}

    def _answered(self, binding: Binding) -> Schema:
        """What an answer holds: null where it is a field that is not set."""
        field = binding.answer_field
        if field is None:
            return self.schemas.message(binding.method.output_type, Form.ANSWERED)
        schema = self.schemas.field(field, Form.ANSWERED)
        return schemas.or_null(schema) if field.has_presence else schema


def _stream(schema: Schema) -> Part:
    """A stream, which is written as the `Accept` header asks."""
    element = {"anyOf": [schema, _BROKEN_OFF]}
    return {
        streams.JSON: {"schema": {"type": "array", "items": element}},
        streams.NDJSON: {"schema": _lines(element)},
        streams.EVENT_STREAM: {
            "schema": {
                "type": "string",
                "description": "Server-Sent Events; the data is JSON. One called `error` holds an `Error` and ends it.",
                "contentMediaType": streams.EVENT_STREAM,
                "contentSchema": schema,
            }
        },
    }


def _lines(schema: Schema) -> Schema:
    """Text that no schema but one of its lines can describe."""
    return {
        "type": "string",
        "description": "One JSON value on each line.",
        "contentMediaType": streams.NDJSON,
        "contentSchema": schema,
    }
