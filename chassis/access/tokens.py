"""What a token says."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says."""

    subject: str
    roles: frozenset[str]
    own: Mapping[str, str | int]
    expires_at: float
