"""Points at which a process can be told to die, so that tests can prove that dying there loses nothing.

    CRASH_ALLOWED=1 CRASH_AT=claimed python -m SERVICE                 at the first claim of any job
    CRASH_ALLOWED=1 CRASH_AT=claimed:decide_loan python -m SERVICE     at the first of one kind

The process gets SIGKILL from itself: nothing is flushed, rolled back or given back. Both settings are for tests alone;
without them a point is a look into an empty dictionary.
"""

import os
import signal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

POINTS = {
    "claimed": "a claim of jobs is committed, and no work on them has begun",
    "performed": "the other side has answered, and nothing of it is recorded",
    "settling": "the end of a claim and its effect are written, and not committed",
    "settled": "they are committed, and nobody knows it yet",
    "storing_submits": "loans are written, and not committed",
    "stored_submits": "they are committed, and nobody is answered",
    "storing_decision": "a person's decision is written, and not committed",
    "stored_decision": "it is committed, and nobody is answered or told",
}
"""What has happened at each point."""

_armed: dict[str, str] = {}


class CrashSettings(BaseSettings):
    """Where to die; each setting is CRASH_ and its name in the environment.

    Attributes:
        at: A point, or `point:kind` for jobs of one kind; empty for nowhere.
        allowed: Says that this is a test.
    """

    model_config = SettingsConfigDict(env_prefix="CRASH_", frozen=True)

    at: str = Field(default="", pattern=rf"^(({'|'.join(POINTS)})(:\w+)?)?$")
    allowed: bool = False

    @model_validator(mode="after")
    def _only_in_tests(self) -> "CrashSettings":
        if self.at and not self.allowed:
            raise ValueError("CRASH_AT kills this process: it is for tests, which set CRASH_ALLOWED=1 as well")
        return self


def arm(settings: CrashSettings) -> None:
    """Make the point live that the settings name, if any."""
    _armed.clear()
    if settings.at:
        point, _, kind = settings.at.partition(":")
        _armed[point] = kind


def here(point: str, kind: str = "") -> None:
    """Die, if this is where this process was told to.

    Args:
        point: One of POINTS.
        kind: Of the job that is at this point, if there is one.
    """
    if point in _armed and _armed[point] in {"", kind}:
        os.kill(os.getpid(), signal.SIGKILL)
