"""The private authority and what it issues."""

import stat
from pathlib import Path

import pytest
from cryptography import x509

from chassis import tls
from deploy import certs


def test_the_command_makes_a_certificate_for_everybody_that_can_be_used(tmp_path: Path) -> None:
    assert certs.main([str(tmp_path)]) == 0
    for name in (*certs.SERVERS, *certs.CLIENTS):
        identity = tls.read(tmp_path / name)
        names = x509.load_pem_x509_certificate(identity.certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        assert names.value.get_values_for_type(x509.UniformResourceIdentifier) == [f"spiffe://los/{name}"]
        assert names.value.get_values_for_type(x509.DNSName) == ([name, "localhost"] if name in certs.SERVERS else [])


def test_every_file_is_for_its_owner_only(tmp_path: Path) -> None:
    certs.renew(tmp_path)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.rglob("*.key")}
    assert modes == {0o600}


def test_again_it_renews_from_the_same_authority(tmp_path: Path) -> None:
    certs.renew(tmp_path)
    key = (tmp_path / certs.AUTHORITY / "ca.key").read_bytes()
    before = tls.read(tmp_path / "loan")
    certs.renew(tmp_path)
    after = tls.read(tmp_path / "loan")
    assert (after.authorities, (tmp_path / certs.AUTHORITY / "ca.key").read_bytes()) == (before.authorities, key)
    assert after.certificate != before.certificate


def test_what_will_do_for_a_while_is_left_alone_and_what_will_not_is_renewed(tmp_path: Path) -> None:
    certs.renew(tmp_path, days=certs.RENEW_BEFORE.days - 1)
    short = tls.read(tmp_path / "loan")
    certs.ensure(tmp_path)
    long = tls.read(tmp_path / "loan")
    assert long.expires_at > short.expires_at
    certs.ensure(tmp_path)
    assert tls.read(tmp_path / "loan") == long


def test_an_authority_whose_key_is_another_s_is_refused_and_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    certs.renew(ours)
    certs.renew(other)
    key = (other / certs.AUTHORITY / "ca.key").read_bytes()
    (ours / certs.AUTHORITY / "ca.key").write_bytes(key)
    assert certs.main([str(ours)]) == 1
    assert "does not belong to" in capsys.readouterr().out
    assert (ours / certs.AUTHORITY / "ca.key").read_bytes() == key


@pytest.mark.parametrize("days", ["0", "-1", "4000", "many"])
def test_days_that_make_no_sense_are_refused(days: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        certs.main([str(tmp_path), "--days", days])
    assert refused.value.code == 2
    assert list(tmp_path.iterdir()) == []
