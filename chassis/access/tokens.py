"""Bearer tokens: whether one is genuine, and what it says of who sends it.

A token is a signed JSON Web Token (RFC 7519) from the one issuer that the settings name. The issuer's key decides how
its signature is checked, never the token; nothing that a token refers to is fetched. What is wrong with a token stands
in the log, without a word of the token itself; its sender learns only whether a fresh one would help.
"""

import hashlib
import json
import re
import threading
import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, TypeGuard

import jwt
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.access import keys
from chassis.access.keys import Keys, KeySet
from chassis.errors import Unauthenticated
from chassis.logs import log

TOKEN_MAX_LENGTH = 8 * 1024
"""The longest token that is looked at, in characters."""

REMEMBERED_MAX = 4_096
"""Of how many genuine tokens the claims are remembered: checking a signature takes a hundred times as long."""

LAST_SECOND = 253_402_300_799
"""Of the year 9999; no time in a token is later."""

_TYPES = frozenset({"jwt", "application/jwt", "at+jwt", "application/at+jwt"})
"""What a token for access may call itself; an issuer signs others with the same keys, for example to end sessions."""

_ROLE = re.compile(r"[a-z][a-z0-9_]*")
_PHONE = re.compile(r"\+[1-9][0-9]{1,14}")


def _is_phone(value: object) -> bool:
    """Whether it is a phone number in E.164 form."""
    return isinstance(value, str) and _PHONE.fullmatch(value) is not None


def _is_id(value: object) -> bool:
    """Whether it is a number that a table gives its rows."""
    return type(value) is int and 0 < value < 2**31  # True is an int, too


OWN: Mapping[str, Callable[[object], bool]] = {"phone": _is_phone, "agent_id": _is_id}
"""The claims that say whose things are the caller's own, as the contracts name them, and what each must be."""


class InvalidToken(Unauthenticated):
    """A token is not genuine, or not for us.

    Args:
        cause: What is wrong with it, for the log.
    """

    said: ClassVar[str] = "the token is not valid"

    def __init__(self, cause: str) -> None:
        super().__init__(self.said)
        self.cause = cause


class TokenExpired(InvalidToken):
    """A token was valid, and is no more: a fresh one will do."""

    said = "the token has expired"


class AuthSettings(BaseSettings):
    """Whose tokens are let in; each setting is AUTH_ and its name in the environment.

    Attributes:
        issuer: The `iss` of every token, to the letter; empty in an open system, which checks none.
        audience: What must be in its `aud`.
        jwks: The file or the URL with the issuer's public keys, a JSON Web Key Set.
        leeway_s: How far the issuer's clock and ours may be apart, in seconds.
        refresh_s: How often the keys are read again, in seconds.
    """

    model_config = SettingsConfigDict(env_prefix="AUTH_", frozen=True)

    issuer: str = ""
    audience: str = ""
    jwks: str = ""
    leeway_s: float = Field(default=10, ge=0, le=30)
    refresh_s: float = Field(default=300, ge=10, le=86_400)

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a token."""
        return not self.jwks

    @field_validator("jwks")
    @classmethod
    def _is_source(cls, jwks: str) -> str:
        if jwks and not keys.is_source(jwks):
            raise ValueError("must be a file that is there, or an https URL (http only for this machine)")
        return jwks

    @model_validator(mode="after")
    def _all_or_none(self) -> "AuthSettings":
        given = {"AUTH_ISSUER": self.issuer, "AUTH_AUDIENCE": self.audience, "AUTH_JWKS": self.jwks}
        missing = [name for name, value in given.items() if not value]
        if 0 < len(missing) < len(given):
            raise ValueError(f"{' and '.join(missing)} must be set as well, or none of {', '.join(given)}")
        return self


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says.

    Attributes:
        subject: Who it was issued to, as the issuer names them.
        roles: What they are, in upper case. One that no rule names opens nothing.
        own: The values of those claims of `OWN` that it has.
        expires_at: When it ends, in seconds since 1970.
    """

    subject: str
    roles: frozenset[str]
    own: Mapping[str, str | int]
    expires_at: float


def verifier(settings: AuthSettings, now: Callable[[], float] = time.time) -> "Verifier | None":
    """What tells genuine tokens, with a thread that keeps the issuer's keys fresh; None if the system is open."""
    if settings.is_open:
        return None
    return Verifier(settings, Keys(settings.jwks, refresh_s=settings.refresh_s), now)


class Verifier:
    """Tells genuine tokens; for any number of threads.

    Args:
        settings: What tokens must say.
        issuer_keys: What they must be signed with.
        now: The time, in seconds since 1970.
    """

    def __init__(self, settings: AuthSettings, issuer_keys: Keys, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._keys = issuer_keys
        self._now = now
        self._remembered: _Remembered | None = None

    def verify(self, token: str) -> Claims:
        """What a token says. Never waits for the issuer.

        Raises:
            InvalidToken: It is not genuine, not for us, or not valid now.
            KeysMissing: The issuer's keys are not known yet, so that nobody can tell.
        """
        key_set = self._keys.current()
        try:
            return self._claims(token, key_set)
        except InvalidToken as refusal:
            log.info("token refused", cause=refusal.cause)
            raise

    def require_keys(self) -> None:
        """Make sure that tokens can be told, as a part of whether this process is ready.

        Raises:
            KeysMissing: The issuer's keys are not known yet.
        """
        self._keys.require()

    def close(self) -> None:
        """Let the issuer's keys grow old: nothing is verified any more."""
        self._keys.close()

    def _claims(self, token: str, key_set: KeySet) -> Claims:
        """What a token says, from memory if the same keys have verified it before."""
        if len(token) > TOKEN_MAX_LENGTH or not token.isascii():
            raise InvalidToken("it is too long, or has characters that no token has")
        remembered = self._remembered
        if remembered is None or remembered.key_set is not key_set:
            self._remembered = remembered = _Remembered(key_set)
        digest = hashlib.sha256(token.encode()).digest()
        claims = remembered.get(digest)
        if claims is None:
            claims = _read(self._signed(token, key_set), self._settings, self._now())
            remembered.add(digest, claims)
        elif claims.expires_at + self._settings.leeway_s <= self._now():
            raise TokenExpired("it has expired")
        return claims

    def _signed(self, token: str, key_set: KeySet) -> Mapping[str, Any]:
        """What stands in a token, once its signature is found to be good."""
        if token.count(".") != 2:
            raise InvalidToken("it has not three parts")
        header = _json_object(_decoded(token.partition(".")[0]))
        key = self._key(header, key_set)
        if "crit" in header or header.get("alg") != key.algorithm_name:
            raise InvalidToken("its header asks for something that its key is not for")
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise InvalidToken("it is a token for something else")
        try:
            payload = _SIGNATURES.decode(token, key, algorithms=[key.algorithm_name])
        except jwt.PyJWTError as error:
            raise InvalidToken(f"its signature is not good: {type(error).__name__}") from None
        return _json_object(payload)

    def _key(self, header: Mapping[str, Any], key_set: KeySet) -> jwt.PyJWK:
        """The key that a token says it is signed with, of those that we trust."""
        if "kid" not in header:
            if key_set.only is None:
                raise InvalidToken("it names no key, and there is not exactly one")
            return key_set.only
        key_id = header["kid"]
        key = key_set.by_id.get(key_id) if isinstance(key_id, str) else None
        if key is None:
            self._keys.look_again()
            raise InvalidToken("it names a key that the issuer does not have")
        return key


class _Remembered:
    """What tokens say that one set of keys has verified; of too many, those not seen for longest are forgotten.

    Tokens are known by their digests, so that nobody finds a token in our memory.
    """

    def __init__(self, key_set: KeySet) -> None:
        self.key_set = key_set
        self._claims: OrderedDict[bytes, Claims] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> Claims | None:
        with self._lock:
            claims = self._claims.get(digest)
            if claims is not None:
                self._claims.move_to_end(digest)
            return claims

    def add(self, digest: bytes, claims: Claims) -> None:
        with self._lock:
            self._claims[digest] = claims
            if len(self._claims) > REMEMBERED_MAX:
                self._claims.popitem(last=False)


_SIGNATURES = jwt.PyJWS(sorted(keys.ALGORITHMS.values()))
"""Knows our algorithms and no other. What a token says is read here: PyJWT takes text for times, for example."""


def _decoded(part: str) -> bytes:
    """The bytes of the first part of a token. Characters that do not belong there are found with the signature."""
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise InvalidToken("its header is not in base64") from None


def _json_object(text: bytes) -> Mapping[str, Any]:
    """A JSON object that can be read in one way only: no name twice, and numbers that are numbers."""
    try:
        found = json.loads(text.decode(), object_pairs_hook=_without_doubles, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise InvalidToken("a part of it is no proper JSON") from None
    if not isinstance(found, dict):
        raise InvalidToken("a part of it is no object")
    return found


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _no_number(_name: str) -> float:
    raise ValueError("NaN and Infinity are not JSON")


def _read(payload: Mapping[str, Any], settings: AuthSettings, now: float) -> Claims:
    """What a token says, if all of it is in order."""
    audience = payload.get("aud")
    if payload.get("iss") != settings.issuer:
        raise InvalidToken("it is from another issuer")
    if audience != settings.audience and not (_are_strings(audience) and settings.audience in audience):
        raise InvalidToken("it is for another audience")
    expires_at = _time(payload, "exp")
    if max(_time(payload, "iat"), _time(payload, "nbf", 0)) > now + settings.leeway_s:
        raise InvalidToken("it is not valid yet")
    subject = payload.get("sub")
    if not (isinstance(subject, str) and 1 <= len(subject) <= 255 and subject.isprintable()):
        raise InvalidToken("its sub is missing or malformed")
    claims = Claims(subject, _roles(payload.get("roles", [])), _own(payload), expires_at)
    if expires_at + settings.leeway_s <= now:
        raise TokenExpired("it has expired")
    return claims


def _time(payload: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """A time in a token, in seconds since 1970."""
    value = payload.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LAST_SECOND:
        raise InvalidToken(f"its {name} is missing or malformed")
    return value


def _roles(value: object) -> frozenset[str]:
    """The roles in a token, as the rules spell them. Those that no rule can name are left out."""
    if not _are_strings(value):
        raise InvalidToken("its roles are no list of strings")
    return frozenset(role.upper() for role in value if _ROLE.fullmatch(role))


def _are_strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _own(payload: Mapping[str, Any]) -> Mapping[str, str | int]:
    """What a token says of whose things are the caller's own; one malformed claim spoils it."""
    own = {name: payload[name] for name in OWN if name in payload}
    for name, value in own.items():
        if not OWN[name](value):
            raise InvalidToken(f"its {name} is malformed")
    return MappingProxyType(own)
