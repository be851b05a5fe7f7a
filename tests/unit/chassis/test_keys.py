"""Which keys of an issuer are taken."""

import base64

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from chassis.access import keys
from tests.unit.chassis.mint import ED25519, P256, RSA, public

P384 = ec.generate_private_key(ec.SECP384R1())
SHORT = rsa.generate_private_key(65_537, 1_024)  # noqa: S505 -- it is not to be taken
OFF_CURVE = base64.urlsafe_b64encode(b"\1" * 32).rstrip(b"=").decode()


def test_a_key_of_each_kind_is_bound_to_its_one_algorithm() -> None:
    found = keys.key_set([public(ED25519, "ed"), public(P256, "ec", use="sig"), public(RSA, "rsa", alg="RS256")])
    assert {name: key.algorithm_name for name, key in found.by_id.items()} == {
        "ed": "EdDSA",
        "ec": "ES256",
        "rsa": "RS256",
    }
    assert found.only is None


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        public(ED25519, "private", d="c2VjcmV0"),
        public(SHORT, "short"),
        public(P384, "other curve"),
        public(RSA, "other algorithm", alg="RS512"),
        public(RSA, "symmetric algorithm", alg="HS256"),
        public(RSA, "for encryption", use="enc"),
        public(RSA, "for signing", key_ops=["sign"]),
        public(RSA, "malformed purposes", key_ops=7),
        {**public(RSA, None), "kid": 7},
        public(P256, "off the curve", x=OFF_CURVE),
        public(ED25519, "too short", x="AAAA"),
        public(ED25519, "no text", x=7),
        {"kty": "RSA", "kid": "empty"},
        {"kty": ["RSA"], "kid": "list"},
        {},
        "key",
        None,
    ],
    ids=range(18),
)
def test_a_key_that_is_no_public_key_of_these_kinds_is_not_taken_and_the_log_says_so(entry: object) -> None:
    with structlog.testing.capture_logs() as lines:
        found = keys.key_set([entry, public(ED25519, "ed")])
    assert list(found.by_id) == ["ed"]
    assert [line["number"] for line in lines] == [1]
    assert "c2VjcmV0" not in repr(lines)


def test_of_two_keys_with_one_id_the_first_counts() -> None:
    found = keys.key_set([public(ED25519, "one"), public(P256, "one")])
    assert found.by_id["one"].algorithm_name == "EdDSA"


@pytest.mark.parametrize(
    ("source", "usable"),
    [
        (__file__, True),
        ("https://issuer.example/keys?version=1", True),
        ("http://127.0.0.1:8080/keys", True),
        ("http://[::1]/keys", True),
        ("http://issuer.example/keys", False),
        ("http://127.0.0.1.issuer.example/keys", False),
        ("https://user:password@issuer.example/keys", False),
        ("https://issuer.example:port/keys", False),
        ("https:///keys", False),
        ("file:///etc/passwd", False),
        ("ftp://issuer.example/keys", False),
        ("/no/such/file", False),
        ("/dev/zero", False),
    ],
)
def test_keys_come_from_a_file_or_over_tls(source: str, usable: bool) -> None:
    assert keys.is_source(source) is usable
