"""Phone numbers in E.164 form.

phonenumbers reads what people write, in about fifty microseconds. What programs send is in E.164 form already, and then
the answer is nearly always the same text again. Here are the cases in which it is, decided by the figures that
phonenumbers itself decides by.
"""

import re
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata

DIGITS_MAX = 15
"""The most that a number may have, its country's code included, by E.164."""

_PLAIN = re.compile(r"\+([1-9][0-9]{2,14})")
_CODES = {str(code): regions[0] for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}
_CODE_DIGITS_MAX = max(map(len, _CODES))


class _Country(NamedTuple):
    """What makes a number one of the country's, whether or not it is assigned: how long it is behind the code."""

    lengths: frozenset[int]
    prefix: re.Pattern[str] | None  # dialled within the country only, and so dropped by phonenumbers


def canonical(text: str, region: str) -> str | None:
    """A phone number in E.164 form; None if it cannot be one.

    Args:
        text: As somebody wrote it.
        region: Where numbers without `+` are from, as ISO 3166 names it.
    """
    return text if is_canonical(text) else read(text, region)


def is_canonical(text: str) -> bool:
    """Tell of a text, in the usual cases, that `read` gives it back as it is."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return False
    digits = found[1]
    for size in range(1, _CODE_DIGITS_MAX + 1):
        if digits[:size] in _CODES:  # no code is the beginning of another
            country, number = _country(digits[:size]), digits[size:]
            return (
                country is not None
                and len(number) in country.lengths
                and not number.startswith("0")  # some countries drop it, and for some it has a meaning
                and not (country.prefix and country.prefix.match(number))
            )
    return False


def read(text: str, region: str) -> str | None:
    """What phonenumbers makes of a text; None if it can be no phone number."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    form = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return form if len(form) <= 1 + DIGITS_MAX else None


@cache
def _country(code: str) -> _Country | None:
    """The country of a code, the main one where several share it; None where there is none, as with satellites."""
    metadata = PhoneMetadata.metadata_for_region(_CODES[code], None)
    if metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix_for_parsing
    return _Country(frozenset(metadata.general_desc.possible_length), re.compile(prefix) if prefix else None)
