"""Tokens: what a genuine one says, and that every attack ends before anything is believed."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from chassis.access import tokens
from chassis.access.keys import Keys
from chassis.access.tokens import Claims, InvalidToken, TokenExpired, Verifier
from tests.unit.chassis import mint
from tests.unit.chassis.mint import (
    ED25519,
    FOREIGN,
    NOW,
    P256,
    RSA,
    SETTINGS,
    Clock,
    claims,
    is_refused,
    part,
    public,
    signed,
    token,
)

P384 = ec.generate_private_key(ec.SECP384R1())


@pytest.fixture(scope="module")
def issuer_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    """A key of each kind."""
    file = mint.write(tmp_path_factory.mktemp("issuer") / "jwks.json", mint.LISTED)
    found = Keys(str(file), refresh_s=3_600)
    yield found
    found.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(issuer_keys: Keys, clock: Clock) -> Verifier:
    return Verifier(SETTINGS, issuer_keys, clock)


# -- what a genuine token says


@pytest.mark.parametrize(
    ("key", "kid", "algorithm"), [(ED25519, "ed", "EdDSA"), (P256, "ec", "ES256"), (RSA, "rsa", "RS256")]
)
def test_a_token_of_each_algorithm_says_who_calls(
    verifier: Verifier, key: mint.PrivateKey, kid: str, algorithm: str
) -> None:
    own: dict[str, str | int] = {"phone": "+14155550123", "agent_id": 3}
    expected = Claims("cook-3", frozenset({"AGENT", "MANAGER"}), own, NOW + 600)
    assert verifier.verify(token(key, kid, algorithm)) == expected


def test_claims_that_are_not_there_are_not_made_up(verifier: Verifier) -> None:
    found = verifier.verify(token(roles=..., agent_id=..., phone=...))
    assert (found.roles, dict(found.own)) == (frozenset(), {})


def test_a_role_that_no_rule_can_name_is_left_out(verifier: Verifier) -> None:
    odd = ["agent", "ADMIN", "adm\u0131n", "offline access", "", "\u017fupport"]
    assert verifier.verify(token(roles=odd)).roles == {"AGENT"}


@pytest.mark.parametrize("audience", [mint.AUDIENCE, [mint.AUDIENCE], ["cellar", mint.AUDIENCE]])
def test_our_audience_may_be_one_of_several(verifier: Verifier, audience: object) -> None:
    assert verifier.verify(token(aud=audience)).subject == "cook-3"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_a_token_for_access_may_say_so(verifier: Verifier, kind: str) -> None:
    assert verifier.verify(signed(json.dumps(claims()), header={"typ": kind})).subject == "cook-3"


def test_clocks_may_be_apart_by_the_leeway_and_no_more(verifier: Verifier) -> None:
    for changed in ({"exp": NOW - 9}, {"iat": NOW + 10}, {"nbf": NOW + 10}):
        assert verifier.verify(token(**changed)).subject == "cook-3"
    assert is_refused(verifier, token(iat=NOW + 11))
    assert is_refused(verifier, token(nbf=NOW + 11))


def test_an_expired_token_is_told_apart_since_a_fresh_one_will_do(verifier: Verifier) -> None:
    with pytest.raises(TokenExpired) as refusal:
        verifier.verify(token(exp=NOW - 10))
    assert (refusal.value.message, refusal.value.reason) == ("the token has expired", "TOKEN_EXPIRED")


def test_only_a_token_that_is_genuine_is_told_that_it_has_expired(verifier: Verifier) -> None:
    assert is_refused(verifier, token(FOREIGN, exp=NOW - 10))
    assert is_refused(verifier, token(aud="cellar", exp=NOW - 10))


# -- attacks on the signature


def public_pem(key: mint.PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, ["none"], 0])
def test_an_unsigned_token_is_refused(verifier: Verifier, algorithm: object) -> None:
    head = part(json.dumps({"alg": algorithm, "kid": "ed"}).encode())
    assert is_refused(verifier, f"{head}.{part(json.dumps(claims()).encode())}.")


def test_a_token_without_an_algorithm_is_refused(verifier: Verifier) -> None:
    assert is_refused(verifier, mint.with_signature('{"kid": "ed"}', json.dumps(claims()).encode(), ED25519, "EdDSA"))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize(("key", "kid"), [(RSA, "rsa"), (P256, "ec"), (ED25519, "ed")])
def test_the_public_key_is_no_shared_secret(verifier: Verifier, algorithm: str, key: mint.PrivateKey, kid: str) -> None:
    head = json.dumps({"alg": algorithm, "kid": kid})
    assert is_refused(verifier, mint.with_signature(head, json.dumps(claims()).encode(), public_pem(key), algorithm))


@pytest.mark.parametrize(
    ("key", "kid", "algorithm"),
    [
        (FOREIGN, "ed", "EdDSA"),  # the right name, somebody else's key
        (P256, "ed", "ES256"),  # a key of ours under the name of another
        (P256, "rsa", "ES256"),
        (P384, "ec", "ES384"),
        (RSA, "rsa", "RS512"),
        (RSA, "rsa", "PS256"),
        (P256, "ec", "ES512"),
    ],
)
def test_the_key_decides_on_the_algorithm_and_not_the_token(
    verifier: Verifier, key: mint.PrivateKey, kid: str, algorithm: str
) -> None:
    assert is_refused(verifier, token(key, kid, algorithm))


def test_a_header_that_claims_another_algorithm_than_it_is_signed_with_is_refused(verifier: Verifier) -> None:
    for claimed, key, kid, used in (("EdDSA", P256, "ed", "ES256"), ("ES256", P384, "ec", "ES384")):
        head = json.dumps({"alg": claimed, "kid": kid})
        assert is_refused(verifier, mint.with_signature(head, json.dumps(claims()).encode(), key, used))


KID_ATTACKS = [
    "unknown",
    "",
    "../../etc/passwd",
    "/dev/null",
    "' OR 1=1 --",
    "ed\x00",
    "ED",
    None,
    0,
    ["ed"],
    {"ed": 1},
    "k" * 5_000,
]


@pytest.mark.parametrize("kid", KID_ATTACKS, ids=range(len(KID_ATTACKS)))
def test_the_id_of_a_key_is_one_of_the_issuers_or_nothing(verifier: Verifier, kid: object) -> None:
    assert is_refused(verifier, token(FOREIGN, kid))
    assert is_refused(verifier, token(ED25519, kid))


def test_a_token_that_names_no_key_is_refused_where_several_could_be_meant(verifier: Verifier) -> None:
    assert is_refused(verifier, token(ED25519, ...))


def test_a_token_that_names_no_key_is_taken_where_only_one_can_be_meant(tmp_path: Path, clock: Clock) -> None:
    only = Keys(str(mint.write(tmp_path / "jwks.json", [public(ED25519, None)])), refresh_s=3_600)
    try:
        assert Verifier(SETTINGS, only, clock).verify(token(ED25519, ...)).subject == "cook-3"
        assert is_refused(Verifier(SETTINGS, only, clock), token(FOREIGN, ...))
    finally:
        only.close()


@pytest.mark.parametrize("kid", ["ed", "attacker"])
@pytest.mark.parametrize("where", ["jku", "x5u", "jwk", "x5c"])
def test_a_key_that_the_token_itself_brings_or_points_to_is_not_used(verifier: Verifier, where: str, kid: str) -> None:
    brought = {
        "jku": "http://127.0.0.1:1/attacker.json",
        "x5u": "http://127.0.0.1:1/attacker.pem",
        "jwk": public(FOREIGN, kid),
        "x5c": [part(b"a certificate")],
    }
    assert is_refused(verifier, signed(json.dumps(claims()), FOREIGN, kid, header={where: brought[where]}))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": NOW},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 1},
    ],
    ids=str,
)
def test_a_header_that_asks_for_more_than_we_know_is_refused(verifier: Verifier, header: dict[str, Any]) -> None:
    assert is_refused(verifier, signed(json.dumps(claims()), header=header))


# -- attacks on what is read


@pytest.mark.parametrize(
    "sent",
    ["", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d.e", "\u00e9.a.b", "\ud800.a.b", "\x00", "e30.e30.e30", "W10.W10."],
)
def test_garbage_is_refused(verifier: Verifier, sent: str) -> None:
    assert is_refused(verifier, sent)


def test_a_token_of_20_kilobytes_is_refused_before_it_is_read(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = token(padding="x" * 15_000)
    assert len(long) > 20_000
    monkeypatch.setattr(tokens, "json", None)
    monkeypatch.setattr(tokens, "hashlib", None)
    assert is_refused(verifier, long)


def test_a_token_may_be_as_long_as_is_allowed(verifier: Verifier) -> None:
    at_most = next(
        sent
        for length in range(5_500, 7_000)
        if len(sent := token(padding="x" * length)) >= tokens.TOKEN_MAX_LENGTH - 2
    )
    assert len(at_most) <= tokens.TOKEN_MAX_LENGTH
    assert verifier.verify(at_most).subject == "cook-3"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"cook"',
        json.dumps(claims()).encode()[:-1],
        json.dumps(claims()).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(claims()).encode(),
        b"\xff",
        json.dumps(claims()).encode() + b"{}",
        json.dumps(claims()).replace('"sub": ', '"sub": "admin", "sub": ').encode(),
        json.dumps(claims(extra={})).replace("{}", '{"a": 1, "a": 2}').encode(),
        json.dumps(claims()).replace('"exp": ', '"exp": 1e400, "x": ').encode(),
        json.dumps(claims()).replace('"exp": ', '"exp": NaN, "x": ').encode(),
        json.dumps(claims()).replace('"exp": ', '"exp": Infinity, "x": ').encode(),
        json.dumps(claims()).replace('"exp": ', f'"exp": {"9" * 5_000}, "x": ').encode(),
        b'{"sub": ' + b"[" * 3_000 + b"]" * 3_000 + b"}",
    ],
    ids=range(16),
)
def test_what_can_be_read_in_two_ways_or_in_none_is_refused_although_it_is_signed(
    verifier: Verifier, payload: bytes
) -> None:
    assert is_refused(verifier, signed(payload))


def test_a_header_with_a_name_twice_is_refused(verifier: Verifier) -> None:
    head = '{"alg": "none", "alg": "EdDSA", "kid": "ed"}'
    assert is_refused(verifier, mint.with_signature(head, json.dumps(claims()).encode(), ED25519, "EdDSA"))


WRONG: dict[str, list[object]] = {
    "iss": [..., None, "", "https://issuer.example/", "HTTPS://ISSUER.EXAMPLE", [mint.ISSUER]],
    "aud": [..., None, "", "cellar", "kitchens", [], ["cellar"], [[mint.AUDIENCE]], {mint.AUDIENCE: 1}, ["kitchen", 1]],
    "exp": [..., None, str(NOW), True, -1, 10**300, 10**15, [NOW], {}],
    "iat": [..., None, str(NOW), True, -1, 10**300, 10**15, [NOW], {}],
    "nbf": [None, str(NOW), True, -1, [NOW]],
    "sub": [..., None, "", 3, "x" * 256, "a\nb", "a\x00b", "\ud800", "\u202eadmin", ["cook-3"]],
    "roles": [None, "admin", {"admin": True}, [["admin"]], [None], ["agent", 1], 7],
    "agent_id": [None, "3", 3.0, True, 0, -3, 2**31, 10**100, [3], "3 OR 1=1"],
    "phone": [None, "", "14155550123", "+04155550123", "+1415555012x", "+14155550123\n", "+1" + "2" * 15, 14155550123],
}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [(name, wrong) for name, values in WRONG.items() for wrong in values],
    ids=lambda value: ascii(value)[:40],
)
def test_one_claim_that_is_missing_or_malformed_spoils_a_token(verifier: Verifier, name: str, wrong: object) -> None:
    assert is_refused(verifier, token(**{name: wrong}))


@given(place=st.integers(0, len(token(P256, "ec", "ES256")) - 1), character=st.characters())
def test_no_change_of_a_token_changes_what_it_says(issuer_keys: Keys, place: int, character: str) -> None:
    verifier, sent = Verifier(SETTINGS, issuer_keys, Clock()), token(P256, "ec", "ES256")
    genuine = verifier.verify(sent)
    with suppress(InvalidToken):  # which it nearly always is
        assert verifier.verify(sent[:place] + character + sent[place + 1 :]) == genuine


@given(
    st.one_of(
        st.text(), st.binary().map(part), st.builds(".".join, st.lists(st.binary().map(part), min_size=3, max_size=3))
    )
)
def test_whatever_is_sent_is_refused_and_never_fails(issuer_keys: Keys, sent: str) -> None:
    with pytest.raises(InvalidToken):
        Verifier(SETTINGS, issuer_keys, Clock()).verify(sent)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64"]), json_values), changed=json_values)
def test_a_header_of_any_types_is_refused_and_never_fails(
    issuer_keys: Keys, header: dict[str, object], changed: object
) -> None:
    with pytest.raises(InvalidToken):
        Verifier(SETTINGS, issuer_keys, Clock()).verify(signed(json.dumps(claims(iss=changed)), header=header))
