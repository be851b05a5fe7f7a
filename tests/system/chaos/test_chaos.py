"""Everything goes wrong for a while, and afterwards nothing is lost, nothing happened twice, and nobody is stuck."""

import pytest

from tests.system.chaos import drill, faults
from tests.system.chaos.checker import Answers
from tests.system.chaos.watcher import Watcher

SEED = 1
LASTS_S = 70


@pytest.mark.timeout(900)
def test_nothing_is_lost_or_doubled_or_stuck_whatever_goes_wrong() -> None:
    report = drill.run(SEED, LASTS_S, print)
    assert report.violations == [], report.table()
    asked = {kind for kind, outcome in report.outcomes if outcome == "ok"}
    assert asked == {"submit", "look", "decide", "withdraw", "staff"}
    assert report.injected.total() > 20
    assert report.watched > 100


def test_the_same_seed_makes_the_same_plan() -> None:
    processes, links = ["one", "two"], ["one->two", "two->one"]
    planned = faults.plan(7, 600, processes, links)
    assert planned == faults.plan(7, 600, processes, links)
    assert planned != faults.plan(8, 600, processes, links)
    assert {fault.kind for fault in planned} == set(faults.KINDS)


def test_faults_of_one_target_never_overlap() -> None:
    free_at: dict[str, float] = {}
    for fault in faults.plan(7, 600, ["one", "two"], ["one->two", "two->one"]):
        assert free_at.get(fault.target, 0) <= fault.at_s
        free_at[fault.target] = fault.at_s + fault.lasts_s


def test_a_watcher_who_misses_something_or_sees_it_twice_is_noticed() -> None:
    happened = ["a", "b", "c"]
    for seen, wrong in {
        ("a", "b", "c"): [],
        ("a", "b", "c", "later"): [],
        ("a", "c"): ["the watcher saw c as event 1, where b had happened"],
        ("a", "a", "b"): ["the watcher saw a as event 1, where b had happened"],
        ("a",): ["the watcher never saw the last 2 of 3 events"],
    }.items():
        watcher = Watcher("http://127.0.0.1:1", Answers())
        watcher.seen = list(seen)
        assert watcher.broken(happened, patience_s=0) == wrong
