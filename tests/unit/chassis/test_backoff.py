"""How long a failed job waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import jobs

failures = st.integers(1, 10_000)
chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("failures", "longest_s"),
    [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (6, 16), (7, 32), (8, 60), (9, 60), (100, 60), (10_000, 60)],
)
def test_the_longest_wait_doubles_up_to_a_minute(failures: int, longest_s: float) -> None:
    assert jobs.backoff_s(failures, chance=1) == longest_s


@pytest.mark.parametrize("chance", [0, 0.25, 0.5, 1])
def test_the_wait_is_a_share_of_the_longest_one(chance: float) -> None:
    assert jobs.backoff_s(4, chance=chance) == 4 * chance


def test_first_and_longest_wait_can_be_chosen() -> None:
    waits = [jobs.backoff_s(count, chance=1, first_s=0.2, most_s=5) for count in (1, 2, 6, 50)]
    assert waits == [0.2, 0.4, 5, 5]


@given(failures, chances)
def test_no_wait_is_negative_or_above_the_longest(failures: int, chance: float) -> None:
    assert 0 <= jobs.backoff_s(failures, chance) <= 60


@given(failures, chances)
def test_one_failure_more_never_shortens_the_wait(failures: int, chance: float) -> None:
    assert jobs.backoff_s(failures + 1, chance) >= jobs.backoff_s(failures, chance)


@given(failures)
def test_chance_spreads_the_waits(failures: int) -> None:
    assert len({jobs.backoff_s(failures) for _ in range(20)}) > 1
