"""Garbage is looked for seldom, but it is looked for."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from chassis import memory


class Ring:
    """Refers to itself, so that no count of references frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_garbage_that_refers_to_itself_is_freed_after_so_many_allocations() -> None:
    memory.collect_seldom()
    ring = weakref.ref(Ring())
    assert ring() is not None
    kept = [[] for _ in range(2 * memory.ALLOCATIONS)]  # type: list[list[int]]
    assert ring() is None
    assert len(kept) == 2 * memory.ALLOCATIONS


def test_what_is_there_at_the_start_is_not_looked_at_again() -> None:
    memory.collect_seldom()
    assert gc.get_freeze_count() > 1_000
    assert len(gc.get_objects()) < 1_000
