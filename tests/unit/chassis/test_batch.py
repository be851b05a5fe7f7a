"""Batches: an optimisation and never a unit of failure."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import batch
from chassis.errors import Unavailable


class Guilty(Exception):
    """Raised for an item that cannot be done."""


class Work:
    """Doubles numbers, all or nothing; remembers the batches it was given."""

    def __init__(self, guilty: Sequence[int] = ()) -> None:
        self.guilty = set(guilty)
        self.batches: list[list[int]] = []

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        if found := self.guilty & set(items):
            raise Guilty(min(found))
        return [2 * item for item in items]


def answers(given: Sequence[int | Exception]) -> list[int | str]:
    """Answers that can be compared."""
    return [str(answer) if isinstance(answer, Exception) else answer for answer in given]


def test_a_batch_that_succeeds_is_done_once() -> None:
    work = Work()
    assert batch.each(work, [1, 2, 3]) == [2, 4, 6]
    assert work.batches == [[1, 2, 3]]


def test_only_the_guilty_one_fails() -> None:
    work = Work(guilty=[3])
    assert answers(batch.each(work, [1, 2, 3, 4])) == [2, 4, "3", 8]
    assert work.batches == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]


@given(st.sets(st.integers(0, 63)))
def test_halving_finds_exactly_the_guilty_ones(guilty: set[int]) -> None:
    done = batch.each(Work(guilty=list(guilty)), range(64))
    assert answers(done) == [str(item) if item in guilty else 2 * item for item in range(64)]


def test_one_guilty_among_many_costs_few_batches() -> None:
    work = Work(guilty=[500])
    batch.each(work, range(1000))
    assert len(work.batches) <= 21


def test_a_passing_failure_is_everybodys_and_not_searched_for_a_guilty_one() -> None:
    away = Unavailable("the database is away")
    calls = []

    def work(items: Sequence[int]) -> list[int]:
        calls.append(items)
        raise away

    assert batch.each(work, [1, 2, 3]) == [away] * 3
    assert len(calls) == 1


def test_what_fails_while_halving_stands_beside_what_was_done() -> None:
    away = Unavailable("the database is away")

    def work(items: Sequence[int]) -> list[int]:
        if len(items) == 4:
            raise Guilty("somewhere")
        if 4 in items:
            raise away
        return list(items)

    assert batch.each(work, [1, 2, 3, 4]) == [1, 2, away, away]


@pytest.mark.parametrize(
    "work", [lambda items: [0] * (len(items) + 1), lambda items: [0] * (len(items) - 1), lambda _: None]
)
def test_work_that_does_not_answer_each_item_fails_each_item(work: Callable[[Sequence[int]], Sequence[int]]) -> None:
    done = batch.each(work, [1, 2, 3])
    assert [type(answer) for answer in done] in ([ValueError] * 3, [TypeError] * 3)
