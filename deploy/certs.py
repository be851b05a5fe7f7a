"""Make the certificates by which processes know one another: `python -m deploy.certs FOLDER [--days N]`.

FOLDER/authority holds a private certificate authority, which is made once and never overwritten. FOLDER/NAME holds
what one process is given as its TLS_DIR: `ca.crt`, `tls.crt` and `tls.key`. Run again, it renews these, and running
processes take the new ones by themselves. `client` is for people and their tools.

Whoever has the authority's key can be anybody: processes need it nowhere.
"""

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chassis import tls

SERVERS = ("loan", "review", "notification")
CLIENTS = ("gateway", "client")
"""Those who are called by nobody: their certificates cannot stand for a server's."""

AUTHORITY = "authority"
AUTHORITY_DAYS = 3_650
DAYS = 825
RENEW_BEFORE = timedelta(days=30)
BACKDATED = timedelta(minutes=5)
"""A clock that is a little late must not refuse what was just made."""


class Authority:
    """A private certificate authority.

    Args:
        folder: Where its key and its certificate are, or will be.

    Raises:
        ValueError: What is there is no authority of this kind.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        key, certificate = folder / "ca.key", folder / tls.AUTHORITIES
        if not key.exists():
            _write_secret(key, _pem(ec.generate_private_key(ec.SECP256R1())))
        self._key = _elliptic(key.read_bytes())
        if not certificate.exists():
            _replace(certificate, self._self_signed().public_bytes(Encoding.PEM))
        self.certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
        if self.certificate.public_key() != self._key.public_key():
            raise ValueError(f"{certificate} does not belong to {key}")

    def issue(self, name: str, *, serves: bool, days: float = DAYS) -> tuple[bytes, bytes]:
        """Make a certificate and its key, both as PEM.

        Args:
            name: Whose it is.
            serves: Whether it may stand for a server, under its name and that of this machine, or only for a caller.
            days: How long it is valid; less than nothing makes one that has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(f"{tls.PEER_PREFIX}{name}")]
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if serves:
            names += [x509.DNSName(name), x509.DNSName("localhost")]
            names += [x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "::1")]
            purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
        certificate = (
            _certificate(name, key, self.certificate.subject, timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM), _pem(key)

    def _self_signed(self) -> x509.Certificate:
        subject = _subject("los private authority")
        return (
            _certificate("los private authority", self._key, subject, timedelta(days=AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )


def renew(folder: Path, days: float = DAYS) -> None:
    """Make new certificates for all, from the authority that is there, or from a new one if there is none.

    Args:
        folder: Where they are.
        days: How long they are valid.

    Raises:
        ValueError: The authority that is there cannot be used.
    """
    authority = Authority(folder / AUTHORITY)
    for name in (*SERVERS, *CLIENTS):
        certificate, key = authority.issue(name, serves=name in SERVERS, days=days)
        write(folder / name, authority.certificate.public_bytes(Encoding.PEM), certificate, key)


def ensure(folder: Path) -> Path:
    """Make certificates, unless those that are there will do for a while; answer the folder.

    Raises:
        ValueError: The authority that is there cannot be used.
    """
    if not all(_will_do(folder / name) for name in (*SERVERS, *CLIENTS)):
        renew(folder)
    return folder


def write(folder: Path, authorities: bytes, certificate: bytes, key: bytes) -> None:
    """Write what one process is given; nobody ever reads half a file.

    Args:
        folder: Its TLS_DIR.
        authorities: Whom it trusts, as PEM.
        certificate: Who it is.
        key: The proof of that.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / tls.AUTHORITIES, authorities)
    _replace(folder / tls.KEY, key)
    _replace(folder / tls.CERTIFICATE, certificate)


def _will_do(folder: Path) -> bool:
    """Whether a process can be given this folder, today and for some time to come."""
    try:
        identity = tls.read(folder)
    except ValueError:
        return False
    return identity.expires_at - RENEW_BEFORE > datetime.now(UTC)


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, valid: timedelta
) -> x509.CertificateBuilder:
    """What all certificates have."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + valid) - BACKDATED)
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _elliptic(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is not one of an elliptic curve")  # noqa: TRY004 -- it is in a file
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_secret(file: Path, content: bytes) -> None:
    """Write a file for our eyes only, which must not be there yet."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as secret:
        secret.write(content)


def _replace(file: Path, content: bytes) -> None:
    """Put a file for our eyes only in the place of another; a reader sees the one or the other."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    _write_secret(new, content)
    new.replace(file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.certs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=DAYS, help="how long they are valid (default: %(default)s)")
    given = parser.parse_args(arguments)
    if not 1 <= given.days <= AUTHORITY_DAYS:
        parser.error(f"argument --days: from 1 to {AUTHORITY_DAYS}")
    try:
        renew(given.folder, given.days)
    except (ValueError, OSError) as error:
        print(f"certs: {error}")
        return 1
    print(f"certificates for {', '.join((*SERVERS, *CLIENTS))}, valid for {given.days} days, are in {given.folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
