"""Which addresses only this machine reaches."""

import pytest

from chassis import exposure


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_a_loopback_address_is_one(host: str) -> None:
    assert exposure.is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "192.0.2.1", "example.org", "localhost.example.org", ""])  # noqa: S104 -- nothing listens
def test_any_other_address_is_none(host: str) -> None:
    assert not exposure.is_loopback(host)
