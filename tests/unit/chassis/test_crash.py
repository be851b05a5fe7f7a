"""Points at which a process may be told to die: only in tests, and only there."""

import os
import signal
from collections.abc import Iterator

import pytest

from chassis import config, crash
from chassis.crash import CrashSettings


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    """What would have been sent to which process."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr("os.kill", lambda pid, number: sent.append((pid, number)))
    yield sent
    crash.arm(CrashSettings())


def pass_all() -> None:
    for point in crash.POINTS:
        for kind in ("", "bake", "serve"):
            crash.here(point, kind)


def test_a_process_that_was_told_nothing_lives(signals: list[tuple[int, int]]) -> None:
    crash.arm(CrashSettings())
    pass_all()
    assert signals == []


@pytest.mark.parametrize(("at", "deaths"), [("claimed", 3), ("claimed:bake", 1), ("claimed:clean", 0)])
def test_it_dies_at_the_point_and_the_kind_that_are_named(signals: list[tuple[int, int]], at: str, deaths: int) -> None:
    crash.arm(CrashSettings(at=at, allowed=True))
    pass_all()
    assert signals == [(os.getpid(), signal.SIGKILL)] * deaths


@pytest.mark.parametrize("at", ["nowhere", "claimed:", "claimed:a:b"])
def test_a_point_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], at: str
) -> None:
    monkeypatch.setenv("CRASH_AT", at)
    monkeypatch.setenv("CRASH_ALLOWED", "1")
    with pytest.raises(SystemExit) as left:
        config.load(CrashSettings)
    assert left.value.code == 2
    assert "CRASH_AT: String should match" in capsys.readouterr().err
