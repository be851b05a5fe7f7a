"""Values about people: the text itself to whom it is meant for, a mask to everybody else."""

import copy
import json
import pickle
import time
from dataclasses import dataclass

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from chassis import personal
from chassis.personal import NO_WORDS, Email, Name, Personal, Phone, Recipient

MASKED = [
    (Phone("+14155550123"), "+1******0123"),
    (Phone("+123456789"), "+1****6789"),
    (Phone("+12345678"), "+********"),
    (Name("Ada Lovelace"), "A***"),
    (Email("ada@example.com"), "a***@***"),
    (Recipient("+14155550123"), "+1******0123"),
    (Recipient("agent:3"), "agent:3"),
    (Personal("Known to us for years."), "***"),
    (NO_WORDS, ""),
    (Name(), ""),
    (Email(), ""),
    (Phone(), ""),
]


@pytest.mark.parametrize(("value", "mask"), MASKED, ids=str)
def test_whoever_shows_a_value_shows_its_mask(value: Personal, mask: str) -> None:
    assert value.masked == str(value) == f"{value}" == "%s" % value == "{}".format(value) == mask  # noqa: UP031, UP032 -- every way
    assert (repr(value), f"{value!r:>20}") == (repr(mask), f"{mask!r:>20}")
    assert f"{value:>20}" == f"{mask:>20}"


def test_a_value_is_stored_sent_and_compared_as_its_text() -> None:
    name = Name("Ada Lovelace")
    assert (name, hash(name)) == ("Ada Lovelace", hash("Ada Lovelace"))
    assert json.dumps([name]) == '["Ada Lovelace"]'
    assert StringValue(value=name).value == "Ada Lovelace"
    assert (type(name.shown), name.shown) == (str, "Ada Lovelace")
    assert Personal(name) == Name(Personal(name)) == name
    assert copy.deepcopy(name) == pickle.loads(pickle.dumps(name)) == name  # noqa: S301 -- our own


@dataclass(frozen=True)
class Guest:
    name: Name
    table: int


def test_what_holds_a_value_shows_it_masked_and_so_does_an_error() -> None:
    guest = Guest(Name("Ada Lovelace"), 3)
    assert "Ada" not in repr([guest, {guest.name: guest.name}])
    assert "table=3" in repr(guest)
    assert "Ada" not in repr(KeyError(guest.name)) + str(ValueError(guest.name)) + str(KeyError(guest.name))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("no way to +14155550123, nor to +1 (415) 555-0199", "no way to +1******0123, nor to +1******0199"),
        ("?phone=%2B14155550123&email=ada%40example.com", "?phone=%2B1******0123&email=a***@***"),
        ("Key (email)=(ada.lovelace+loans@mail.example.com) already exists.", "Key (email)=(a***@***) already exists."),
        ('{"a":"é@example.org","b":"+4915112345678"}', '{"a":"é***@***","b":"+4********5678"}'),
        ("+14155550123+14155550124", "+1******0123+1******0124"),
    ],
)
def test_numbers_and_addresses_are_masked_wherever_they_are_said(said: str, told: str) -> None:
    assert personal.hidden(said) == told


@pytest.mark.parametrize(
    "said",
    [
        "2026-01-31T23:59:59.123456+00:00 [info] 1e+10 a+b, 3 + 4",
        "postgresql://127.0.0.1:5432/los at 0x7f3a, job deliver:01a21308-d129-70e5-9555-0cf2c090ffca",
        "delivery@host:4711:1a2b3c4d",
        "+123",
        "@",
    ],
)
def test_what_is_neither_stays_as_it_is(said: str) -> None:
    assert personal.hidden(said) == said


@pytest.mark.parametrize("piece", ["a", "a+", "+1 ", "a@", "a.@", "+1-", "%40a", "+1((  "])
def test_looking_takes_no_longer_than_the_text_asks_for(piece: str) -> None:
    """Whoever may choose what is logged must not be able to choose how long that takes."""
    text = "@+" + piece * 200_000 + "@+"
    started = time.process_time()
    personal.hidden(text)
    assert time.process_time() - started < 2  # a second for every thousand characters, if it grew with the square
