"""Text from a path or a query into a field of a message: one converter for each kind of field."""

import base64
import functools
import json
import math
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from gateway.errors import RefusedError, Violation
from gateway.template import BROKEN_ESCAPE

FieldPath = tuple[FieldDescriptor, ...]
Converter = Callable[[str], Any]  # Any: what the field holds, which differs from field to field

INTEGER = re.compile(r"-?[0-9]{1,20}")
NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_TEXT_FORMS = {
    "google.protobuf.Timestamp": "a time as in 2026-01-31T23:59:59Z",
    "google.protobuf.Duration": "a duration as in 1.5s",
    "google.protobuf.FieldMask": "field paths separated by commas",
}
WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "Bytes", "Double", "Float", "String", "Int32", "Int64", "UInt32", "UInt64")
)


def is_settable(field: FieldDescriptor) -> bool:
    """Tell whether a text can be stored in the field: a scalar, an enum, or a message whose JSON form is a text."""
    kind = field.message_type
    return kind is None or kind.full_name in WRAPPERS or kind.full_name in _TEXT_FORMS


def is_map(field: FieldDescriptor) -> bool:
    """Tell whether the field holds keys with values."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def described(field: FieldDescriptor) -> str:
    """Name the field's type for a person."""
    if is_map(field):
        return "a map"
    kind = field.message_type or field.enum_type
    name = kind.full_name if kind else _KINDS[field.type][0]
    return f"a list of {name}" if field.is_repeated else f"a {name}"


def wanted(field: FieldDescriptor) -> str:
    """Say what one value of the field must be."""
    if field.enum_type is not None:
        return f"must be one of {', '.join(_choices(field.enum_type))}"
    if field.message_type is None:
        return f"must be {_KINDS[field.type][1]}"
    name = field.message_type.full_name
    if name in WRAPPERS:
        return wanted(field.message_type.fields_by_name["value"])
    return f"must be {_TEXT_FORMS.get(name, f'the JSON form of {name}')}"


def _choices(kind: EnumDescriptor) -> Iterable[str]:
    """Name the values of an enum but the one that, by convention, stands for no choice."""
    return (value.name for value in kind.values if value.number or not value.name.endswith("_UNSPECIFIED"))


class Parameters:
    """The query parameters of one kind of request.

    Args:
        kind: The request.
        bound: The fields that the path or the body sets; parameters for them, or within them, are ignored.
        names: The only parameters there are, or None for all.
        is_lenient: Parameters that name no field are ignored.
    """

    def __init__(
        self, kind: Descriptor, bound: Iterable[FieldPath], names: frozenset[str] | None, *, is_lenient: bool
    ) -> None:
        self._kind = kind
        self._bound = tuple(tuple(field.name for field in path) for path in bound)
        self._names = names
        self._is_lenient = is_lenient

    def fill(self, message: Message, query: str) -> list[Violation]:
        """Store the parameters of a query in the message; answer what is wrong with them.

        Raises:
            RefusedError: The query's percent-encoding is broken.
        """
        violations = []
        texts: dict[str, list[str]] = {}
        paths: dict[str, FieldPath] = {}
        for name, value in _pairs(query):
            if self._names is not None and name not in self._names:
                continue
            path = self._resolved(name)
            if path is None:
                if not self._is_lenient:
                    violations.append(Violation(name, "there is no such parameter"))
            elif not self._is_bound(path):
                place = ".".join(field.name for field in path)
                paths[place] = path
                texts.setdefault(place, []).append(value)
        for place, path in paths.items():
            try:
                write(message, path, texts[place])
            except ValueError as error:
                violations.append(Violation(place, str(error)))
        return violations

    def _resolved(self, name: str) -> FieldPath | None:
        path: list[FieldDescriptor] = []
        kind: Descriptor | None = self._kind
        for step in name.split("."):
            field = field_of(kind, step) if kind and not (path and path[-1].is_repeated) else None
            if field is None:
                return None
            path.append(field)
            kind = field.message_type
        return tuple(path)

    def _is_bound(self, path: FieldPath) -> bool:
        names = tuple(field.name for field in path)
        return any(names[: len(bound)] == bound for bound in self._bound)


def field_of(kind: Descriptor, name: str) -> FieldDescriptor | None:
    """Find a field by its proto or JSON name."""
    found = kind.fields_by_name.get(name)
    return found or next((field for field in kind.fields if field.json_name == name), None)


def is_in_float_range(number: str | float) -> bool:
    """Tell whether a `float`, which has 32 bits, can hold a number; it can hold those that are not finite."""
    try:
        struct.pack("<f", float(number))
    except OverflowError:
        return False
    return True


def write(message: Message, path: FieldPath, texts: list[str]) -> None:
    """Store texts in the field at the end of the path; in a singular field there is place for one.

    Raises:
        ValueError: No text fits the field, or this one does not; there is one too many; or another member of its oneof
            is set.
    """
    field = path[-1]
    if len(texts) > 1 and not field.is_repeated:
        raise ValueError("is given more than once")
    if not is_settable(field):
        raise ValueError(f"is {described(field)}, which a text cannot hold")
    for step in path:
        _refuse_second_member(message, step)
        if step is not field:
            message = getattr(message, step.name)
            message.SetInParent()
    try:
        _store(message, field, texts)
    except ValueError:
        raise ValueError(wanted(field)) from None


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    if "%" in query and BROKEN_ESCAPE.search(query):
        raise RefusedError(400, "the query has a broken percent-escape")
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            try:
                yield unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
            except UnicodeDecodeError:
                raise RefusedError(400, "the query is not UTF-8") from None


def _refuse_second_member(message: Message, field: FieldDescriptor) -> None:
    oneof = field.containing_oneof
    present = message.WhichOneof(oneof.name) if oneof else None
    if present is not None and present != field.name:
        raise ValueError(f"excludes {present}, which is set as well")


def _store(message: Message, field: FieldDescriptor, texts: list[str]) -> None:
    if field.message_type is not None:
        held = getattr(message, field.name)
        for text in texts:
            _fill(held.add() if field.is_repeated else held, field.message_type, text)
    elif field.is_repeated:
        getattr(message, field.name).extend(map(_converter(field), texts))
    else:
        setattr(message, field.name, _converter(field)(texts[0]))


def _fill(message: Message, kind: Descriptor, text: str) -> None:
    message.SetInParent()
    if kind.full_name in WRAPPERS:
        _store(message, kind.fields_by_name["value"], [text])
    elif kind.full_name == "google.protobuf.FieldMask" and "_" in text:
        _store(message, kind.fields_by_name["paths"], text.split(","))  # spelt as in the proto, as answers are
    else:
        try:
            json_format.Parse(json.dumps(text), message)
        except json_format.ParseError as error:
            raise ValueError(text) from error


def _converter(field: FieldDescriptor) -> Converter:
    return functools.partial(_enum, field.enum_type) if field.enum_type else _KINDS[field.type][2]


def _integer(text: str) -> int:
    """Read an integer of any size; storing it checks the range."""
    if not INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _double(text: str) -> float:
    if text in NOT_FINITE:
        return NOT_FINITE[text]
    if not NUMBER.fullmatch(text) or math.isinf(float(text)):
        raise ValueError(text)
    return float(text)


def _float(text: str) -> float:
    value = _double(text)
    if not is_in_float_range(value):
        raise ValueError(text)
    return value


def _bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _bytes(text: str) -> bytes:
    """Read base64 in either alphabet, with padding or without."""
    if not BASE64.fullmatch(text):
        raise ValueError(text)
    digits = text.rstrip("=").translate(_STANDARD_ALPHABET)
    return base64.b64decode(digits + "=" * (-len(digits) % 4))


def _enum(kind: EnumDescriptor, text: str) -> int:
    named = kind.values_by_name.get(text)
    if named is not None:
        return named.number
    number = _integer(text)
    if kind.is_closed and number not in kind.values_by_number:
        raise ValueError(text)
    return number


_STANDARD_ALPHABET = str.maketrans("-_", "+/")

_INT32 = ("int32", f"an integer from {-(1 << 31)} to {(1 << 31) - 1}", _integer)
_INT64 = ("int64", f"an integer from {-(1 << 63)} to {(1 << 63) - 1}", _integer)
_UINT32 = ("uint32", f"an integer from 0 to {(1 << 32) - 1}", _integer)
_UINT64 = ("uint64", f"an integer from 0 to {(1 << 64) - 1}", _integer)

# For each type its name, what a value must be, and the converter.
_KINDS: dict[int, tuple[str, str, Converter]] = {
    FieldDescriptor.TYPE_BOOL: ("bool", "true or false", _bool),
    FieldDescriptor.TYPE_BYTES: ("bytes", "base64", _bytes),
    FieldDescriptor.TYPE_DOUBLE: ("double", "a number in range, or NaN, Infinity or -Infinity as text", _double),
    FieldDescriptor.TYPE_FLOAT: ("float", "a number in range, or NaN, Infinity or -Infinity as text", _float),
    FieldDescriptor.TYPE_STRING: ("string", "a text", str),
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
}
