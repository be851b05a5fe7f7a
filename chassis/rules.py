"""A request against the rules of its contract, and what is wrong with it in words for people.

protovalidate finds what is wrong. Its own words for some rules are no help to a caller: a regular expression, or the
number of an enum value. So where the contract says a rule in words of its own (`cel` with a `message`), those are all
that is said of that field.
"""

from collections.abc import Iterator
from typing import Any

import protovalidate
from google.protobuf.message import Message

from chassis.errors import InvalidArgument, Violation


def check(request: Message) -> None:
    """Hold a request against the rules in its contract.

    Raises:
        InvalidArgument: With every violation.
    """
    if found := violations(request):
        raise InvalidArgument(found)


def violations(request: Message) -> list[Violation]:
    """Everything in which a request breaks the rules of its contract."""
    found = protovalidate.collect_violations(request)
    if not found:
        return []
    placed = [(_path(violation.proto.field), violation) for violation in found]
    worded = {path for path, violation in placed if path and _is_in_words(violation)}
    return [
        Violation(path, _words(violation, request.DESCRIPTOR))
        for path, violation in placed
        if path not in worded or _is_in_words(violation)
    ]


def _path(field: Any) -> str:  # noqa: ANN401 -- protovalidate's own path type
    """A violation's place as dotted text, for example `loans[3].customer_name`."""
    if field is None:
        return ""
    parts = []
    for element in field.elements:
        subscript = element.subscript
        place = f"[{subscript.value}]" if subscript is not None else ""
        parts.append(f"{element.field_name}{place}")
    return ".".join(parts)


def _is_in_words(violation: protovalidate.Violation) -> bool:
    """Whether the contract itself words the broken rule."""
    rule = violation.proto.rule
    return rule is not None and any(element.field_name == "cel" for element in rule.elements)


def _words(violation: protovalidate.Violation, kind: Any) -> str:  # noqa: ANN401 -- a descriptor, of either make
    rule, value = violation.proto.rule_id, violation.field_value
    if rule == "enum.defined_only" or (rule == "enum.not_in" and value == 0):
        return f"must be one of {', '.join(_choices(violation, kind))}"
    if rule in {"string.min_len", "repeated.min_items"} and violation.rule_value == 1:
        return "must not be empty"
    if rule == "required":
        return "must be set"
    return violation.proto.message


def _choices(violation: protovalidate.Violation, kind: Any) -> Iterator[str]:  # noqa: ANN401 -- as above
    """The values of the enum at fault by name, without the one that means that nothing was chosen."""
    field: Any = None
    for element in violation.proto.field.elements if violation.proto.field else ():
        field = kind.fields_by_name[element.field_name]
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            field = kind.fields_by_name["value"]
            kind = field.message_type
    return (value.name for value in field.enum_type.values if value.number or not value.name.endswith("_UNSPECIFIED"))
