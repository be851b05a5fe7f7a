"""Mutual TLS between processes: who we are and whom we trust, from files that may be replaced at any time.

A folder holds `ca.crt`, `tls.crt` and `tls.key`, as PEM. New files count for new connections within about a second.
What cannot be used, for example a certificate whose key is not there yet, is warned of once, and the last good set
stays. A certificate of ours that is about to expire is warned of once a day.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partialmethod
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from prometheus_client import Gauge
from pydantic import DirectoryPath, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis import config, metrics
from chassis.logs import log

AUTHORITIES = "ca.crt"
CERTIFICATE = "tls.crt"
KEY = "tls.key"

PEER_PREFIX = "spiffe://los/"
"""What the URI in a certificate begins with; the rest is the name of whom it belongs to."""

WARN_BEFORE = timedelta(days=14)
"""How long before our certificate ends it is warned of: time enough to renew it by hand."""

EXPIRY = Gauge(
    "tls_certificate_expiry_timestamp_seconds",
    "When our certificate ends, in seconds since 1970.",
    ["file"],  # without a label there would be a figure, 0, where there is no certificate
    registry=metrics.REGISTRY,
)

LOOK_EVERY_S = 1.0
"""How often the files are looked at, at most; connections are far more frequent."""

SERVER_NAME = "grpc.ssl_target_name_override"
"""The option of a channel that says whose certificate is wanted, whatever the address is called."""


class TlsSettings(BaseSettings):
    """Where certificates are; TLS_DIR in the environment.

    Attributes:
        dir: The folder; without one nothing is encrypted, and nobody is asked for a certificate.
    """

    model_config = SettingsConfigDict(env_prefix="TLS_", frozen=True, env_ignore_empty=True)

    dir: DirectoryPath | None = None

    @field_validator("dir")
    @classmethod
    def _usable(cls, folder: Path | None) -> Path | None:
        if folder is not None:
            read(folder)
        return folder


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are and whom we trust.

    Attributes:
        authorities: Whose signatures count, as PEM.
        certificate: Ours, and those between it and an authority, as PEM.
        key: The proof that it is ours, as PEM.
        subject: Whom our certificate names, for people; callers go by its URI.
        expires_at: When our certificate ends.
    """

    authorities: bytes
    certificate: bytes
    key: bytes
    subject: str
    expires_at: datetime


def load(*, is_open: bool) -> Path | None:
    """Read from the environment where the certificates are; None if there is no TLS.

    Args:
        is_open: Whether callers need not say who they are.

    Raises:
        SystemExit: With 2, if the folder cannot be used, or if there is none although callers must say who they are:
            calls between services could not be told from others.
    """
    folder = config.load(TlsSettings).dir
    if folder is None and not is_open:
        config.refuse("TLS_DIR: must be set when AUTH_ISSUER is")
    return folder


def read(folder: Path) -> Identity:
    """Read the files of a folder.

    Raises:
        ValueError: They cannot be used; says which and why, and nothing of what is in them.
    """
    authorities, certificate, key = (_content(folder / name) for name in (AUTHORITIES, CERTIFICATE, KEY))
    _certificates(authorities, AUTHORITIES)
    own = _certificates(certificate, CERTIFICATE)[0]
    try:
        secret = load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        raise ValueError(f"{KEY} is no private key in PEM without a password") from None
    if secret.public_key() != own.public_key():
        raise ValueError(f"{CERTIFICATE} and {KEY} do not belong together")
    return Identity(authorities, certificate, key, own.subject.rfc4514_string(), own.not_valid_after_utc)


class Watched:
    """The identity in a folder, as it is at present; for any number of threads.

    Args:
        folder: Where the files are.
        look_every_s: How often they are looked at, at most.

    Raises:
        ValueError: They cannot be used to begin with.
    """

    def __init__(self, folder: Path, look_every_s: float = LOOK_EVERY_S) -> None:
        self._folder = folder
        self._look_every_s = look_every_s
        self._good = read(folder)
        _tell_end(self._good)
        self._look_at = time.monotonic() + look_every_s
        self._complaint = ""
        self._lock = threading.Lock()

    def latest(self) -> Identity:
        """The latest that could be used; the very same object as long as nothing has changed."""
        with self._lock:
            if time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + self._look_every_s
                self._look()
                _tell_end(self._good)
            return self._good

    def _look(self) -> None:
        try:
            found = read(self._folder)
        except ValueError as error:
            if str(error) != self._complaint:
                log.warning(
                    "certificates cannot be used; the old ones stay", folder=str(self._folder), error=str(error)
                )
            self._complaint = str(error)
            return
        self._complaint = ""
        if found != self._good:
            log.info("new certificates", folder=str(self._folder), expires_at=found.expires_at.isoformat())
            self._good = found


def server_credentials(folder: Path) -> grpc.ServerCredentials:
    """What a server listens with: a certificate of its own, and none but callers with one of an authority we trust.

    Raises:
        ValueError: The files in the folder cannot be used.
    """
    watched = Watched(folder)
    given = watched.latest()

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        """Asked by gRPC before each handshake; None for no change."""
        nonlocal given
        latest = watched.latest()
        if latest is given:
            return None
        given = latest
        return _server_configuration(latest)

    configuration = _server_configuration(given)
    return grpc.dynamic_ssl_server_credentials(
        configuration,
        renewed,  # type: ignore[arg-type]  # the stubs do not know that it may answer None
        require_client_authentication=True,
    )


def channel_credentials(identity: Identity) -> grpc.ChannelCredentials:
    """What a caller connects with."""
    return grpc.ssl_channel_credentials(identity.authorities, identity.key, identity.certificate)


def peer_of(context: Any) -> str:  # noqa: ANN401 -- two kinds of context, one method in common
    """The name in the caller's certificate, which an authority of ours has signed; empty if there is none.

    A certificate with more than one URI names nobody.
    """
    proven = context.auth_context()
    if list(proven.get("transport_security_type", ())) != [b"ssl"]:
        return ""
    uris = list(proven.get("peer_uri", ()))
    uri = uris[0].decode(errors="replace") if len(uris) == 1 else ""
    name = uri.removeprefix(PEER_PREFIX)
    return name if name != uri and "/" not in name else ""


class RenewedChannel(grpc.Channel):
    """A channel that is made anew when the certificates have changed; stubs that were made of it go on.

    Calls under way end on the channel they began on, which is closed after them.

    Args:
        watched: The certificates.
        connect: Makes a channel with them.
    """

    def __init__(self, watched: Watched, connect: Callable[[Identity], grpc.Channel]) -> None:
        self._watched = watched
        self._connect = connect
        self._lock = threading.Lock()
        self._current = _Connected(watched.latest(), connect)

    def _renewed(self, kind: str, *method: Any, **how: Any) -> "_RenewedCall":  # noqa: ANN401 -- as grpc has it
        return _RenewedCall(self, kind, method, how)

    # What a stub is made of; each takes what grpc's own does.
    unary_unary = partialmethod(_renewed, "unary_unary")
    unary_stream = partialmethod(_renewed, "unary_stream")
    stream_unary = partialmethod(_renewed, "stream_unary")
    stream_stream = partialmethod(_renewed, "stream_stream")

    def subscribe(self, callback: object, try_to_connect: bool | None = False) -> None:
        """Not to be had: what is connected may be replaced."""
        raise NotImplementedError

    def unsubscribe(self, callback: object) -> None:
        """Not to be had: what is connected may be replaced."""
        raise NotImplementedError

    def close(self) -> None:
        """Close it; calls under way are cancelled."""
        self._current.channel.close()

    def __enter__(self) -> "RenewedChannel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self) -> "_Connected":
        """The channel of the present certificates, kept open until it is given back."""
        with self._lock:
            latest = self._watched.latest()
            if latest is not self._current.identity:
                old, self._current = self._current, _Connected(latest, self._connect)
                old.is_old = True
                old.close_if_unused()
            self._current.calls += 1
            return self._current

    def give_back(self, connected: "_Connected") -> None:
        """End a call."""
        with self._lock:
            connected.calls -= 1
            connected.close_if_unused()


class _Connected:
    """A channel with the identity it was made with, and how many calls are under way on it."""

    def __init__(self, identity: Identity, connect: Callable[[Identity], grpc.Channel]) -> None:
        self.identity = identity
        self.channel = connect(identity)
        self.methods: dict[_RenewedCall, Any] = {}
        self.calls = 0
        self.is_old = False

    def close_if_unused(self) -> None:
        if self.is_old and not self.calls:
            self.channel.close()


class _RenewedCall:
    """A method of a channel that may be replaced between two calls."""

    def __init__(self, channel: RenewedChannel, kind: str, method: tuple[Any, ...], how: dict[str, Any]) -> None:
        self._channel = channel
        self._kind = kind
        self._method = method
        self._how = how

    def __call__(self, *request: Any, **how: Any) -> Any:  # noqa: ANN401 -- the stub knows
        with self._connected() as (connected, method):
            answer = method(*request, **how)
            if self._kind.endswith("_stream"):  # goes on after this
                connected.calls += 1
                if not answer.add_callback(lambda: self._channel.give_back(connected)):
                    connected.calls -= 1
            return answer

    @contextmanager
    def _connected(self) -> Iterator[tuple[_Connected, Any]]:
        connected = self._channel.take()
        try:
            if self not in connected.methods:
                connected.methods[self] = getattr(connected.channel, self._kind)(*self._method, **self._how)
            yield connected, connected.methods[self]
        finally:
            self._channel.give_back(connected)


def _server_configuration(identity: Identity) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(identity.key, identity.certificate)], identity.authorities)


def _tell_end(identity: Identity) -> None:
    """Say when our certificate ends: in the metrics always, in the log when that is near."""
    EXPIRY.labels(CERTIFICATE).set(identity.expires_at.timestamp())
    left = identity.expires_at - datetime.now(UTC)
    if left < WARN_BEFORE:
        _warn_of_end(identity.subject, identity.expires_at, left.days)


@lru_cache(maxsize=8)
def _warn_of_end(subject: str, expires_at: datetime, days_left: int) -> None:
    """Warn, once for each day that is left: a process looks at its certificate in many places, many times."""
    text = "our certificate has expired" if days_left < 0 else "our certificate is about to expire"
    log.warning(text, subject=subject, expires_at=expires_at.isoformat(), days_left=days_left)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file.name} cannot be read: {error.strerror}") from None


def _certificates(pem: bytes, name: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError(f"{name} holds no certificate in PEM") from None
