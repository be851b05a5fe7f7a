"""Token buckets: how much each of many callers may still ask for.

Pure: the time is told, nothing waits, and nothing here knows what the callers are.
"""

import math
from collections import OrderedDict
from typing import NamedTuple


class Rate(NamedTuple):
    """What a bucket gives.

    Attributes:
        per_s: The tokens that flow in each second.
        burst: The tokens that it holds.
    """

    per_s: float
    burst: float


class Buckets:
    """A bucket for every key, full at first; a token is taken for every request.

    No more than `most` are remembered; the one used longest ago is forgotten, and would be full when it comes back. So
    whoever wants a fresh bucket sooner than time fills theirs must come from `most` other keys in between.

    Args:
        rate: What each bucket gives.
        most: How many are remembered.
    """

    def __init__(self, rate: Rate, most: int) -> None:
        self._rate = rate
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # the tokens, and when they were counted

    def __len__(self) -> int:
        """How many buckets are remembered."""
        return len(self._buckets)

    def take(self, key: str, now: float) -> float:
        """Take a token; answer 0, or the seconds until there is one, and nothing is taken then.

        Args:
            key: Whose bucket.
            now: Seconds on a clock that never goes back.
        """
        per_s, burst = self._rate
        tokens, counted = self._buckets.get(key, (burst, now))
        tokens = min(burst, tokens + (now - counted) * per_s)
        is_given = tokens >= 1
        self._buckets[key] = (tokens - is_given, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0 if is_given else (1 - tokens) / per_s


def retry_after(wait_s: float) -> bytes:
    """Write the seconds to wait as `Retry-After` has them: whole, and at least one."""
    return b"%d" % max(1, math.ceil(wait_s))
