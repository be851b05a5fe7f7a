"""Agents, the tree of their managers, and those that a new system begins with."""

from decimal import Decimal

import phonenumbers
import pytest

from review_service.domain import ManagerCycle, canonical_name, first_agents, is_blank, refuse_cycle
from tests.unit.review_service.people import agent


@pytest.mark.parametrize(
    ("limit", "amount", "may"),
    [(None, "99999999.99", True), (100, "100.00", True), (100, "100.01", False), ("0.01", "0.01", True)],
)
def test_an_agent_may_approve_up_to_and_including_the_limit(limit: int | str | None, amount: str, *, may: bool) -> None:
    assert agent(1, limit=limit).may_approve("HOME", Decimal(amount)) is may


@pytest.mark.parametrize("place", [0, 1, 2], ids=["themselves", "a report", "the report of a report"])
def test_an_agent_cannot_be_put_below(place: int) -> None:
    chain = [agent(number) for number in (5, 6, 7)]
    with pytest.raises(ManagerCycle):
        refuse_cycle(chain[place].agent_id, chain)


def test_an_agent_can_be_put_below_anybody_else() -> None:
    refuse_cycle(1, [agent(5), agent(6)])


@pytest.mark.parametrize(
    ("written", "canonical"), [("  Ada ", "Ada"), ("Jose\u0301", "Jos\u00e9"), ("Ada  Lovelace", "Ada  Lovelace")]
)
def test_a_name_has_one_spelling(written: str, canonical: str) -> None:
    assert canonical_name(written) == canonical


@pytest.mark.parametrize(
    ("name", "is_nothing"), [("\u00a0\u2003", True), ("\u200b", True), ("A", False), ("\u738b", False)]
)
def test_a_name_of_which_nothing_can_be_seen_is_blank(*, name: str, is_nothing: bool) -> None:
    assert is_blank(name) == is_nothing


def test_a_new_system_begins_with_three_levels_named_from_the_top() -> None:
    seen = {""}
    heights = {"": 0}
    for profile, manager_email, _ in first_agents():
        assert manager_email in seen
        seen.add(profile.email)
        heights[profile.email] = heights[manager_email] + 1
    assert sorted(heights.values()) == [0, 1, 2, 2, 3, 3, 3, 3, 3]


def test_first_agents_have_addresses_phones_and_limits_of_their_own_and_larger_ones_above() -> None:
    profiles = [profile for profile, _, _ in first_agents()]
    limits = {profile.email: limit for profile, _, limit in first_agents()}
    assert len(limits) == len({profile.phone for profile in profiles}) == len(profiles)
    assert all(email.isascii() and email == email.lower() for email in limits)
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(profile.phone)) for profile in profiles)
    for _, manager_email, limit in first_agents():
        above = limits.get(manager_email)
        assert above is None or (limit is not None and limit < above)
