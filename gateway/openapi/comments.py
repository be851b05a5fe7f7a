"""What the proto comments of a descriptor set say, by the full name of the element they belong to."""

import re
from collections.abc import Collection, Mapping

from google.protobuf import descriptor_pb2
from google.protobuf.message import Message

_FIRST_SENTENCE = re.compile(r"(.+?[.!?])(?:\s+|$)(.*)", re.DOTALL)
_EXAMPLE = re.compile(r"\bfor\s+example\s+`([^`]+)`", re.IGNORECASE)

# The lists that hold named elements. A location also leads into options and ranges, which have no documentation.
_NAMED = frozenset({"message_type", "enum_type", "service", "field", "nested_type", "value", "method"})


def read(descriptor_set: bytes) -> dict[str, str]:
    """Read all comments; an enum's value is found below its enum, as in `shop.v1.Order.State.PAID`."""
    found: dict[str, str] = {}
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file:
        for location in file.source_code_info.location:
            text = _cleaned(location.leading_comments or location.trailing_comments)
            name = _full_name(file, list(location.path)) if text else None
            if name:
                found[name] = text
    return found


def split(text: str) -> tuple[str, str]:
    """Take the first sentence, without its full stop, and the rest."""
    match = _FIRST_SENTENCE.match(text)
    if match is None:
        return " ".join(text.split()), ""
    return " ".join(match[1].split()).removesuffix("."), match[2].strip()


def example(text: str) -> str | None:
    """The first value that the comment gives as in: for example `5000.50`."""
    match = _EXAMPLE.search(text)
    return match[1] if match else None


def described(comments: Mapping[str, str], full_name: str) -> dict[str, str]:
    """The comment as the `description` of an OpenAPI object, which has none if there is no comment."""
    return {"description": comments[full_name]} if full_name in comments else {}


def paragraphs(text: str, points: Collection[str]) -> str:
    """A comment, and below it a list."""
    return "\n\n".join(filter(None, [text, "\n".join(f"- {point}" for point in points)]))


def _cleaned(text: str) -> str:
    """Remove the blank that follows the slashes."""
    return "\n".join(line.removeprefix(" ").rstrip() for line in text.splitlines()).strip()


def _full_name(file: descriptor_pb2.FileDescriptorProto, path: list[int]) -> str | None:
    """Follow pairs of field number and index down to an element; None if it has no name of its own."""
    element: Message = file
    names = [file.package] if file.package else []
    if len(path) % 2:
        return None
    for number, index in zip(path[::2], path[1::2], strict=True):
        field = element.DESCRIPTOR.fields_by_number.get(number)
        if field is None or field.name not in _NAMED:
            return None
        element = getattr(element, field.name)[index]
        names.append(getattr(element, "name"))  # noqa: B009 -- every message in _NAMED has one; Message does not say so
    return ".".join(names) or None
