"""Values about people that nobody else has, and whether anything tells them to whom it should not.

A value is looked for in every form in which it could be written down: as it is, in the escapes of URLs and of JSON, in
base64 wherever it begins, in hexadecimal digits, and a phone number as it is dialled at home.
"""

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

from chassis import personal


def _tag() -> str:
    return secrets.token_hex(3)


def _phone() -> str:
    return f"+1202{200 + secrets.randbelow(700)}{secrets.randbelow(10_000):04}"


SURNAME = "Lovelace"
"""Of the customers of nearly every other test."""


def heard_in(logs: Iterable[Path]) -> list[str]:
    """The lines of logs that tell a number, an address, or the customer of the other tests."""
    return [
        f"{log.stem}: {line}"
        for log in logs
        if log.exists()
        for line in log.read_text(errors="replace").splitlines()
        if SURNAME in line or personal.hidden(line) != line
    ]


@dataclass(frozen=True, slots=True)
class Marks:
    """What is told the system of a customer and of an agent."""

    name: str = field(default_factory=lambda: f"Zzcanar\u00ef Quux-{_tag()}")
    phone: str = field(default_factory=_phone)
    comment: str = field(default_factory=lambda: f"Zzremark-{_tag()} \u00fcber the canary")
    staff_name: str = field(default_factory=lambda: f"Zzkeeper Vox-{_tag()}")
    staff_phone: str = field(default_factory=_phone)
    staff_email: str = field(default_factory=lambda: f"canary-{_tag()}@example.com")

    def found_in(self, places: Mapping[str, str]) -> list[str]:
        """A sentence for every form of a value in every place that tells it."""
        needles = [(what, form) for what, value in asdict(self).items() for form in sorted(set(_forms(value)))]
        folded = {place: said.casefold() for place, said in places.items()}
        return [
            f"{place} tells the {what} as {form}: ...{_around(folded[place], form.casefold())}..."
            for place in places
            for what, form in needles
            if form.casefold() in folded[place]
        ]


def _forms(value: str) -> Iterator[str]:
    """How a value, or a telling part of it, could be written down."""
    for said in {value, *value.split(), *_dialled(value)} - {"the", "canary", "\u00fcber"}:
        raw = said.encode()
        yield said
        yield json.dumps(said)[1:-1]
        yield repr(raw)[2:-1]
        yield quote(said, safe="")
        yield quote_plus(said, safe="")
        yield raw.hex()
        for shift in range(3):  # where in a group of three bytes it begins
            whole = base64.b64encode(bytes(shift) + raw).decode()
            sure = whole[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
            yield sure
            yield sure.translate(str.maketrans("+/", "-_"))


def _dialled(value: str) -> list[str]:
    """A phone number of North America without its `+`, and as it is dialled there."""
    if not value.startswith("+1"):
        return []
    area, office, line = value[2:5], value[5:8], value[8:]
    return [value[1:], value[2:], f"({area}) {office}-{line}", f"{area}-{office}-{line}"]


def _around(said: str, form: str) -> str:
    """What stands around what was found, in one line."""
    at = said.index(form)
    return " ".join(said[max(0, at - 200) : at + len(form) + 100].split())
