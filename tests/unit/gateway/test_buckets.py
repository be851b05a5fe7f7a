"""Token buckets, with the time told."""

import tracemalloc

import pytest

from gateway.app import buckets
from gateway.app.buckets import Buckets, Rate


def taken(bucket: Buckets, key: str, times: int, now: float) -> int:
    """How many of so many requests at one moment are let through."""
    return sum(bucket.take(key, now) == 0 for _ in range(times))


def test_a_burst_is_let_through_and_then_as_much_as_flows_in() -> None:
    bucket = Buckets(Rate(per_s=2, burst=5), most=10)
    assert taken(bucket, "a", 9, now=100) == 5
    assert taken(bucket, "a", 9, now=101) == 2
    assert taken(bucket, "a", 9, now=1_000) == 5


def test_who_is_refused_is_told_when_there_is_a_token_and_gets_it_then() -> None:
    bucket = Buckets(Rate(per_s=0.25, burst=1), most=10)
    assert bucket.take("a", 0) == 0
    assert bucket.take("a", 1) == pytest.approx(3)
    assert bucket.take("a", 4) == 0


def test_a_refusal_costs_nothing_so_that_asking_again_puts_nothing_off() -> None:
    bucket = Buckets(Rate(per_s=1, burst=1), most=10)
    assert taken(bucket, "a", 1_000, now=0) == 1
    assert bucket.take("a", 1) == 0


def test_one_callers_flood_takes_nothing_from_another() -> None:
    bucket = Buckets(Rate(per_s=1, burst=3), most=10)
    assert taken(bucket, "a", 1_000, now=0) == 3
    assert taken(bucket, "b", 3, now=0) == 3


def test_who_goes_on_asking_is_remembered_while_others_come_and_go() -> None:
    bucket = Buckets(Rate(per_s=0.001, burst=1), most=10)
    assert bucket.take("a", 0) == 0
    for number in range(100):
        bucket.take(f"other {number}", 0)
        assert bucket.take("a", 0) > 0


def test_a_million_addresses_are_bounded_in_number_and_memory() -> None:
    bucket = Buckets(Rate(per_s=1, burst=10), most=10_000)
    tracemalloc.start()
    try:
        for number in range(1_000_000):
            bucket.take(str(number), 0)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(bucket) == 10_000
    assert peak_bytes < 10_000 * 500


@pytest.mark.parametrize(("wait_s", "written"), [(0.001, b"1"), (1.0, b"1"), (1.2, b"2"), (60.0, b"60")])
def test_the_wait_is_written_in_whole_seconds_and_never_as_none(wait_s: float, written: bytes) -> None:
    assert buckets.retry_after(wait_s) == written
