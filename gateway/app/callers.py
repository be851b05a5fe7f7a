"""Who asks, and how often they may.

A caller is known by a token that is genuine, and by an address. Each has a bucket that fills steadily, and a smaller
one for calls that make something new; an address has one for tokens that are not genuine, so that guessing is slow. An
address is an IPv4 address or an IPv6 network of 64 bits, which is what one household gets.

Loopback addresses are not limited: a developer's, or those of a proxy that was not declared.
"""

import ipaddress
import time
from collections.abc import Callable
from functools import lru_cache

from chassis.errors import Unauthenticated, Unavailable
from gateway.app.buckets import Buckets, Rate, retry_after
from gateway.app.exchange import Exchange
from gateway.app.limits import Limits
from gateway.errors import RefusedError

Verify = Callable[[str], str]
"""Answers whom a bearer token was issued to; raises Unauthenticated, or Unavailable while nobody can tell."""

_SCHEME = b"bearer "


class Callers:
    """Refuses callers who ask too often, or with a token that is not genuine.

    Args:
        limits: How often is too often, and how many proxies are ours.
        verify: Tells genuine tokens; None in an open system, where tokens mean nothing.
        now: Seconds on a clock that never goes back.
    """

    def __init__(self, limits: Limits, verify: Verify | None, now: Callable[[], float] = time.monotonic) -> None:
        most = limits.callers_max
        self._proxies = limits.proxies
        self._verify = verify
        self._now = now
        self._by_address = _buckets(limits.address_rate, limits.address_burst, most)
        self._by_principal = _buckets(limits.principal_rate, limits.principal_burst, most)
        self._of_creation = _buckets(limits.creation_rate, limits.creation_burst, most)
        self._of_forgery = _buckets(limits.forgery_rate, limits.forgery_burst, most)

    def admit_address(self, exchange: Exchange) -> str:
        """Let a request from an address through; answers what the address counts as, empty if it does not count.

        Raises:
            RefusedError: It asks too often.
        """
        address = _counted(exchange, self._proxies)
        if address:
            self._take(self._by_address, address, "too many requests from your address")
        return address

    def admit(self, exchange: Exchange, address: str, *, creates: bool) -> None:
        """Let a call through.

        Args:
            exchange: The request, whose address was let through.
            address: What that counts as.
            creates: Whether the call, made twice, would make two things.

        Raises:
            RefusedError: Its token is not genuine, or its caller asks too often.
        """
        caller = address
        sent = exchange.headers.get(b"authorization")
        if self._verify is not None and sent is not None:
            caller = f"sub {self._principal(self._verify, sent, address)}"
            self._take(self._by_principal, caller, "too many requests")
        if creates and caller:
            self._take(self._of_creation, caller, "too many new things at once")

    def _principal(self, verify: Verify, sent: bytes, address: str) -> str:
        """Whom the token was issued to."""
        is_bearer = sent[: len(_SCHEME)].lower() == _SCHEME
        token = sent[len(_SCHEME) :].strip().decode("latin-1") if is_bearer else ""
        try:
            return verify(token)
        except Unauthenticated as error:
            self._take(self._of_forgery, address or "loopback", "too many tokens that are not valid")
            raise RefusedError(401, error.message) from None
        except Unavailable as error:
            raise RefusedError(503, error.message) from None

    def _take(self, buckets: Buckets | None, key: str, refusal: str) -> None:
        if buckets is not None and (wait_s := buckets.take(key, self._now())) > 0:
            raise RefusedError(429, f"{refusal}; try again later", headers=((b"retry-after", retry_after(wait_s)),))


def _buckets(rate: float, burst: float, most: int) -> Buckets | None:
    """The buckets of a limit; None if there is none."""
    return Buckets(Rate(rate, burst), most) if rate else None


def _counted(exchange: Exchange, proxies: int) -> str:
    """What a request's address counts as: what the outermost proxy of ours saw, if there are any and it is an address.

    A loopback address that somebody claims is not believed: this machine's own come without being claimed.
    """
    if proxies:
        passed = b",".join(value for name, value in exchange.all_headers if name == b"x-forwarded-for").split(b",")
        if len(passed) >= proxies and (claimed := _network(passed[-proxies].strip().decode("latin-1"))):
            return claimed
    return _network(exchange.client)


@lru_cache(4_096)
def _network(address: str) -> str:
    """What an address counts as; empty for this machine's own, and for a connection that has none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_loopback:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, 64), strict=False).network_address)
    return str(found)
