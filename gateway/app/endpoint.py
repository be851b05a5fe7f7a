"""A binding made ready to serve: everything that can be known before a request comes."""

from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import DecodeError, EncodeError, Message

from gateway import bind, codec, rules, upstream
from gateway.codec import Codec
from gateway.errors import Header, RefusedError, Violation, invalid
from gateway.rules import Binding
from gateway.template import Template

_REPEATABLE = (MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT)
_JSON: Header = (b"content-type", b"application/json")
_CONTROLS = bytes((*range(32), 127))  # what no header holds
_MASK = "update_mask"


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer as HTTP has it."""

    status: int
    headers: list[Header]
    payload: bytes


class Event(NamedTuple):
    """One answer of a stream as JSON, and its identifier where the method has any."""

    id: str
    payload: bytes


class Endpoint:
    """Turns requests into messages and answers into replies.

    Args:
        binding: What is served.
        served_by: The upstream of its service.
        reads: Reads and writes JSON.
        query_with_body: The query parameters that are read although the body is the whole request.
    """

    def __init__(
        self, binding: Binding, served_by: upstream.Upstream, reads: Codec, query_with_body: frozenset[str]
    ) -> None:
        self.binding = binding
        self.upstream = served_by
        self.codec = reads
        self.pattern = binding.template.text
        self.call = f"/{binding.method.containing_service.full_name}/{binding.method.name}"
        self.has_body = binding.body != ""
        self.is_repeatable = binding.verb == "GET" or binding.method.GetOptions().idempotency_level in _REPEATABLE
        kind, field = binding.method.input_type, binding.body_field
        self.takes_bytes = rules.is_http_body(field.message_type if field else kind) and self.has_body
        answer_field = binding.answer_field
        self.gives_bytes = rules.is_http_body(answer_field.message_type if answer_field else binding.method.output_type)
        events = binding.events
        self.is_resumable = events is not None and events.resume_field is not None
        self._reader = reads.reader(binding.request, kind, binding.body) if self.has_body else None
        self._parameters = bind.Parameters(
            kind,
            bound=[*binding.variables, *([(field,)] if field else [])],
            names=query_with_body if binding.body == "*" else None,
            is_lenient=reads.is_lenient,
        )
        mask = kind.fields_by_name.get(_MASK)
        self._fills_mask = (
            binding.verb == "PATCH"
            and field is not None
            and mask is not None
            and mask.message_type is not None
            and mask.message_type.full_name == "google.protobuf.FieldMask"
        )

    def request(self, values: list[str], query: str, body: bytes, content_type: str) -> Message:
        """Make the request of the parts of an HTTP request.

        Raises:
            RefusedError: Anything is wrong with them; lists every field at fault.
        """
        message, value = self._read(body, content_type)
        violations = self._parameters.fill(message, query) if query else []
        for path, text in zip(self.binding.variables, values, strict=True):
            try:
                bind.write(message, path, [text])
            except ValueError as error:
                violations.append(Violation(".".join(field.name for field in path), str(error)))
        if violations:
            raise invalid(violations)
        if self._fills_mask and self._reader and body and not message.HasField(_MASK):
            getattr(message, _MASK).paths.extend(self._reader.mask(value))
        return message

    def reply(self, answer: bytes) -> Reply:
        """Make the HTTP answer of the serialized answer of the call.

        Raises:
            RefusedError: The answer cannot be read, or JSON cannot hold it.
        """
        if self.binding.status == 204:
            return Reply(204, [], b"")
        message = self.answer(answer)
        if self.gives_bytes:
            content_type, payload = self.raw(message)
            return Reply(self.binding.status, [(b"content-type", content_type)], payload)
        value = self.value(message)
        headers = [_JSON]
        if self.binding.location is not None:
            headers += _location(self.binding.location, value)
        return Reply(self.binding.status, headers, self.text(value))

    def answer(self, answer: bytes) -> Message:
        """Read the serialized answer of the call."""
        try:
            return self.binding.answer.FromString(answer)
        except DecodeError:
            raise RefusedError(502, "the service's answer cannot be read") from None

    def value(self, message: Message) -> object:
        """Answer the JSON value of what the client gets of an answer."""
        try:
            return self.codec.value(message, self.binding.answer_field)
        except ValueError:
            raise RefusedError(502, "the service's answer has no JSON form") from None

    def text(self, value: object) -> bytes:
        """Write a JSON value."""
        return codec.write(value).encode()

    def event(self, answer: bytes) -> Event:
        """Make of a serialized answer of a stream what the client gets."""
        message = self.answer(answer)
        return Event(self._event_id(message), self.text(self.value(message)))

    def resumed(self, request: Message, last_id: str) -> Message:
        """Let a request ask for the events after one."""
        if last_id and self.binding.events and self.binding.events.resume_field:
            setattr(request, self.binding.events.resume_field.name, last_id)
        return request

    def resumed_from(self, request: Message) -> str:
        """Answer the event after which a request asks; empty if for no particular."""
        events = self.binding.events
        return getattr(request, events.resume_field.name) if events and events.resume_field else ""

    def raw(self, message: Message) -> tuple[bytes, bytes]:
        """Answer the content type and the bytes of an answer that is a google.api.HttpBody."""
        field = self.binding.answer_field
        held = cast("Any", getattr(message, field.name) if field else message)
        content_type = held.content_type.encode("latin-1", errors="replace")
        return content_type.translate(None, _CONTROLS) or b"application/octet-stream", held.data

    def raw_request(self, message: Message, content_type: str, chunk: bytes) -> Message:
        """Put bytes into the google.api.HttpBody of a request."""
        field = self.binding.body_field
        held = cast("Any", getattr(message, field.name) if field else message)
        held.content_type, held.data = content_type, chunk
        return message

    def _event_id(self, message: Message) -> str:
        held: object = message
        for field in self.binding.events.id_field if self.binding.events else ():
            held = getattr(held, field.name)
        return held if isinstance(held, str) else ""

    def _read(self, body: bytes, content_type: str) -> tuple[Message, object]:
        if self._reader is None:
            return self.binding.request(), None
        if self.takes_bytes:
            return self.raw_request(self.binding.request(), content_type, body), None
        if body and content_type and content_type.partition(";")[0].strip().lower() != "application/json":
            raise RefusedError(415, "the content type must be application/json")
        return self._reader.read(body)


def serialized(message: Message) -> bytes:
    """Write a request as it goes upstream.

    Raises:
        RefusedError: A field that proto2 requires is missing.
    """
    try:
        return message.SerializeToString()
    except EncodeError:
        missing = cast("Any", message).FindInitializationErrors()  # not in its type
        raise invalid([Violation(name, "is required") for name in missing] or [Violation("", "is invalid")]) from None


def _location(location: Template, value: object) -> list[Header]:
    """The `Location` header, if the answer holds all that it is made of."""
    texts = {}
    for variable in location.variables:
        held = value
        for name in variable.path:
            held = cast("dict[str, object]", held).get(name) if isinstance(held, dict) else None
        if held is None or held == "":
            return []
        texts[variable.name] = str(held)
    return [(b"location", location.render(texts).encode())]
