"""Messages of any kind with anything in them, for Hypothesis."""

import math
from collections.abc import Callable
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from gateway import bind

_Any = Any  # what a message made at run time has is beyond its type
Draw = Callable[[st.SearchStrategy[Any]], Any]

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(allow_nan=False) | st.just(math.nan),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(allow_nan=False, width=32) | st.just(math.nan),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(-(2**31), 2**31 - 1) | st.sampled_from([0, 1]),
}
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def messages(draw: Draw, kind: type[Message]) -> Message:
    """Messages of a kind; those within are three deep at most."""
    message = kind()
    _fill(draw, message, depth=3)
    return message


def _fill(draw: Draw, message: Message, depth: int) -> None:
    name = message.DESCRIPTOR.full_name
    if name in _WELL_KNOWN:
        _WELL_KNOWN[name](draw, message)
        return
    fields = [each for each in message.DESCRIPTOR.fields if depth > 0 or each.message_type is None]
    for field in (
        draw(st.lists(st.sampled_from(fields), max_size=6, unique_by=lambda each: each.name)) if fields else ()
    ):
        _fill_field(draw, message, field, depth)


def _fill_field(draw: Draw, message: Message, field: FieldDescriptor, depth: int) -> None:
    held = getattr(message, field.name)
    if field.message_type is not None and bind.is_map(field):
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        for each in draw(st.lists(_scalars(key), max_size=2)):
            if value.message_type is not None:
                _fill(draw, held[each], depth - 1)
            else:
                held[each] = draw(_scalars(value))
    elif field.message_type is not None:
        for each in [held.add() for _ in range(draw(st.integers(0, 2)))] if field.is_repeated else [held]:
            each.SetInParent()
            _fill(draw, each, depth - 1)
    elif field.is_repeated:
        held.extend(draw(st.lists(_scalars(field), max_size=3)))
    else:
        setattr(message, field.name, draw(_scalars(field)))


def _scalars(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue":
        return st.just(0)
    if field.cpp_type in _NUMBERS:
        return _NUMBERS[field.cpp_type]
    return st.binary(max_size=5) if field.type == FieldDescriptor.TYPE_BYTES else _TEXTS


def _fill_time(draw: Draw, message: _Any) -> None:
    message.seconds = draw(st.integers(-62135596800, 253402300799))
    message.nanos = draw(st.integers(0, 999_999_999))


def _fill_wait(draw: Draw, message: _Any) -> None:
    sign = draw(st.sampled_from([-1, 1]))
    message.seconds = sign * draw(st.integers(0, 315_576_000_000 - 1))
    message.nanos = sign * draw(st.integers(0, 999_999_999))


def _fill_mask(draw: Draw, message: _Any) -> None:
    message.paths.extend(draw(st.lists(st.from_regex(r"[a-z]+(_[a-z]+)*(\.[a-z]+)?", fullmatch=True), max_size=3)))


def _fill_struct(draw: Draw, message: _Any) -> None:
    message.update(draw(st.dictionaries(_TEXTS, _JSON, max_size=2)))


def _fill_list(draw: Draw, message: _Any) -> None:
    message.extend(draw(st.lists(_JSON, max_size=2)))


def _fill_value(draw: Draw, message: _Any) -> None:
    box = type(message)().struct_value
    box["held"] = draw(_JSON)
    message.CopyFrom(box.fields["held"])


def _fill_any(draw: Draw, message: _Any) -> None:
    plain = message.DESCRIPTOR.file.pool.FindMessageTypeByName("kinds.v1.Plain")
    message.Pack(draw(messages(message_factory.GetMessageClass(plain))))


_WELL_KNOWN: dict[str, Callable[[Draw, Any], None]] = {
    "google.protobuf.Any": _fill_any,
    "google.protobuf.Duration": _fill_wait,
    "google.protobuf.FieldMask": _fill_mask,
    "google.protobuf.ListValue": _fill_list,
    "google.protobuf.Struct": _fill_struct,
    "google.protobuf.Timestamp": _fill_time,
    "google.protobuf.Value": _fill_value,
}
