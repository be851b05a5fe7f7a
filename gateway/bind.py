"""Text from a path or a query into a field of a message: one converter for each kind of field.

A converter answers the value to store; it raises ValueError, saying what the text must be, if it is anything else.
"""

import base64
import binascii
import functools
import math
import re
import struct
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

FieldPath = tuple[FieldDescriptor, ...]
Converter = Callable[[str], Any]  # Any: what the field holds, which differs from field to field

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_TEXT_FORMS = {
    "google.protobuf.Timestamp": "a time as in 2026-01-31T23:59:59Z",
    "google.protobuf.Duration": "a duration as in 1.5s",
    "google.protobuf.FieldMask": "field paths separated by commas",
}
_WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "Bytes", "Double", "Float", "String", "Int32", "Int64", "UInt32", "UInt64")
)


def is_settable(field: FieldDescriptor) -> bool:
    """Tell whether a text can be stored in the field: a scalar, an enum, or a message whose JSON form is a text."""
    return field.message_type is None or field.message_type.full_name in (_TEXT_FORMS | dict.fromkeys(_WRAPPERS))


def is_map(field: FieldDescriptor) -> bool:
    """Tell whether the field holds keys with values."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def described(field: FieldDescriptor) -> str:
    """Name the field's type for a person."""
    if is_map(field):
        return "a map"
    kind = field.message_type or field.enum_type
    name = kind.full_name if kind else _NAMES[field.type]
    return f"a list of {name}" if field.is_repeated else f"a {name}"


def write(message: Message, path: FieldPath, texts: list[str]) -> None:
    """Store texts in the field at the end of the path; in a singular field there is place for one.

    Raises:
        ValueError: A text does not fit the field, there is one too many, or another member of its oneof is set.
    """
    field = path[-1]
    if len(texts) > 1 and not field.is_repeated:
        raise ValueError("is given more than once")
    for step in path:
        _refuse_second_member(message, step)
        if step is not field:
            message = getattr(message, step.name)
            message.SetInParent()
    _store_all(message, field, texts)


def _store_all(message: Message, field: FieldDescriptor, texts: list[str]) -> None:
    for text in texts:
        _store(message, field, text)


def _refuse_second_member(message: Message, field: FieldDescriptor) -> None:
    oneof = field.containing_oneof
    present = message.WhichOneof(oneof.name) if oneof else None
    if present is not None and present != field.name:
        raise ValueError(f"excludes {present}, which is set as well")


def _store(message: Message, field: FieldDescriptor, text: str) -> None:
    if field.message_type is None:
        value = _converter(field)(text)
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
        return
    held = getattr(message, field.name)
    _fill(held.add() if field.is_repeated else held, field.message_type, text)


def _fill(message: Message, kind: Descriptor, text: str) -> None:
    message.SetInParent()
    if kind.full_name in _WRAPPERS:
        _store(message, kind.fields_by_name["value"], text)
    elif kind.full_name == "google.protobuf.FieldMask" and "_" in text:
        _store_all(message, kind.fields_by_name["paths"], text.split(","))  # spelt as in the proto, as answers are
    else:
        try:
            json_format.ParseDict(text, message)
        except json_format.ParseError:
            raise ValueError(f"must be {_TEXT_FORMS[kind.full_name]}") from None


def _converter(field: FieldDescriptor) -> Converter:
    if field.enum_type is not None:
        return functools.partial(_enum, field.enum_type)
    return _CONVERTERS[field.type]


def _integer(bits: int, *, signed: bool) -> Converter:
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def convert(text: str) -> int:
        if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"must be an integer from {least} to {most}")
        return int(text)

    return convert


def _double(text: str) -> float:
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    if not _NUMBER.fullmatch(text) or math.isinf(float(text)):
        raise ValueError("must be a number in range, NaN, Infinity or -Infinity")
    return float(text)


def _float(text: str) -> float:
    value = _double(text)
    try:
        struct.pack("<f", value)
    except OverflowError:
        raise ValueError("must be a number in the range of a 32-bit float") from None
    return value


def _bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _bytes(text: str) -> bytes:
    stripped = text.rstrip("=")
    try:
        if _BASE64.fullmatch(text):
            return base64.b64decode(
                stripped + "=" * (-len(stripped) % 4), altchars=b"-_" if "-" in text or "_" in text else None
            )
    except binascii.Error:
        pass
    raise ValueError("must be base64")


def _enum(kind: EnumDescriptor, text: str) -> int:
    named = kind.values_by_name.get(text)
    if named is not None:
        return named.number
    if (
        _INTEGER.fullmatch(text)
        and (-(1 << 31) <= int(text) < 1 << 31)
        and not (kind.is_closed and int(text) not in kind.values_by_number)
    ):
        return int(text)
    raise ValueError(f"must be one of {', '.join(value.name for value in kind.values)}")


_CONVERTERS: dict[int, Converter] = {
    FieldDescriptor.TYPE_BOOL: _bool,
    FieldDescriptor.TYPE_BYTES: _bytes,
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_FLOAT: _float,
    FieldDescriptor.TYPE_STRING: str,
    **dict.fromkeys(
        (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32),
        _integer(32, signed=True),
    ),
    **dict.fromkeys(
        (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64),
        _integer(64, signed=True),
    ),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32), _integer(32, signed=False)),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64), _integer(64, signed=False)),
}
_NAMES = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_SINT32: "int32",
    FieldDescriptor.TYPE_SFIXED32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_SINT64: "int64",
    FieldDescriptor.TYPE_SFIXED64: "int64",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_FIXED32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_FIXED64: "uint64",
    FieldDescriptor.TYPE_GROUP: "group",
}
