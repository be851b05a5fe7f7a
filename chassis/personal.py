"""Values about people, which show a mask wherever they were not meant to be seen.

Each is the text that it was made of: it is compared, stored and sent as that. But `str`, `repr` and formatting show the
mask, so that no f-string, no traceback, and no repr of what holds it tells who somebody is. Whoever writes to people,
and so means the text itself, asks for `shown`. What is cut out of it, or joined to it, is a plain text again.

A name looks like any other word, so only its type protects it. Phone numbers and e-mail addresses look like what they
are: `hidden` finds them in any text, as a second line of defence.
"""

import re
from typing import Self

MASK = "***"
"""Stands for what is not told, however long it is."""

DIGITS_SHOWN = 4
"""How many of a phone number's last digits tell it from others; they are shown if as many stay hidden."""

_PHONE = re.compile(r"(\+|%2[Bb])([1-9](?:[ ().-]{0,2}[0-9]){5,14})")
# Begins only where a word does: the time it takes grows with the text and not with its square.
_EMAIL = re.compile(r"(?<![\w.+-])([\w+-])[\w.+-]*(?:@|%40)[\w-]+(?:\.[\w-]+)+")
_NO_DIGIT = re.compile(r"[^0-9]")


class Personal(str):
    """A text about somebody: something that they wrote, or that is written to them."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        """A value of this type, also of one of another: `str` of that would be its mask."""
        return super().__new__(cls, str.__str__(text))

    @property
    def masked(self) -> str:
        """What anybody may see of it; empty if it is."""
        return MASK if self else ""

    @property
    def shown(self) -> str:
        """The text itself, for those who may see it."""
        return str.__str__(self)

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return repr(self.masked)

    def __format__(self, spec: str) -> str:
        return format(self.masked, spec)


class Name(Personal):
    """Somebody's name; its first letter may be seen."""

    __slots__ = ()

    @property
    def masked(self) -> str:
        """The first letter."""
        return self[:1] + MASK if self else ""


class Phone(Personal):
    """A phone number in E.164 form; its first and its last digits may be seen."""

    __slots__ = ()

    @property
    def masked(self) -> str:
        """As in `+1******0123`."""
        return self[:1] + _masked_digits(self[1:])


class Email(Personal):
    """An e-mail address; its first letter may be seen."""

    __slots__ = ()

    @property
    def masked(self) -> str:
        """As in `a***@***`."""
        return f"{self[:1]}{MASK}@{MASK}" if self else ""


class Recipient(Personal):
    """Where a message goes: a phone number, an e-mail address, or a name that we have given ourselves."""

    __slots__ = ()

    @property
    def masked(self) -> str:
        """What we have named ourselves is seen as it is."""
        return hidden(self.shown)


NO_WORDS = Personal()
"""What somebody wrote who wrote nothing."""


def hidden(text: str) -> str:
    """A text in which phone numbers, in international form, and e-mail addresses are masked."""
    if "+" in text or "%2" in text:
        text = _PHONE.sub(_masked_phone, text)
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(rf"\1{MASK}@{MASK}", text)
    return text


def _masked_phone(found: re.Match[str]) -> str:
    return found[1] + _masked_digits(_NO_DIGIT.sub("", found[2]))


def _masked_digits(digits: str) -> str:
    """The first of many digits and the last ones, with a star for each of the others."""
    if len(digits) <= 2 * DIGITS_SHOWN:
        return "*" * len(digits)
    stars = "*" * (len(digits) - 1 - DIGITS_SHOWN)
    return f"{digits[0]}{stars}{digits[-DIGITS_SHOWN:]}"
