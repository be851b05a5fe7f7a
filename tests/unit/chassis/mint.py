"""An issuer of a test's own, whose tokens can be wrong in every way."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from chassis.access.tokens import AuthSettings, InvalidToken, Verifier

ISSUER = "https://issuer.example"
AUDIENCE = "kitchen"
NOW = 1_800_000_000.0

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

ED25519 = Ed25519PrivateKey.generate()
P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65_537, 2_048)
FOREIGN = Ed25519PrivateKey.generate()
"""The attacker's."""


SETTINGS = AuthSettings(issuer=ISSUER, audience=AUDIENCE, jwks=__file__, leeway_s=10)
"""Those of a process that takes our tokens; where its keys are is said elsewhere."""


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def public(key: PrivateKey, kid: str | None, **members: object) -> dict[str, Any]:
    """A public key as an issuer lists it."""
    if isinstance(key, Ed25519PrivateKey):
        found = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, rsa.RSAPrivateKey):
        found = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        found = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**found, **({} if kid is None else {"kid": kid}), **members}


LISTED = [public(ED25519, "ed"), public(P256, "ec"), public(RSA, "rsa")]


def write(file: Path, listed: list[dict[str, Any]]) -> Path:
    """Write a set of keys to a file."""
    file.write_text(json.dumps({"keys": listed}))
    return file


def claims(**changed: object) -> dict[str, Any]:
    """What a proper token says; a claim that is changed to `...` is left out."""
    proper = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "cook-3",
        "iat": NOW - 60,
        "exp": NOW + 600,
        "roles": ["agent", "manager"],
        "agent_id": 3,
        "phone": "+14155550123",
    }
    return {name: value for name, value in {**proper, **changed}.items() if value is not ...}


def token(key: PrivateKey = ED25519, kid: object = "ed", algorithm: str = "EdDSA", /, **changed: object) -> str:
    """A token with proper claims, but for those that are changed."""
    return signed(json.dumps(claims(**changed)), key, kid, algorithm)


def signed(
    payload: str | bytes,
    key: PrivateKey = ED25519,
    kid: object = "ed",
    algorithm: str = "EdDSA",
    header: Mapping[str, object] | None = None,
) -> str:
    """A token that says anything, properly signed; `...` for no key id."""
    head = {"alg": algorithm, "typ": "JWT", **({} if kid is ... else {"kid": kid}), **(header or {})}
    text = payload if isinstance(payload, bytes) else payload.encode()
    return with_signature(json.dumps(head), text, key, algorithm)


def with_signature(head: str, payload: bytes, key: Any, algorithm: str) -> str:
    """Any two parts with the signature over them."""
    covered = f"{part(head.encode())}.{part(payload)}"
    signature = jwt.PyJWS().get_algorithm_by_name(algorithm).sign(covered.encode(), key)
    return f"{covered}.{part(signature)}"


def part(content: bytes) -> str:
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def is_refused(verifier: Verifier, sent: str) -> bool:
    """Whether a token is refused with the one sentence that says nothing of it, and with a cause in the log."""
    with structlog.testing.capture_logs() as lines, pytest.raises(InvalidToken) as refusal:
        verifier.verify(sent)
    [line] = lines
    assert line["event"] == "token refused"
    assert not sent or sent not in repr(lines)
    return refusal.value.message == "the token is not valid"
