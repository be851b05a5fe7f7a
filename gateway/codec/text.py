"""JSON text into Python values, without what Python's reader adds to JSON."""

import json
import math
from collections.abc import Iterator
from typing import Any

_DIGITS_MAX = 400  # longer than any number that a field holds; Python's own bound would answer in its own words


class Written(float):
    """A JSON number that remembers its digits."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "Written":
        """Read the digits as a number, and keep them."""
        number = super().__new__(cls, _float(text))
        number.text = text
        return number


class _Fault(str):
    """Stands where the text has no value; says why."""

    __slots__ = ()


def digits(number: float) -> str:
    """Answer a number as it was written."""
    return number.text if isinstance(number, Written) else str(number)


def faults(text: str, path: str) -> Iterator[tuple[str, str]]:
    """Find what `load` refuses in a text that is JSON otherwise: the path, and what is wrong there.

    Args:
        text: The JSON text.
        path: Where its value stands.
    """
    return _faults(_tolerant(text), path)


def join(path: str, name: str) -> str:
    """Extend a dotted path."""
    return f"{path}.{name}" if path else name


def _faults(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, _Fault):
        yield path, str(value)
    elif isinstance(value, list):
        for index, held in enumerate(value):
            yield from _faults(held, f"{path}[{index}]")
    elif isinstance(value, tuple):
        seen = set()
        for name, held in value:
            if name in seen:
                yield join(path, name), "is given more than once"
            seen.add(name)
            yield from _faults(held, join(path, name))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("the number is out of range")
    return number


def _integer(text: str) -> int:
    if len(text) > _DIGITS_MAX:
        raise ValueError("the number is out of range")
    return int(text)


def _written_integer(text: str) -> float:
    number = _integer(text)
    return number if text != "-0" else Written(text)


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _float_or_fault(text: str) -> float | _Fault:
    return _Fault("must be a number in range") if math.isinf(float(text)) else float(text)


def _integer_or_fault(text: str) -> int | _Fault:
    return _Fault("must be a number in range") if len(text) > _DIGITS_MAX else int(text)


def _constant_fault(text: str) -> _Fault:
    return _Fault(f"{text} is not JSON")


# Each reads a text; raises json.JSONDecodeError if it is not JSON, another ValueError if it is what `faults` finds.
load = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_float, parse_int=_integer, parse_constant=_refuse
).decode
load_keeping_digits = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=Written, parse_int=_written_integer, parse_constant=_refuse
).decode
_tolerant = json.JSONDecoder(
    object_pairs_hook=tuple, parse_float=_float_or_fault, parse_int=_integer_or_fault, parse_constant=_constant_fault
).decode
