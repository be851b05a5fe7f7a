"""What a request says outside of its body: path, query, where a stream goes on, and the key for repeating it."""

from collections.abc import Collection, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway import bind
from gateway.openapi import constraints, scalars
from gateway.openapi.constraints import Schema
from gateway.openapi.paths import Place
from gateway.openapi.scalars import Form
from gateway.openapi.schemas import Schemas
from gateway.rules import Binding

Parameter = dict[str, Any]  # Any: whatever JSON can hold

_KEY_FIELD = "idempotency_key"


def of(binding: Binding, places: list[Place], names: list[str], schemas: Schemas) -> list[Parameter]:
    """All parameters of a binding, whose places in the path are called by these names."""
    found = [_in_path(binding, place, name, schemas) for place, name in zip(places, names, strict=True)]
    if binding.body != "*":
        taken = {tuple(field.name for field in variable) for variable in binding.variables} | {(binding.body,)}
        for name, field, is_needed in _query(binding.method.input_type, taken):
            found.append(_parameter(name, "query", schemas.field(field, Form.TEXT), is_required=is_needed))
    if binding.events and binding.events.resume_field:
        found.append(_last_event(binding.events.resume_field, schemas))
    if key := _key_field(binding.method.input_type):
        found.append(_idempotency_key(key, schemas))
    return found


def _in_path(binding: Binding, place: Place, name: str, schemas: Schemas) -> Parameter:
    schema: Schema = {"type": "string"}
    if place.variable is not None:
        schema = schemas.field(binding.variables[place.variable][-1], Form.TEXT)
    if place.description:
        schema = schema | {"description": "\n\n".join(filter(None, [schema.get("description"), place.description]))}
    if schema.get("type") == "string" and not schema.keys() & {"enum", "format"}:
        schema = {"minLength": 1} | schema  # an empty segment is another path
    return _parameter(name, "path", schema, is_required=True)


def _query(
    message: Descriptor,
    taken: Collection[tuple[str, ...]],
    prefix: tuple[str, ...] = (),
    *,
    is_needed: bool = True,
    within: tuple[Descriptor, ...] = (),
) -> Iterator[tuple[str, FieldDescriptor, bool]]:
    """The fields that a query can set, by dotted name, and whether one must be there; each message once on the way."""
    needed = constraints.required(message) if is_needed else set()
    for field in message.fields:
        path = (*prefix, field.name)
        if path in taken:
            continue
        if bind.is_settable(field):
            yield ".".join(path), field, field.name in needed
        elif (inner := _entered(field)) is not None and inner not in (*within, message):
            inner_needed = field.name in needed
            yield from _query(inner, taken, path, is_needed=inner_needed, within=(*within, message))


def _entered(field: FieldDescriptor) -> Descriptor | None:
    """The message whose fields a query can name within this field; None if there is none."""
    kind = field.message_type
    return None if field.is_repeated or kind is None or scalars.well_known(kind, Form.TEXT) is not None else kind


def _last_event(resume_field: FieldDescriptor, schemas: Schemas) -> Parameter:
    schema = schemas.field(resume_field, Form.TEXT)
    text = f"Sent by browsers when they connect again: stands for `{resume_field.name}`."
    return _parameter("Last-Event-ID", "header", schema | {"description": text}, is_required=False)


def _key_field(message: Descriptor) -> FieldDescriptor | None:
    """The field that the header `Idempotency-Key` stands for, of a message or of the rows it carries."""
    rows = (field.message_type for field in message.fields if field.message_type)
    found = (each.fields_by_name.get(_KEY_FIELD) for each in (message, *rows))
    return next(filter(None, found), None)


def _idempotency_key(field: FieldDescriptor, schemas: Schemas) -> Parameter:
    """The header, in the words of its field.

    Its rules are not in the schema: nobody asks them where the body has a key of its own. Nor is there an example: the
    page would send it with everything that is tried out, and a key can be used for one thing only.
    """
    described = schemas.field(field, Form.TEXT).get("description", "")
    text = "\n\n".join(filter(None, [f"Stands for `{field.name}` where the body has none.", described]))
    return _parameter("Idempotency-Key", "header", {"type": "string", "description": text}, is_required=False)


def _parameter(name: str, place: str, schema: Schema, *, is_required: bool) -> Parameter:
    """Move what describes the parameter out of its schema."""
    schema = dict(schema)
    parameter: Parameter = {"name": name, "in": place, "required": is_required}
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    if schema.pop("deprecated", False):
        parameter["deprecated"] = True
    if "examples" in schema:
        parameter["example"] = schema.pop("examples")[0]
    return parameter | {"schema": schema}
