"""Makes a Python process mistaken about the time of day: it is CLOCK_AHEAD_S off. How long things take it still knows.

Python imports this by its name, before anything else, in a process whose PYTHONPATH holds this folder. Debian's
libfaketime would do the same for every library of the process, but with it CPython's locks and sleeps hang or fail.
"""

import datetime
import os
import sys
import time
from typing import Any

AHEAD_S = float(os.environ["CLOCK_AHEAD_S"])

_time, _time_ns = time.time, time.time_ns
_Datetime = datetime.datetime


class MistakenDatetime(_Datetime):
    """What `datetime.datetime` is in this process."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return _Datetime.fromtimestamp(time.time(), tz)


def mistaken_time() -> float:
    """The time of day that this process believes in; gRPC's core asks the system, and its Python must agree with it.

    What of gRPC is compiled leaves no frame: then it is our own module for calls that seems to ask.
    """
    asks_for_grpc = sys._getframe(1).f_globals["__name__"].startswith(("grpc", "chassis.rpc"))
    return _time() + (0 if asks_for_grpc else AHEAD_S)


setattr(time, "time", mistaken_time)  # noqa: B010 -- a module's function is no place to assign to
setattr(time, "time_ns", lambda: _time_ns() + int(AHEAD_S * 1e9))  # noqa: B010 -- as above
setattr(datetime, "datetime", MistakenDatetime)  # noqa: B010 -- as above
