"""What JSON values the fields of a message take: looked over before json_format, and again to say what is wrong."""

import functools
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway import bind
from gateway.codec import text
from los.gateway.v1 import annotations_pb2

ANY = "google.protobuf.Any"
VALUE = "google.protobuf.Value"

Check = Callable[[object], bool]
Fault = tuple[str, str]  # the dotted path, and what is wrong there

_INTEGERS = frozenset(getattr(FieldDescriptor, f"CPPTYPE_{name}") for name in ("INT32", "INT64", "UINT32", "UINT64"))
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# What json_format raises for a value that does not fit; it does not confine itself to its own error.
MISFITS = (json_format.ParseError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Shape:
    """The JSON objects that are one kind of message."""

    def __init__(self) -> None:
        self.checks: dict[str, Check] = {}
        self.written: list[str] = []
        self.aliases: dict[str, str] = {}  # from the JSON names that are not the proto's to those

    def fits(self, value: object) -> bool:
        """Tell whether every known field has a value of its sort; make text of the numbers that may stand for it."""
        if type(value) is not dict:
            return False
        for name in self.written:
            if name in value:
                value[name] = _as_text(value[name])
        if not self.aliases.keys().isdisjoint(value) and any(self.aliases.get(name) in value for name in value):
            return False
        for name, held in value.items():
            check = self.checks.get(name)
            if check is not None and held is not None and not check(held):
                return False
        return True


class Shapes:
    """The shapes of all messages of a pool, each made when it is first asked for."""

    def __init__(self, pool: DescriptorPool, *, is_lenient: bool) -> None:
        self._pool = pool
        self._is_lenient = is_lenient
        self._made: dict[str, Shape] = {}

    def of(self, kind: Descriptor) -> Shape:
        """Answer the shape of a message."""
        made = self._made.get(kind.full_name)
        if made is None:
            made = self._made[kind.full_name] = Shape()  # before its fields: a message may hold itself
            for field in kind.fields:
                check = self._check(field)
                if field.json_name != field.name:
                    made.aliases[field.json_name] = field.name
                for name in (field.name, field.json_name):
                    made.checks[name] = check
                    if is_number_accepted(field):
                        made.written.append(name)
        return made

    def faults(self, value: object, kind: Descriptor, path: str = "") -> Iterator[Fault]:
        """List what keeps a JSON value from being this message."""
        if not isinstance(value, dict):
            yield path, "must be an object"
            return
        seen: dict[str, str] = {}
        for name, held in value.items():
            field = bind.field_of(kind, name)
            if field is None:
                if not self._is_lenient:
                    yield text.join(path, name), "there is no such field"
                continue
            place = text.join(path, field.name)
            if field.name in seen:
                yield place, "is given more than once"
            seen[field.name] = field.name
            if held is not None or (field.message_type is not None and field.message_type.full_name == VALUE):
                yield from self._oneof_faults(field, seen, place)
                yield from self._field_faults(held, field, place)

    def _oneof_faults(self, field: FieldDescriptor, seen: dict[str, str], place: str) -> Iterator[Fault]:
        if field.containing_oneof is None:
            return
        key = f"oneof {field.containing_oneof.name}"
        if seen.setdefault(key, field.name) != field.name:
            yield place, f"excludes {seen[key]}, which is set as well"

    def _field_faults(self, value: object, field: FieldDescriptor, place: str) -> Iterator[Fault]:
        if field.message_type is not None and bind.is_map(field):
            if not isinstance(value, dict):
                yield place, "must be an object"
                return
            key, held = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
            for name, each in value.items():
                faults = list(self._value_faults(each, held, f"{place}[{name!r}]"))
                yield from faults
                if not faults and not self._is_taken(field, {name: each}):
                    yield f"{place}[{name!r}]", f"the key {bind.wanted(key)}"
        elif not field.is_repeated:
            yield from self._value_faults(value, field, place)
        elif isinstance(value, list):
            for index, each in enumerate(value):
                yield from self._value_faults(each, field, f"{place}[{index}]")
        else:
            yield place, "must be a list"

    def _value_faults(self, value: object, field: FieldDescriptor, place: str) -> Iterator[Fault]:
        if field.message_type is not None and is_regular(field.message_type):
            yield from self.faults(value, field.message_type, place)
        elif isinstance(value, str) and _LONE_SURROGATE.search(value):
            yield place, "must not hold half a surrogate pair"
        elif not self._check_one(field)(value) or not self._is_taken(field, [value] if field.is_repeated else value):
            yield place, f"{bind.wanted(field)} or a number" if is_number_accepted(field) else bind.wanted(field)

    def _is_taken(self, field: FieldDescriptor, value: object) -> bool:
        """Try the value alone."""
        kind = field.containing_type
        if kind is None:
            return True
        probe = message_factory.GetMessageClass(kind)()
        try:
            json_format.ParseDict({field.name: value}, probe, self._is_lenient, self._pool)
        except MISFITS:
            return False
        return True

    def _check(self, field: FieldDescriptor) -> Check:
        one = self._check_one(field)
        if field.message_type is not None and bind.is_map(field):
            return functools.partial(
                _all_values, self._check_one(field.message_type.fields_by_name["value"]), _key_check(field.message_type)
            )
        return functools.partial(_all_items, one) if field.is_repeated else one

    def _check_one(self, field: FieldDescriptor) -> Check:
        if field.enum_type is not None:
            return functools.partial(_is_enum, frozenset(field.enum_type.values_by_name))
        if field.message_type is None:
            return _CHECKS[field.cpp_type] if field.type != FieldDescriptor.TYPE_BYTES else _is_base64
        kind = field.message_type
        if kind.full_name in bind.WRAPPERS:
            return self._check_one(kind.fields_by_name["value"])
        return self.of(kind).fits if is_regular(kind) else _WELL_KNOWN_CHECKS[kind.full_name]


def is_regular(kind: Descriptor) -> bool:
    """Tell whether a message is a JSON object with a member for each field."""
    return kind.full_name not in _WELL_KNOWN_CHECKS and kind.full_name not in bind.WRAPPERS


def is_number_accepted(field: FieldDescriptor) -> bool:
    """Tell whether a JSON number may stand for this text."""
    options = cast("Any", field.GetOptions())  # extensions are beyond what its type can say
    return field.type == FieldDescriptor.TYPE_STRING and bool(options.Extensions[annotations_pb2.number_accepted])


def keeps_digits(kind: Descriptor) -> bool:
    """Tell whether anywhere in the message a JSON number may stand for a text."""
    pending, seen = [kind], {kind.full_name}
    while pending:
        for field in pending.pop().fields:
            if is_number_accepted(field):
                return True
            if field.message_type is not None and field.message_type.full_name not in seen:
                seen.add(field.message_type.full_name)
                pending.append(field.message_type)
    return False


def _as_text(value: object) -> object:
    if isinstance(value, list):
        return [_as_text(each) for each in value]
    return text.digits(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _all_items(check: Check, value: object) -> bool:
    return type(value) is list and all(map(check, value))


def _all_values(check: Check, key_check: Check, value: object) -> bool:
    return type(value) is dict and all(map(check, value.values())) and all(map(key_check, value))


def _key_check(entry: Descriptor) -> Check:
    return _is_integer if entry.fields_by_name["key"].cpp_type in _INTEGERS else _is_text


def _is_enum(names: frozenset[str], value: object) -> bool:
    return value in names if type(value) is str else type(value) is int


def _is_integer(value: object) -> bool:
    return bind.NUMBER.fullmatch(value) is not None if type(value) is str else _is_number(value)


def _is_double(value: object) -> bool:
    if type(value) is str:
        return value in bind.NOT_FINITE or (bind.NUMBER.fullmatch(value) is not None and math.isfinite(float(value)))
    return _is_number(value)


def _is_float(value: object) -> bool:
    return _is_double(value) and bind.is_in_float_range(cast("str | float", value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_bool(value: object) -> bool:
    return type(value) is bool


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_base64(value: object) -> bool:
    return type(value) is str and bind.BASE64.fullmatch(value) is not None


def _is_object(value: object) -> bool:
    return type(value) is dict


def _is_list(value: object) -> bool:
    return type(value) is list


def _is_anything(_value: object) -> bool:
    return True


_CHECKS: dict[int, Check] = {
    FieldDescriptor.CPPTYPE_BOOL: _is_bool,
    FieldDescriptor.CPPTYPE_STRING: _is_text,
    **dict.fromkeys(_INTEGERS, _is_integer),
    FieldDescriptor.CPPTYPE_DOUBLE: _is_double,
    FieldDescriptor.CPPTYPE_FLOAT: _is_float,
}
_WELL_KNOWN_CHECKS: dict[str, Check] = {
    ANY: _is_object,
    VALUE: _is_anything,
    "google.protobuf.Duration": _is_text,
    "google.protobuf.FieldMask": _is_text,
    "google.protobuf.ListValue": _is_list,
    "google.protobuf.Struct": _is_object,
    "google.protobuf.Timestamp": _is_text,
}
