"""An issuer of tokens for this machine, so that a local run can be tried with authentication on.

It is a folder and no process: private keys for our eyes only, the public ones beside them as the JSON Web Key Set that
the services check tokens with. The newest key signs; the others stay in the set, so that their tokens stay valid.
"""

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

ISSUER = "https://issuer.localhost"
AUDIENCE = "los"

ROLES = {"customer": "phone", "agent": "agent_id", "manager": "agent_id", "operator": "", "admin": ""}
"""Each role, and the claim that it is nothing without."""

LIFETIME_MAX_S = 30 * 86_400

_PHONE = re.compile(r"\+[1-9][0-9]{1,14}")


class CannotIssue(Exception):
    """There can be no such token, or no key to sign it with; the text says why."""


@dataclass(frozen=True)
class Issuer:
    """The issuer whose keys are in a folder; `ensure` makes them."""

    folder: Path

    @property
    def key_set(self) -> Path:
        """The file with its public keys."""
        return self.folder / "jwks.json"

    def settings(self) -> dict[str, str]:
        """The settings of a process that lets its tokens in."""
        return {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE, "AUTH_JWKS": str(self.key_set.resolve())}

    def token(
        self,
        *roles: str,
        agent_id: int | None = None,
        phone: str | None = None,
        subject: str | None = None,
        lifetime_s: int = 3_600,
    ) -> str:
        """A token, valid from now on.

        Args:
            roles: Of `ROLES`.
            agent_id: Which agent or manager it is for.
            phone: Which customer, in E.164 form.
            subject: How the history calls who uses it; if None, a name made of the rest.
            lifetime_s: How long it is valid, in seconds.

        Raises:
            CannotIssue: A role is missing, unknown, or lacks its claim; or a value is none.
        """
        own: dict[str, str | int] = {}
        if agent_id is not None:
            own["agent_id"] = agent_id
        if phone is not None:
            own["phone"] = phone
        _check_claims(roles, own, lifetime_s)
        named = _subject(roles, own) if subject is None else subject
        if not (1 <= len(named) <= 255 and named.isprintable()):
            raise CannotIssue("the subject must be 1 to 255 printable characters")
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": named, "iat": now, "exp": now + lifetime_s, "roles": roles}
        key = self._keys()[-1]
        return jwt.encode(
            {**claims, **own, "jti": uuid4().hex}, key, "EdDSA", headers={"kid": _public(key)["kid"], "typ": "at+jwt"}
        )

    def rotate(self) -> str:
        """Make one more key, which signs from now on; answer its id.

        Raises:
            CannotIssue: A key of ours cannot be used.
        """
        number = len(self._keys()) + 1
        _make_key(self._file(number))
        self.publish()
        return str(_public(self._keys()[-1])["kid"])

    def publish(self) -> None:
        """Write the public keys where the services read them.

        Raises:
            CannotIssue: A key of ours cannot be used.
        """
        document = json.dumps({"keys": [_public(key) for key in self._keys()]}, indent=2)
        written = _written_apart(self.folder, f"{document}\n".encode())
        written.replace(self.key_set)  # at once: a service reads the old set or the new one

    def _file(self, number: int) -> Path:
        return self.folder / f"key-{number}.pem"

    def _keys(self) -> list[Ed25519PrivateKey]:
        """The private keys, the newest last."""
        return list(self._each_key())

    def _each_key(self) -> Iterator[Ed25519PrivateKey]:
        number = 1
        while (file := self._file(number)).exists():
            yield _key(file)
            number += 1


def ensure(folder: Path) -> Issuer:
    """The issuer of a folder, which nobody else can enter; its first key is made if there is none.

    Raises:
        CannotIssue: A key of ours cannot be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    issuer = Issuer(folder)
    _make_key(folder / "key-1.pem")
    issuer.publish()
    return issuer


def _check_claims(roles: Collection[str], own: dict[str, str | int], lifetime_s: int) -> None:
    """Refuse what no service would let in, by the name of what is wrong."""
    if not roles or not set(roles) <= ROLES.keys():
        raise CannotIssue(f"the role must be one of {', '.join(ROLES)}")
    for role in roles:
        if ROLES[role] and ROLES[role] not in own:
            raise CannotIssue(f"the role {role} needs {'an agent' if ROLES[role] == 'agent_id' else 'a phone'}")
    if "agent_id" in own and not 1 <= int(own["agent_id"]) < 2**31:
        raise CannotIssue(f"the agent must be a number from 1 to {2**31 - 1}")
    if "phone" in own and not _PHONE.fullmatch(str(own["phone"])):
        raise CannotIssue("the phone must be in E.164 form, for example +14155550123")
    if not 1 <= lifetime_s <= LIFETIME_MAX_S:
        raise CannotIssue(f"the lifetime must be 1 to {LIFETIME_MAX_S} seconds")


def _subject(roles: Collection[str], own: dict[str, str | int]) -> str:
    """A name that is always the same for the same person, and that says no phone number: histories keep it for ever."""
    if "agent_id" in own:
        return f"agent-{own['agent_id']}"
    if "phone" in own:
        return f"customer-{hashlib.sha256(str(own['phone']).encode()).hexdigest()[:12]}"
    return next(iter(roles))


def _make_key(file: Path) -> None:
    """Make a private key that only we can read, unless it is there: a file appears complete or not at all."""
    if file.exists():
        return
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    written = _written_apart(file.parent, pem)
    try:
        os.link(written, file)
    except FileExistsError:
        pass  # somebody was faster; theirs is as good
    finally:
        written.unlink()


def _written_apart(folder: Path, content: bytes) -> Path:
    """A new file beside the others, which only we can read."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
        file.write(content)
    return Path(file.name)


def _key(file: Path) -> Ed25519PrivateKey:
    """The private key in a file."""
    if file.stat().st_mode & 0o077:
        raise CannotIssue(f"others can read {file}: chmod 600, or delete it")
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise CannotIssue(f"{file} holds no Ed25519 key: delete it")
    return key


def _public(key: Ed25519PrivateKey) -> dict[str, Any]:
    """The public half as a JSON Web Key, whose id is made of the key itself (RFC 7638)."""
    public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    members = {name: public[name] for name in ("crv", "kty", "x")}
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode())
    return {**members, "kid": thumbprint.hexdigest()[:16], "alg": "EdDSA", "use": "sig"}
