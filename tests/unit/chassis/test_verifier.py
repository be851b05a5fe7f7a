"""What a verifier remembers of tokens, and how it is made from settings."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chassis.access import keys, tokens
from chassis.access.keys import Keys, KeysMissing
from chassis.access.tokens import AuthSettings, TokenExpired, Verifier
from tests.unit.chassis import mint
from tests.unit.chassis.mint import ED25519, NOW, P256, SETTINGS, Clock, is_refused, public, token


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


# -- the memory


@pytest.fixture
def signatures_checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signatures were checked."""
    checked: list[str] = []
    decode: Callable[..., bytes] = tokens._SIGNATURES.decode

    def counted(sent: str, *rest: object, **named: object) -> bytes:
        checked.append(sent)
        return decode(sent, *rest, **named)

    monkeypatch.setattr(tokens._SIGNATURES, "decode", counted)
    return checked


def test_the_signature_of_a_token_is_checked_once(verifier: Verifier, signatures_checked: list[str]) -> None:
    sent = token()
    assert verifier.verify(sent) == verifier.verify(sent)
    assert signatures_checked == [sent]


def test_a_refusal_is_not_remembered(verifier: Verifier, clock: Clock) -> None:
    sent = token(nbf=NOW + 100)
    assert is_refused(verifier, sent)
    clock.now += 100
    assert verifier.verify(sent).subject == "cook-3"


def test_a_remembered_token_expires_at_the_same_moment_as_any_other(verifier: Verifier, clock: Clock) -> None:
    sent = token(exp=NOW + 5)
    assert verifier.verify(sent).subject == "cook-3"
    clock.now = NOW + 14.9
    assert verifier.verify(sent).subject == "cook-3"
    clock.now = NOW + 15
    with pytest.raises(TokenExpired):
        verifier.verify(sent)


def test_a_remembered_token_is_refused_once_its_key_is_removed(tmp_path: Path, clock: Clock) -> None:
    before, after = [public(ED25519, "ed"), public(P256, "ec")], [public(P256, "ec")]
    issuer_keys = Keys(str(mint.write(tmp_path / "jwks.json", before)), refresh_s=3_600)
    issuer_keys.close()
    verifier = Verifier(SETTINGS, issuer_keys, clock)
    assert verifier.verify(token()).subject == "cook-3"
    issuer_keys._set = keys.key_set(after)
    assert is_refused(verifier, token())
    assert verifier.verify(token(P256, "ec", "ES256")).subject == "cook-3"


def test_of_too_many_tokens_those_not_seen_for_longest_are_forgotten(
    verifier: Verifier, signatures_checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED_MAX", 2)
    first, second, third = (token(jti=number) for number in range(3))
    for sent in (first, second, first, third, first, second):
        verifier.verify(sent)
    assert signatures_checked == [first, second, third, second]


# -- settings


def settings(jwks: Path) -> AuthSettings:
    """Those of a process that takes our tokens."""
    return AuthSettings(issuer=mint.ISSUER, audience=mint.AUDIENCE, jwks=str(jwks))


def test_a_system_without_an_issuer_is_open_and_has_no_verifier() -> None:
    assert tokens.verifier(AuthSettings()) is None


def test_the_settings_make_a_verifier_that_knows_the_keys_of_a_file_at_once(tmp_path: Path, clock: Clock) -> None:
    found = tokens.verifier(settings(mint.write(tmp_path / "jwks.json", mint.LISTED)), clock)
    assert found is not None
    found.require_keys()
    assert found.verify(token()).subject == "cook-3"
    found.close()


def test_without_keys_nobody_is_told_that_their_token_is_bad(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text("soon")
    found = tokens.verifier(settings(tmp_path / "jwks.json"))
    assert found is not None
    with pytest.raises(KeysMissing, match="not known yet"):
        found.verify(token())
    with pytest.raises(KeysMissing, match="not known yet"):
        found.require_keys()
    found.close()


@pytest.mark.parametrize("missing", ["issuer", "audience", "jwks"])
def test_the_three_settings_of_an_issuer_go_together(missing: str) -> None:
    given = {"issuer": mint.ISSUER, "audience": mint.AUDIENCE, "jwks": __file__}
    with pytest.raises(ValueError, match=f"AUTH_{missing.upper()} must be set as well"):
        AuthSettings.model_validate({name: value for name, value in given.items() if name != missing})


@pytest.mark.parametrize("leeway_s", [-1, 30.1, float("nan")])
def test_a_leeway_is_thirty_seconds_at_most(leeway_s: float) -> None:
    with pytest.raises(ValueError, match="leeway_s"):
        AuthSettings(leeway_s=leeway_s)
