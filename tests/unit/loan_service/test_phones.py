"""Phone numbers in E.164 form: the short way gives what phonenumbers gives."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from loan_service.servicer import phones

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
DIGITS = st.text("0123456789", min_size=0, max_size=16)


def examples() -> dict[str, str]:
    """A fixed line or mobile number of every region, in E.164 form, as phonenumbers knows it."""
    found = {}
    for region in REGIONS:
        for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                found[f"{region} {kind}"] = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return found


EXAMPLES = examples()


def national_prefixes() -> dict[int, str]:
    """What is dialled before a number within the main country of a code."""
    found = {}
    for code in CODES:
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(
            code, phonenumbers.region_code_for_country_code(code)
        )
        found[code] = (metadata and metadata.national_prefix) or ""
    return found


PREFIXES = national_prefixes()


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Any digits behind any code, with the national prefix or without; and what is nearly the number of somebody."""
    if draw(st.booleans()):
        number = draw(st.sampled_from(sorted(EXAMPLES.values())))
        at = draw(st.integers(1, len(number)))
        return number[:at] + draw(st.text("0123456789", max_size=2)) + number[at + draw(st.integers(0, 2)) :]
    code = draw(st.sampled_from(CODES))
    return f"+{code}{draw(st.sampled_from(['', PREFIXES[code]]))}{draw(DIGITS)}"


@settings(max_examples=3_000, deadline=None)
@given(texts(), st.sampled_from(["US", "GB", "IT", "MX", "AR", "BR", "BS", "CA"]))
def test_what_is_taken_for_canonical_is_what_phonenumbers_makes_of_it(text: str, region: str) -> None:
    if phones.is_canonical(text):
        assert phones.read(text, region) == text


@pytest.mark.parametrize("code", CODES)
def test_for_every_country_and_every_length_the_short_way_gives_what_phonenumbers_gives(code: int) -> None:
    for beginning in (*(str(digit) for digit in range(10)), "10", "15", "44", "99", PREFIXES[code]):
        for size in range(len(beginning), 16):
            text = f"+{code}{beginning}" + "2345678901234567"[: size - len(beginning)]
            if phones.is_canonical(text):
                assert phones.read(text, "US") == text


def test_nearly_all_numbers_take_the_short_way() -> None:
    short = [text for text in EXAMPLES.values() if phones.is_canonical(text)]
    assert len(short) > 0.85 * len(EXAMPLES)
    assert phones.is_canonical("+14155550123")


@pytest.mark.parametrize(
    "text",
    [
        "4155550123",  # of which country?
        "+1 415 555 0123",
        "+1415555012",  # too short
        "+141555501234",  # too long
        "+10415550123",
        "+390612345678",  # whose zero belongs to it
        "+80012345678",  # of no country
        "+999123456789",
        "+١٤١٥٥٥٥٠١٢٣",
        "",
    ],
)
def test_all_else_is_left_to_phonenumbers(text: str) -> None:
    assert not phones.is_canonical(text)


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_what_is_in_canonical_form_stays_as_it_is(example: str) -> None:
    assert phones.canonical(EXAMPLES[example], "US") == EXAMPLES[example]


def test_a_number_that_is_longer_than_any_may_be_is_none() -> None:
    assert phones.canonical(f"+49{'1' * 13}", "US") == f"+49{'1' * 13}"
    assert phones.canonical(f"+49{'1' * 14}", "US") is None
