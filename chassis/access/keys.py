"""The public keys of an issuer of tokens: read from a file or a URL, kept fresh, and never waited for.

A thread of its own reads them again every so often, and sooner when somebody meets a key that is not known. Whatever
is asked of it, it pauses between two reads, so that nobody can turn made-up names of keys into a flood of fetches. A
set is replaced as a whole. While the issuer is away, the last set serves.
"""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from chassis.errors import Unavailable
from chassis.logs import log

ALGORITHMS = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", None): "RS256"}
"""The one algorithm for each kind of key, by its type and curve; keys of other kinds are not taken."""

RSA_MIN_BITS = 2048
DOCUMENT_MAX_BYTES = 256 * 1024

FETCH_MAX_S = 5.0
"""How long the issuer may take to answer, all in all."""

PAUSE_S = 10.0
"""How long nothing is read after each read, whatever is asked."""

_SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""The members of private and of symmetric keys: who can read such a set can also make tokens."""

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class KeysMissing(Unavailable):
    """The issuer's keys could not be read yet, or it has none that can be used."""


class UnusableKeys(Exception):
    """What was read is no set of keys; the text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class KeySet:
    """The keys of an issuer at one time.

    Attributes:
        by_id: Each key by its id, bound to its one algorithm.
        only: The key for tokens that name none: there is one only if no other could be meant.
    """

    by_id: Mapping[str, jwt.PyJWK]
    only: jwt.PyJWK | None


def is_source(source: str) -> bool:
    """Whether keys may come from there: a file that is there, or an https URL; without TLS from this machine only."""
    if not _is_url(source):
        return Path(source).is_file()
    try:
        parts = urlsplit(source)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_private = parts.scheme == "https" or parts.hostname in _THIS_MACHINE
    return bool(parts.hostname) and parts.username is None and has_port and is_private


class Keys:
    """An issuer's keys, read again by a thread of their own. A file is also read at once, by who makes this.

    Args:
        source: Where they are; see `is_source`.
        refresh_s: How often they are read while nobody asks.
        pause_s: How long nothing is read after each read.
    """

    def __init__(self, source: str, *, refresh_s: float, pause_s: float = PAUSE_S) -> None:
        self._read: Callable[[], bytes] = partial(_fetch if _is_url(source) else _read_file, source)
        self._refresh_s = refresh_s
        self._pause_s = pause_s
        self._listed: object = None
        self._set: KeySet | None = None
        self._is_away = False
        self._wanted = threading.Event()
        self._closed = threading.Event()
        if not _is_url(source):
            self._refresh()
        threading.Thread(target=self._keep_fresh, name="issuer-keys", daemon=True).start()

    def current(self) -> KeySet:
        """The keys as they were read last; never waits.

        Raises:
            KeysMissing: They were never read.
        """
        if self._set is None:
            raise KeysMissing("the keys that tokens are checked with are not known yet")
        return self._set

    def require(self) -> None:
        """Make sure that there are keys.

        Raises:
            KeysMissing: They were never read, or the issuer has none that can be used.
        """
        if not self.current().by_id and self.current().only is None:
            raise KeysMissing("the issuer of tokens has no key that can be used")

    def look_again(self) -> None:
        """Have the keys read soon, because one that is not known was met; returns at once."""
        self._wanted.set()

    def close(self) -> None:
        """Read nothing any more."""
        self._closed.set()
        self._wanted.set()

    def _keep_fresh(self) -> None:
        while not self._closed.is_set():
            succeeded = self._refresh()
            self._closed.wait(self._pause_s)
            if succeeded:
                self._wanted.wait(max(0.0, self._refresh_s - self._pause_s))
            self._wanted.clear()  # before the read: what is asked for during it may need another

    def _refresh(self) -> bool:
        """Read the keys once, and tell whether that succeeded; the log hears of the first failure and of its end."""
        try:
            self._take(_listed(self._read()))
        except Exception as error:  # noqa: BLE001 -- whatever is wrong with the issuer, the last keys serve
            if not self._is_away:
                cause = f"{type(error).__name__}: {error}"
                log.warning("the issuer's keys cannot be read", cause=cause, has_earlier_ones=self._set is not None)
            self._is_away = True
            return False
        if self._is_away:
            log.info("the issuer's keys can be read again")
        self._is_away = False
        return True

    def _take(self, listed: list[Any]) -> None:
        """Have these keys serve; the same ones as before stay the same object, and what they verified counts."""
        if self._set is None or listed != self._listed:
            found = key_set(listed)
            self._listed, self._set = listed, found
            log.info("the issuer's keys are known", ids=sorted(found.by_id))


def key_set(listed: list[Any]) -> KeySet:
    """The keys of a list that can be used; the log hears of the others.

    Args:
        listed: JSON Web Keys (RFC 7517).
    """
    taken: list[jwt.PyJWK] = []
    by_id: dict[str, jwt.PyJWK] = {}
    for number, entry in enumerate(listed, 1):
        try:
            key = _key(entry, by_id)
        except UnusableKeys as flaw:
            log.warning("a key of the issuer is not taken", number=number, cause=str(flaw))
            continue
        taken.append(key)
        if key.key_id is not None:
            by_id[key.key_id] = key
    return KeySet(by_id, taken[0] if len(taken) == 1 else None)


def _key(entry: Any, known: Collection[str]) -> jwt.PyJWK:  # noqa: ANN401 -- whatever the JSON holds
    """A key, bound to the algorithm of its kind.

    Args:
        entry: What the list says of it.
        known: The ids of those before it.

    Raises:
        UnusableKeys: It is not for checking signatures, or not of a kind that is trusted.
    """
    if not isinstance(entry, dict):
        raise UnusableKeys("is no object")
    if not _SECRET.isdisjoint(entry):
        raise UnusableKeys("is private or symmetric, and should not be in a public set")
    kind, curve = entry.get("kty"), entry.get("crv")
    algorithm = ALGORITHMS.get((kind, curve)) if isinstance(kind, str) and isinstance(curve, str | None) else None
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        raise UnusableKeys(f"is not for {', '.join(ALGORITHMS.values())}")
    purposes = entry.get("key_ops", ["verify"])
    if entry.get("use", "sig") != "sig" or not isinstance(purposes, list) or "verify" not in purposes:
        raise UnusableKeys("is not for signatures")
    if not isinstance(entry.get("kid", ""), str) or entry.get("kid") in known:
        raise UnusableKeys("has the id of another, or one that is no string")
    try:
        key = jwt.PyJWK(entry, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise UnusableKeys("is malformed") from error
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < RSA_MIN_BITS:
        raise UnusableKeys(f"is shorter than {RSA_MIN_BITS} bits")
    return key


def _listed(document: bytes) -> list[Any]:
    """The entries of a JSON Web Key Set, not looked at yet.

    Raises:
        UnusableKeys: It is none.
    """
    if len(document) > DOCUMENT_MAX_BYTES:
        raise UnusableKeys(f"longer than {DOCUMENT_MAX_BYTES} bytes")
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise UnusableKeys("not JSON") from None
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise UnusableKeys("no list of keys in it")
    return listed


def _is_url(source: str) -> bool:
    return source.startswith(("https://", "http://"))


def _read_file(path: str) -> bytes:
    """What a file holds, and of one that is too long a little more than is allowed."""
    with Path(path).open("rb") as file:
        return file.read(DOCUMENT_MAX_BYTES + 1)


def _fetch(url: str) -> bytes:
    """What a URL answers with, and of an answer that is too long a little more than is allowed.

    Redirects are not followed: keys come from where the settings say, or not at all.

    Raises:
        UnusableKeys: It answers something else than success.
        OSError, http.client.HTTPException: It does not answer, or not in time.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=FETCH_MAX_S, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=FETCH_MAX_S)
    )
    try:
        connection.connect()
        # The connection's own limit is for each wait: an issuer that sends a byte now and then would never reach it.
        late = threading.Timer(FETCH_MAX_S, _hang_up, [connection.sock])
        late.daemon = True
        late.start()
        try:
            connection.request("GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
            answer = connection.getresponse()
            if answer.status != HTTPStatus.OK:
                raise UnusableKeys(f"answered with {answer.status}; redirects are not followed")
            return answer.read(DOCUMENT_MAX_BYTES + 1)
        finally:
            late.cancel()
    finally:
        connection.close()


def _hang_up(connected: socket.socket) -> None:
    """End a connection that somebody reads from, who then finds it ended."""
    with suppress(OSError):  # it has just ended by itself
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
