"""protovalidate's rules as keywords of JSON Schema; what no keyword can say is said in words."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import protovalidate
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor, EnumValueDescriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message

from buf.validate import validate_pb2
from buf.validate.validate_pb2 import FieldRules, MessageRules

Schema = dict[str, Any]  # Any: whatever JSON can hold
Element = FieldDescriptor | Descriptor | OneofDescriptor
Keyword = Callable[[Any], Schema | None]  # answers None if this very value cannot be said

# The e-mail addresses of HTML forms, which is what protovalidate means by them.
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = rf"^[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*$"

_NOT_IN_BROWSERS = re.compile(r"\(\?[^:]|\\[AzZQECaGpP]|\\x\{|\[\[:|\[\^?\]")
_SYNTAX = re.compile(r"[\^$\\.*+?()\[\]{}|/]")
_NEEDLESS_ESCAPE = re.compile(r"\\[^\w^$\\.*+?()\[\]{}|/-]")
_SPACES = r"\t\n\f\r "  # RE2 knows these alone; the \s of a browser is wider


def option(element: Element, extension: Any) -> Any:  # noqa: ANN401 -- the stubs do not say what an extension holds
    """What an element says in an extension of its options."""
    return element.GetOptions().Extensions[extension]


def rules_of(field: FieldDescriptor) -> FieldRules:
    """The rules of a field; empty if there are none."""
    rules: FieldRules = option(field, validate_pb2.field)
    return rules


def rules_of_message(message: Descriptor) -> MessageRules:
    """The rules of a message as a whole."""
    rules: MessageRules = option(message, validate_pb2.message)
    return rules


def is_choice_required(oneof: OneofDescriptor) -> bool:
    """Tell whether one member of a oneof must be set."""
    return bool(option(oneof, validate_pb2.oneof).required)


def required(message: Descriptor) -> set[str]:
    """The names of the fields without which the rules refuse a message: those refused in an empty one.

    Raises:
        protovalidate.CompilationError: A rule makes no sense.
    """
    empty = message_factory.GetMessageClass(message)()
    validator = protovalidate.Validator()  # the shared one takes messages of one name for the same in all pools
    return {
        violation.proto.field.elements[0].field_name
        for violation in validator.collect_violations(empty)
        if violation.proto.field is not None and len(violation.proto.field.elements) == 1
    }


def keywords(rules: FieldRules) -> Schema:
    """The keywords that hold for one value, or for the whole of a list or map."""
    return _merged(keyword for _, keyword in _translated(rules) if keyword is not None)


def sentences(rules: FieldRules | MessageRules) -> list[str]:
    """The rules for which there is no keyword, in words."""
    written = [each.message or f"`{each.expression}`" for each in rules.cel]
    written += [f"`{expression}`" for expression in rules.cel_expression]
    if isinstance(rules, FieldRules):
        written += [words for words, keyword in _translated(rules) if keyword is None]
    return written


def allowed(kind: EnumDescriptor, rules: FieldRules) -> list[EnumValueDescriptor]:
    """The values of an enum that the rules let through."""
    wanted = getattr(rules.enum, "in") or [value.number for value in kind.values]
    if rules.enum.HasField("const"):
        wanted = [rules.enum.const]
    return [value for value in kind.values if value.number in wanted and value.number not in rules.enum.not_in]


def pattern(expression: str) -> str | None:
    """Write a regular expression of the RE2 kind as ECMAScript reads it; None if it has no such form."""
    if _NOT_IN_BROWSERS.search(expression):
        return None
    parts, in_class = [], False
    for piece in re.findall(r"\\.|.", expression, re.DOTALL):
        if piece == r"\S" and in_class:
            return None
        in_class = piece == "[" or (in_class and piece != "]")
        parts.append(_translated_piece(piece, in_class))
    return "".join(parts)


def _translated_piece(piece: str, in_class: bool) -> str:
    if piece == r"\s":
        return _SPACES if in_class else f"[{_SPACES}]"
    if piece == r"\S":
        return f"[^{_SPACES}]"
    is_needless = _NEEDLESS_ESCAPE.fullmatch(piece) or (piece == r"\-" and not in_class)
    return piece[1] if is_needless else piece


def _translated(rules: FieldRules) -> Iterator[tuple[str, Schema | None]]:
    """Each rule in words, and its keywords where there are any."""
    kind = rules.WhichOneof("type")
    if kind in (None, "enum"):
        return
    known = _KEYWORDS.get(kind, _NUMBER)
    typed: Message = getattr(rules, kind)
    for field, value in typed.ListFields():
        is_said_elsewhere = field.name in ("items", "keys", "values", "example")
        if not is_said_elsewhere and (value is not False or field.name == "const"):
            written = "" if value is True else ": " + " ".join(str(value).split())
            keyword = known.get(field.name)
            yield f"`{kind}.{field.name}{written}`", keyword(value) if keyword else None


def _merged(found: Iterable[Schema]) -> Schema:
    """Put keywords together; one that is taken goes to `allOf`."""
    merged: Schema = {}
    for schema in found:
        if merged.keys() & schema.keys():
            merged.setdefault("allOf", []).append(schema)
        else:
            merged |= schema
    low = merged.get("minimum", merged.get("exclusiveMinimum"))
    high = merged.get("maximum", merged.get("exclusiveMaximum"))
    if low is not None and high is not None and low > high:
        return {"anyOf": [{key: value} for key, value in merged.items()]}  # the outside of a range
    return merged


def _says(keyword: str) -> Keyword:
    return lambda value: {keyword: value}


def _format(name: str) -> Keyword:
    return lambda _: {"format": name}


def _matches(before: str, after: str) -> Keyword:
    return lambda text: {"pattern": f"{before}{_escaped(text)}{after}"}


def _escaped(text: str) -> str:
    """Like re.escape, but escaping nothing that a browser wants bare."""
    return _SYNTAX.sub(r"\\\g<0>", text)


def _pattern(expression: str) -> Schema | None:
    found = pattern(expression)
    return None if found is None else {"pattern": found}


_VALUE: dict[str, Keyword] = {
    "const": _says("const"),
    "in": lambda values: {"enum": list(values)},
    "not_in": lambda values: {"not": {"enum": list(values)}},
}
_NUMBER: dict[str, Keyword] = _VALUE | {
    "lt": _says("exclusiveMaximum"),
    "lte": _says("maximum"),
    "gt": _says("exclusiveMinimum"),
    "gte": _says("minimum"),
    "finite": lambda _: {},
}
_STRING: dict[str, Keyword] = _VALUE | {
    "len": lambda length: {"minLength": length, "maxLength": length},
    "min_len": _says("minLength"),
    "max_len": _says("maxLength"),
    "pattern": _pattern,
    "prefix": _matches("^", ""),
    "suffix": _matches("", "$"),
    "contains": _matches("", ""),
    "not_contains": lambda text: {"not": {"pattern": _escaped(text)}},
    "email": lambda _: {"format": "email", "pattern": _EMAIL},
    "hostname": _format("hostname"),
    "ip": lambda _: {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
    "ipv4": _format("ipv4"),
    "ipv6": _format("ipv6"),
    "uri": _format("uri"),
    "uri_ref": _format("uri-reference"),
    "uuid": _format("uuid"),
    "tuuid": lambda _: {"pattern": "^[0-9a-fA-F]{32}$"},
}
_KEYWORDS: dict[str, dict[str, Keyword]] = {
    "string": _STRING,
    "bool": {"const": _says("const")},
    "repeated": {"min_items": _says("minItems"), "max_items": _says("maxItems"), "unique": _says("uniqueItems")},
    "map": {"min_pairs": _says("minProperties"), "max_pairs": _says("maxProperties")},
    **{kind: {} for kind in ("bytes", "any", "duration", "field_mask", "timestamp")},
}
