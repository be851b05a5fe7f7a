"""The local issuer: its tokens are taken, its keys are for its own eyes, and nonsense is refused in a sentence."""

import stat
import sys
from pathlib import Path

import jwt
import pytest

from chassis.access import tokens
from chassis.access.tokens import AuthSettings, Claims
from deploy import issuer
from deploy.issuer import CannotIssue, Issuer
from deploy.issuer.__main__ import main


@pytest.fixture
def local(tmp_path: Path) -> Issuer:
    return issuer.ensure(tmp_path / "issuer")


def read(local: Issuer, token: str, monkeypatch: pytest.MonkeyPatch) -> Claims:
    """What a token says to a process that has the issuer's settings."""
    for name, value in local.settings().items():
        monkeypatch.setenv(name, value)
    verifier = tokens.verifier(AuthSettings())
    assert verifier is not None
    try:
        return verifier.verify(token)
    finally:
        verifier.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_process_with_its_settings_takes_its_tokens(local: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = read(local, local.token("agent", "manager", agent_id=3, subject="ada"), monkeypatch)
    own: dict[str, object] = dict(claims.own)
    assert (claims.subject, claims.roles, own) == ("ada", frozenset({"AGENT", "MANAGER"}), {"agent_id": 3})


def test_a_customer_is_named_by_something_else_than_their_phone(local: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = read(local, local.token("customer", phone="+14155550123"), monkeypatch)
    assert dict(claims.own) == {"phone": "+14155550123"}
    assert "4155550123" not in claims.subject


def test_only_we_can_read_its_keys(local: Issuer) -> None:
    assert (mode(local.folder), mode(local.folder / "key-1.pem")) == (0o700, 0o600)


def test_a_key_that_others_can_read_is_not_used(local: Issuer) -> None:
    (local.folder / "key-1.pem").chmod(0o644)
    with pytest.raises(CannotIssue, match="others can read"):
        local.token("admin")


def test_its_tokens_outlive_a_new_start(local: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = local.token("admin")
    assert read(issuer.ensure(local.folder), sent, monkeypatch).roles == {"ADMIN"}


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_counts(
    local: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = local.token("admin")
    kid = local.rotate()
    new = local.token("admin")
    assert jwt.get_unverified_header(new)["kid"] == kid != jwt.get_unverified_header(old)["kid"]
    for sent in (old, new):
        assert read(local, sent, monkeypatch).subject == "admin"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the role must be one of customer, agent, manager, operator, admin"),
        (["--role", "king"], "the role must be one of customer, agent, manager, operator, admin"),
        (["--role", "agent"], "the role agent needs an agent"),
        (["--role", "customer"], "the role customer needs a phone"),
        (["--role", "agent", "--agent", "0"], "the agent must be a number from 1 to 2147483647"),
        (["--role", "customer", "--phone", "555"], "the phone must be in E.164 form, for example +14155550123"),
        (["--role", "admin", "--lifetime-s", "0"], "the lifetime must be 1 to 2592000 seconds"),
        (["--role", "admin", "--subject", "a\nb"], "the subject must be 1 to 255 printable characters"),
    ],
)
def test_what_is_no_token_is_refused_in_a_sentence(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_FOLDER", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["issuer", "token", *arguments])
    assert main() == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"token: {said}\n")


def test_the_command_line_prints_a_token_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_FOLDER", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["issuer", "token", "--role", "agent", "--agent", "3"])
    assert main() == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    claims = read(Issuer(tmp_path / "issuer"), printed.out.removesuffix("\n"), monkeypatch)
    assert (claims.subject, claims.roles) == ("agent-3", frozenset({"AGENT"}))
