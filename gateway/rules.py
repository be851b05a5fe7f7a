"""The annotations of a descriptor set as bindings: which HTTP request is which call.

Everything is checked against the descriptors before the first request is served, and all mistakes are reported at once.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2

from gateway import bind, template
from gateway.bind import FieldPath
from gateway.template import Template
from los.gateway.v1 import annotations_pb2 as gateway_annotations_pb2

EMPTY = "google.protobuf.Empty"
HTTP_BODY = "google.api.HttpBody"

_VERB = re.compile(r"\*|[A-Z0-9!#$%&'+.^_`|~-]+", re.IGNORECASE)
_WITHOUT_BODY = ("GET", "DELETE")

# Files that a set may lack though the gateway needs them: the details of errors, and a way to show unknown ones.
_NEEDED = (error_details_pb2.DESCRIPTOR.name, wrappers_pb2.DESCRIPTOR.name)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with the descriptor set.

    Attributes:
        file: The proto file.
        element: The full name of the message or method; empty if it is the file as a whole.
        field: What of it is wrong, for example `body`; empty if it is the element as a whole.
        reason: What is wrong with it.
    """

    file: str
    element: str
    field: str
    reason: str

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.file, self.element, self.field) if part)
        return f"{place}: {self.reason}"


class InvalidRulesError(ValueError):
    """The descriptor set cannot be served; lists every mistake."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(["the descriptor set cannot be served:", *(f"  {mistake}" for mistake in mistakes)]))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class Events:
    """How the messages of a stream can be resumed.

    Attributes:
        id_field: From the answer down to the text that identifies an event.
        resume_field: The text of the request that takes the last identifier seen; None if it cannot be resumed.
    """

    id_field: FieldPath
    resume_field: FieldDescriptor | None


@dataclass(frozen=True, slots=True)
class Binding:
    """One HTTP method and path template, and the call it stands for.

    Attributes:
        method: The method that is called.
        verb: The HTTP method in upper case; `*` is any that no other binding takes.
        template: The path.
        variables: From the request down to the field, for each variable of the template, in its order.
        body: `*` if the body is the whole request, else the name of the field it is; empty if there is none.
        response_body: The name of the answer's field that is the body; empty if it is the whole answer.
        status: The HTTP status of success.
        location: Filled from the answer's body, the `Location` header of success; None without one.
        events: Set for a server stream whose messages can be resumed.
        request: The class of the request.
        answer: The class of the answer.
    """

    method: MethodDescriptor
    verb: str
    template: Template
    variables: tuple[FieldPath, ...]
    body: str
    response_body: str
    status: int
    location: Template | None
    events: Events | None
    request: type[Message]
    answer: type[Message]

    @property
    def body_field(self) -> FieldDescriptor | None:
        """The field that the body is; None if it is the whole request or there is none."""
        return None if self.body in ("", "*") else self.method.input_type.fields_by_name[self.body]

    @property
    def answer_field(self) -> FieldDescriptor | None:
        """The field that the answer's body is; None if it is the whole answer."""
        return self.method.output_type.fields_by_name[self.response_body] if self.response_body else None


def load(descriptor_set: bytes) -> list[FileDescriptor]:
    """Read a serialized FileDescriptorSet into a pool of its own; every file of the answer has that `pool`.

    The well-known files of google.protobuf and google.rpc may be left out of the set.

    Raises:
        InvalidRulesError: It is no descriptor set, or a file is broken or lacks an import.
    """
    try:
        found = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set)
    except DecodeError:
        raise InvalidRulesError([Mistake("", "", "", "this is no serialized FileDescriptorSet")]) from None
    pool = descriptor_pool.DescriptorPool()
    pending = {file.name: file for file in found.file}
    names = list(pending)
    mistakes: list[Mistake] = []
    for name in (*names, *_NEEDED):
        _add(name, pending, pool, mistakes)
    if mistakes:
        raise InvalidRulesError(mistakes)
    return [pool.FindFileByName(name) for name in names]


def bindings(files: Iterable[FileDescriptor]) -> list[Binding]:
    """Read the google.api.http annotations of all methods, in the order they are written.

    Raises:
        InvalidRulesError: Anything is wrong with any of them.
    """
    found: list[Binding] = []
    mistakes: list[Mistake] = []
    for file in files:
        for service in file.services_by_name.values():
            for method in service.methods:
                reader = _Reader(method, mistakes)
                found.extend(reader.bindings())
    _refuse_equals(found, mistakes)
    if mistakes:
        raise InvalidRulesError(mistakes)
    return found


def is_http_body(message: Descriptor | None) -> bool:
    """Tell whether it is carried as raw bytes with a content type of its own."""
    return message is not None and message.full_name == HTTP_BODY


def _add(
    name: str,
    pending: dict[str, descriptor_pb2.FileDescriptorProto],
    pool: descriptor_pool.DescriptorPool,
    mistakes: list[Mistake],
) -> None:
    """Add a file to the pool after the files it imports."""
    file = pending.pop(name, None)
    if file is None:
        if _is_known(pool, name):
            return
        file = descriptor_pb2.FileDescriptorProto()
        descriptor_pool.Default().FindFileByName(name).CopyToProto(file)
    for wanted in file.dependency:
        if wanted in pending or _is_known(pool, wanted) or _is_known(descriptor_pool.Default(), wanted):
            _add(wanted, pending, pool, mistakes)
        else:
            mistakes.append(Mistake(name, "", "", f"imports {wanted}, which is not in the set (--include_imports)"))
            return
    try:
        pool.AddSerializedFile(file.SerializeToString())
    except TypeError as error:
        mistakes.append(Mistake(name, "", "", str(error)))


def _is_known(pool: descriptor_pool.DescriptorPool, name: str) -> bool:
    try:
        pool.FindFileByName(name)
    except KeyError:
        return False
    return True


def _is_text(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated


def _refuse_equals(found: Sequence[Binding], mistakes: list[Mistake]) -> None:
    """Two bindings that match the same requests leave it to chance which one is called."""
    first: dict[object, Binding] = {}
    for binding in found:
        other = first.setdefault((binding.verb, binding.template.shape), binding)
        if other is not binding:
            reason = f"{binding.verb} {binding.template.text} matches what {other.method.full_name} matches"
            mistakes.append(
                Mistake(
                    binding.method.containing_service.file.name, binding.method.full_name, "google.api.http", reason
                )
            )


class _Reader:
    """Reads the annotations of one method."""

    def __init__(self, method: MethodDescriptor, mistakes: list[Mistake]) -> None:
        self.method = method
        self.mistakes = mistakes
        self.options = cast("Any", method.GetOptions())  # extensions are beyond what its type can say
        self.answered: gateway_annotations_pb2.Answer = self.options.Extensions[gateway_annotations_pb2.answer]

    def bindings(self) -> Iterator[Binding]:
        """The rule and its additional bindings; nothing for a method without annotation."""
        if not self.options.HasExtension(annotations_pb2.http):
            return
        rule = self.options.Extensions[annotations_pb2.http]
        for each in (rule, *rule.additional_bindings):
            if each is not rule and each.additional_bindings:
                self._refuse("additional_bindings", "cannot be nested")
            binding = self._binding(each)
            if binding is not None:
                yield binding

    def _binding(self, rule: http_pb2.HttpRule) -> Binding | None:
        known = len(self.mistakes)
        verb, text = self._pattern(rule)
        parsed = self._template(verb.lower(), text)
        variables = self._variables(parsed)
        self._check_body(verb, rule.body)
        self._check_response_body(rule.response_body)
        events = self._events()
        status, location = self._status(), self._location(rule.response_body)
        if len(self.mistakes) > known or parsed is None:
            return None
        return Binding(
            method=self.method,
            verb=verb,
            template=parsed,
            variables=variables,
            body=rule.body,
            response_body=rule.response_body,
            status=status,
            location=location,
            events=events,
            request=message_factory.GetMessageClass(self.method.input_type),
            answer=message_factory.GetMessageClass(self.method.output_type),
        )

    def _pattern(self, rule: http_pb2.HttpRule) -> tuple[str, str]:
        kind = rule.WhichOneof("pattern")
        if kind is None:
            self._refuse("google.api.http", "names no method and path")
            return "", ""
        if kind != "custom":
            return kind.upper(), getattr(rule, kind)
        if not _VERB.fullmatch(rule.custom.kind):
            self._refuse("custom.kind", f"{rule.custom.kind!r} is no HTTP method")
        return rule.custom.kind.upper(), rule.custom.path

    def _template(self, field: str, text: str) -> Template | None:
        if not field:
            return None
        try:
            return template.parse(text)
        except template.TemplateError as error:
            self._refuse(field, f"{text!r}: {error}")
            return None

    def _variables(self, parsed: Template | None) -> tuple[FieldPath, ...]:
        paths = []
        for variable in parsed.variables if parsed else ():
            path = self._resolve(self.method.input_type, f"{{{variable.name}}}", variable.path)
            self._check_scalar(path, f"{{{variable.name}}}")
            paths.append(path)
        return tuple(paths)

    def _check_body(self, verb: str, body: str) -> None:
        if body and verb in _WITHOUT_BODY:
            self._refuse("body", f"{verb} has no body")
        if not body and self.method.client_streaming:
            self._refuse("body", "a client stream needs one")
        if body not in ("", "*"):
            self._check_top_level("body", self.method.input_type, body)

    def _check_response_body(self, name: str) -> None:
        if name:
            self._check_top_level("response_body", self.method.output_type, name)

    def _check_top_level(self, field: str, message: Descriptor, name: str) -> None:
        if name not in message.fields_by_name:
            self._refuse(field, f"{message.full_name} has no field {name}")

    def _status(self) -> int:
        if not self.answered.status:
            return 204 if self.method.output_type.full_name == EMPTY else 200
        if not 200 <= self.answered.status <= 299:
            self._refuse("answer.status", f"{self.answered.status} is no status of success, 200 to 299")
        return self.answered.status

    def _location(self, response_body: str) -> Template | None:
        if not self.answered.location:
            return None
        parsed = self._template("answer.location", self.answered.location)
        field = self.method.output_type.fields_by_name.get(response_body)
        message = field.message_type if field else self.method.output_type
        for variable in parsed.variables if parsed else ():
            if message is None:
                self._refuse("answer.location", f"{response_body} is no message, so that nothing fills {variable.name}")
                continue
            path = self._resolve(message, "answer.location", variable.path)
            self._check_scalar(path, "answer.location")
        if parsed and not parsed.is_renderable:
            self._refuse("answer.location", "a wildcard stands outside of every variable")
        return parsed

    def _events(self) -> Events | None:
        if not self.options.HasExtension(gateway_annotations_pb2.events):
            return None
        events: gateway_annotations_pb2.Events = self.options.Extensions[gateway_annotations_pb2.events]
        if not self.method.server_streaming:
            self._refuse("events", "the method is no server stream")
        path = self._resolve(self.method.output_type, "events.id_field", tuple(events.id_field.split(".")))
        if path and not _is_text(path[-1]):
            self._refuse("events.id_field", f"must be a string, not {bind.described(path[-1])}")
        resume = self.method.input_type.fields_by_name.get(events.resume_field)
        if events.resume_field and (resume is None or not _is_text(resume)):
            self._refuse("events.resume_field", f"{self.method.input_type.full_name} has no such string field")
        return Events(path, resume)

    def _check_scalar(self, path: FieldPath, field: str) -> None:
        if path and (path[-1].is_repeated or not bind.is_settable(path[-1])):
            self._refuse(field, f"{path[-1].name} is {bind.described(path[-1])}, which a path cannot hold")

    def _resolve(self, message: Descriptor, field: str, names: tuple[str, ...]) -> FieldPath:
        """Follow the names down from the message; answer nothing, and say why, if that leads nowhere."""
        path: list[FieldDescriptor] = []
        inner: Descriptor | None = message
        for name in names:
            if path and (inner is None or path[-1].is_repeated):
                self._refuse(field, f"{path[-1].name} is {bind.described(path[-1])}, so that nothing is within it")
                return ()
            found = inner.fields_by_name.get(name) if inner else None
            if inner is None or found is None:
                self._refuse(field, f"{inner.full_name if inner else ''} has no field {name}")
                return ()
            path.append(found)
            inner = found.message_type
        return tuple(path)

    def _refuse(self, field: str, reason: str) -> None:
        self.mistakes.append(Mistake(self.method.containing_service.file.name, self.method.full_name, field, reason))
