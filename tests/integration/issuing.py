"""Tokens that say what a test wants, for servers of a test; real ones are for the tests of tokens."""

import json
import time

from chassis.access.tokens import Claims
from chassis.errors import Unauthenticated

Metadata = tuple[tuple[str, str], ...]


class Issuer:
    """Takes for genuine what `bearing` makes, until a time.

    Attributes:
        expires_at: That time, in seconds since 1970.
    """

    def __init__(self) -> None:
        self.expires_at = time.time() + 3_600

    def verify(self, token: str) -> Claims:
        """What a token says."""
        try:
            said = json.loads(token)
        except ValueError:
            raise Unauthenticated("the token is not valid") from None
        return Claims(said["subject"], frozenset(said["roles"]), said["own"], self.expires_at)


def bearing(*roles: str, subject: str = "somebody", **own: str | int) -> Metadata:
    """The metadata of a caller with these roles and claims."""
    token = json.dumps({"subject": subject, "roles": roles, "own": own})
    return (("authorization", f"Bearer {token}"),)
