"""JSON bodies into messages and messages into JSON, by the proto3 JSON mapping.

json_format does the work. It lets through what the mapping forbids (`""` for a message, `true` for an enum, `1_000` for
a number), so the values are looked over first; and it stops at the first mistake, so that a body that fails is walked
once more to list them all.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from google.protobuf import json_format, wrappers_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.rpc import status_pb2

from gateway import bind
from gateway.codec import shapes, text
from gateway.codec.shapes import Shapes
from gateway.errors import RefusedError, Violation, invalid

_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = re.compile(rb"[^\[\]{}]+")

# No JSON of this depth makes a message deeper than the 100 levels that every protobuf implementation reads: an object
# in a google.protobuf.Struct, the deepest there is, makes three.
_DEPTH_UNQUESTIONED = 32
_MESSAGE_DEPTH = 1000

# What json_format raises for a message that it cannot write.
_UNREADABLE = (json_format.SerializeToJsonError, DecodeError, TypeError, ValueError)

_OPAQUE = "/google.protobuf.BytesValue"

# Writes a JSON value; raises ValueError for what JSON cannot hold.
write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Codec:
    """Reads and writes the JSON of one descriptor pool.

    Args:
        pool: Where the types of google.protobuf.Any are looked up.
        depth_max: How deep a body may be nested.
        is_lenient: Unknown fields of a body are ignored.
    """

    def __init__(self, pool: DescriptorPool, *, depth_max: int, is_lenient: bool) -> None:
        self.pool = pool
        self.depth_max = depth_max
        self.is_lenient = is_lenient
        self.shapes = Shapes(pool, is_lenient=is_lenient)

    def reader(self, request: type[Message], kind: Descriptor, body: str) -> "Reader":
        """Prepare to read the bodies of one kind of request.

        Args:
            request: The class of the request.
            kind: Its descriptor.
            body: `*` if a body is the whole request, else the name of the field it is.
        """
        return Reader(self, request, kind, body)

    def value(self, message: Message, field: FieldDescriptor | None) -> object:
        """Answer a message, or one field of it, as a JSON value; an Any that cannot be read keeps its bytes.

        Raises:
            ValueError: JSON cannot hold it, for example a time after the year 9999.
        """
        try:
            if field is None:
                return self._object(message)
            if field.has_presence and not message.HasField(field.name):
                return None
            if field.message_type is not None and not field.is_repeated:
                return self._object(getattr(message, field.name))
            return cast("dict[str, object]", self._object(message))[field.name]
        except json_format.SerializeToJsonError as error:
            raise ValueError(str(error)) from error

    def details(self, status: bytes) -> list[Any]:
        """Read the details of a serialized google.rpc.Status; none if it is not one."""
        try:
            found = status_pb2.Status.FromString(status)
        except DecodeError:
            return []
        return cast("dict[str, list[Any]]", self._object(found))["details"]

    def _object(self, message: Message) -> object:
        try:
            return self._printed(message)
        except _UNREADABLE:
            copy = type(message)()
            copy.CopyFrom(message)
            self._make_opaque(copy)
            return _unmarked(self._printed(copy))

    def _printed(self, message: Message) -> object:
        return json_format.MessageToDict(
            message,
            always_print_fields_with_no_presence=True,
            preserving_proto_field_name=True,
            descriptor_pool=self.pool,
        )

    def _make_opaque(self, message: Message) -> None:
        """Let every Any that cannot be read hold its bytes as a BytesValue, marked in its type so that it is found."""
        if message.DESCRIPTOR.full_name == shapes.ANY and not self._is_readable(message):
            held = cast("Any", message)  # its fields are there by its name alone
            held.value = wrappers_pb2.BytesValue(value=held.value).SerializeToString()
            held.type_url += _OPAQUE
            return
        for field, value in message.ListFields():
            if field.message_type is None:
                continue
            if bind.is_map(field):
                if field.message_type.fields_by_name["value"].message_type is not None:
                    for each in value.values():
                        self._make_opaque(each)
            else:
                for each in value if field.is_repeated else (value,):
                    self._make_opaque(each)

    def _is_readable(self, message: Message) -> bool:
        try:
            self._printed(message)
        except _UNREADABLE:
            return False
        return True


class Reader:
    """Reads the JSON bodies of one kind of request."""

    def __init__(self, codec: Codec, request: type[Message], kind: Descriptor, body: str) -> None:
        self._codec = codec
        self._request = request
        self._kind = kind
        self._field = None if body == "*" else kind.fields_by_name[body]
        self._shape = codec.shapes.of(kind)
        self._load = text.load_keeping_digits if shapes.keeps_digits(kind) else text.load

    def read(self, body: bytes) -> tuple[Message, object]:
        """Make a request of a body; an empty one is a default request.

        Returns:
            The request, and the JSON value it was made of.

        Raises:
            RefusedError: It is not JSON, or not the JSON of this request; lists every field at fault.
        """
        request = self._request()
        if not body.strip():
            return request, {}
        depth = self._depth(body)
        value = self._parsed(body)
        whole = {self._field.name: value} if self._field else value
        if not self._filled(request, whole):
            raise invalid(self._violations(whole))
        if depth > _DEPTH_UNQUESTIONED:
            self._refuse_unreadable(request)
        return request, value

    def mask(self, value: object) -> list[str]:
        """Name the fields that a JSON body sets, as the paths of a google.protobuf.FieldMask."""
        kind = self._field.message_type if self._field else self._kind
        return list(_present(value, kind)) if kind and isinstance(value, dict) else []

    def _depth(self, body: bytes) -> int:
        """Refuse what is nested too deeply; a body with few brackets needs no closer look."""
        depth = body.count(b"{") + body.count(b"[")
        if depth > min(self._codec.depth_max, _DEPTH_UNQUESTIONED):
            depth = nesting(body, self._codec.depth_max)
        if depth > self._codec.depth_max:
            raise RefusedError(400, f"the body is nested deeper than {self._codec.depth_max} levels")
        return depth

    def _parsed(self, body: bytes) -> object:
        try:
            decoded = body.decode()
        except UnicodeDecodeError:
            raise RefusedError(400, "the body is not UTF-8") from None
        try:
            return self._load(decoded)
        except json.JSONDecodeError as error:
            message = f"the body is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
            raise RefusedError(400, message) from None
        except ValueError:
            start = self._field.name if self._field else ""
            raise invalid([Violation(*found) for found in text.faults(decoded, start)]) from None

    def _filled(self, request: Message, whole: object) -> bool:
        try:
            if not self._shape.fits(whole):
                return False
            json_format.ParseDict(
                cast("dict[str, Any]", whole), request, self._codec.is_lenient, self._codec.pool, _MESSAGE_DEPTH
            )
        except shapes.MISFITS:
            return False
        return True

    def _violations(self, whole: object) -> list[Violation]:
        found = [Violation(*found) for found in self._codec.shapes.faults(whole, self._kind)]
        return found or [Violation("", f"the body is not the JSON form of {self._kind.full_name}")]

    def _refuse_unreadable(self, request: Message) -> None:
        try:
            self._request.FromString(request.SerializeToString())
        except DecodeError:
            raise RefusedError(400, "the body makes a message that is nested too deeply") from None


def nesting(body: bytes, most: int) -> int:
    """Answer how deep the brackets of a JSON text go; where they go deeper than `most`, one more than that."""
    depth = deepest = 0
    for bracket in _NOT_BRACKETS.sub(b"", _TEXTS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
        if deepest > most:
            break
    return deepest


def _present(value: dict[str, Any], kind: Descriptor, path: str = "") -> Iterator[str]:
    """The paths of what is present, down to what is no message with members of its own."""
    for name, held in value.items():
        field = bind.field_of(kind, name)
        if field is None:
            continue
        place = text.join(path, field.name)
        inner = field.message_type
        if held and isinstance(held, dict) and inner and not bind.is_map(field) and shapes.is_regular(inner):
            yield from _present(held, inner, place)
        else:
            yield place


def _unmarked(found: object) -> object:
    """Take the marks of `_make_opaque` away again."""
    if isinstance(found, list):
        return [_unmarked(each) for each in found]
    if not isinstance(found, dict):
        return found
    if str(found.get("@type", "")).endswith(_OPAQUE):
        return {**found, "@type": found["@type"].removesuffix(_OPAQUE)}
    return {name: _unmarked(each) for name, each in found.items()}
