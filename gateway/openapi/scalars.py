"""Single values as JSON Schema: scalars, enums, and the well-known messages that JSON writes in a way of their own."""

import enum

from google.protobuf import struct_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from buf.validate.validate_pb2 import FieldRules
from gateway import bind
from gateway.openapi import constraints
from gateway.openapi.constraints import Schema
from los.gateway.v1 import annotations_pb2


class Form(enum.Enum):
    """Where a value stands. The text marks the component that holds a message in this form."""

    TEXT = "-Text"
    ASKED = "-Input"
    UNCHECKED = "-UncheckedInput"  # asked as well, but protovalidate is told to look away
    ANSWERED = ""


_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$"
_PATHS = "^(?:[A-Za-z][A-Za-z0-9.]*(?:,[A-Za-z][A-Za-z0-9.]*)*)?$"
_SECONDS = r"^-?[0-9]{1,11}(?:\.[0-9]{1,9})?s$"
_FLOAT_MAX = (2 - 2**-23) * 2.0**127
_NOT_FINITE: Schema = {"enum": ["NaN", "Infinity", "-Infinity"]}


def _integer(bits: int, *, signed: bool) -> Schema:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return {"type": "integer", "format": f"{'' if signed else 'u'}int{bits}", "minimum": low, "maximum": high}


_INTEGERS_32: dict[int, Schema] = {
    **dict.fromkeys(
        (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32),
        _integer(32, signed=True),
    ),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32), _integer(32, signed=False)),
}
_INTEGERS_64: dict[int, Schema] = {
    **dict.fromkeys(
        (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64),
        _integer(64, signed=True),
    ),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64), _integer(64, signed=False)),
}
_REALS: dict[int, Schema] = {
    FieldDescriptor.TYPE_DOUBLE: {"type": "number"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "minimum": -_FLOAT_MAX, "maximum": _FLOAT_MAX},
}
_OTHERS: dict[int, Schema] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64", "pattern": _BASE64},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
}
_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}, "required": ["@type"]},
    "google.protobuf.Duration": {"type": "string", "pattern": _SECONDS},
    "google.protobuf.FieldMask": {"type": "string", "pattern": _PATHS},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Value": {},
}
_EXCEPTIONS: dict[tuple[str, Form], Schema] = {
    # There the names of the proto are understood as well.
    ("google.protobuf.FieldMask", Form.TEXT): {"type": "string", "pattern": _PATHS.replace("0-9.", "0-9._")},
    # The longest has one digit more, but not all that have are as short.
    ("google.protobuf.Duration", Form.ANSWERED): {"type": "string", "pattern": _SECONDS.replace("11", "12")},
}


def value(field: FieldDescriptor, form: Form, rules: FieldRules) -> Schema:
    """One value of a field that is no message."""
    if field.enum_type is not None:
        return _enum(field.enum_type, rules)
    keywords = constraints.keywords(rules)
    kind = _scalar(field, form, is_ruled=rules.WhichOneof("type") is not None)
    schema = {key: held for key, held in kind.items() if f"exclusive{key.capitalize()}" not in keywords} | keywords
    if constraints.option(field, annotations_pb2.number_accepted) and form in (Form.ASKED, Form.UNCHECKED):
        return schema | {"type": ["string", "number"]}
    return schema


def well_known(message: Descriptor, form: Form) -> Schema | None:
    """A message that is written in a way of its own; None for any other."""
    if message.full_name in bind.WRAPPERS:
        return _scalar(message.fields_by_name["value"], form, is_ruled=False)
    return _EXCEPTIONS.get((message.full_name, form)) or _WELL_KNOWN.get(message.full_name)


def zero(field: FieldDescriptor) -> object:
    """What JSON shows for a value that was never set."""
    if field.enum_type is not None:
        return field.enum_type.values_by_number[0].name
    return "" if field.type == FieldDescriptor.TYPE_BYTES else field.default_value


def _enum(kind: EnumDescriptor, rules: FieldRules) -> Schema:
    if kind.full_name == struct_pb2.NullValue.DESCRIPTOR.full_name:
        return {"type": "null"}
    return {"type": "string", "enum": [value.name for value in constraints.allowed(kind, rules)]}


def _scalar(field: FieldDescriptor, form: Form, *, is_ruled: bool) -> Schema:
    """A scalar; where rules compare its number, only the form that a schema can compare as well."""
    if field.type in _INTEGERS_64:
        return _integer_64(field, form, is_ruled=is_ruled)
    if field.type in _REALS:
        return _REALS[field.type] if is_ruled else {"anyOf": [_REALS[field.type], _NOT_FINITE]}
    if field.type in _INTEGERS_32:
        number = _INTEGERS_32[field.type]
        return {"type": "integer", "format": number["format"]} if form is Form.ANSWERED else number
    return _OTHERS[field.type]


def _integer_64(field: FieldDescriptor, form: Form, *, is_ruled: bool) -> Schema:
    """Text in JSON, since the numbers of JavaScript are not wide enough; on the way in a number as well."""
    number = _INTEGERS_64[field.type]
    if form is Form.TEXT or (form is Form.ASKED and is_ruled):
        return number
    sign = "-?" if number["minimum"] else ""
    if form is Form.ANSWERED:
        return {"type": "string", "pattern": f"^{sign}[0-9]{{1,20}}$"}
    return {"anyOf": [{"type": "string", "pattern": f"^{sign}[0-9]{{1,18}}$"}, number]}
