"""An open process listens to this machine only, unless somebody has said otherwise."""

import pytest

from chassis import exposure

LOOPBACK = ["localhost", "127.0.0.1", "127.1.2.3", "::1"]
BEYOND = ["0.0.0.0", "::", "10.0.0.1", "192.0.2.1", "example.org", "localhost.example.org", ""]  # noqa: S104 -- nothing listens


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_loopback_address_is_one(host: str) -> None:
    assert exposure.is_loopback(host)


@pytest.mark.parametrize("host", BEYOND)
def test_any_other_address_is_none(host: str) -> None:
    assert not exposure.is_loopback(host)


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "[::1]:1", "localhost:1"])
def test_an_open_process_on_this_machine_says_so_in_one_line(listen: str, capsys: pytest.CaptureFixture[str]) -> None:
    exposure.check(listen, is_open=True, is_allowed=False, setting="DESK_ALLOW_OPEN")
    (line,) = capsys.readouterr().out.splitlines()
    assert "info" in line
    assert "everybody on this machine may do everything" in line


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "example.org:1"])
def test_an_open_process_beyond_this_machine_is_refused_by_the_name_of_what_would_allow_it(
    listen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        exposure.check(listen, is_open=True, is_allowed=False, setting="DESK_ALLOW_OPEN")
    assert refused.value.code == 1
    assert "DESK_ALLOW_OPEN=true" in capsys.readouterr().out


def test_an_open_process_that_may_go_beyond_this_machine_warns(capsys: pytest.CaptureFixture[str]) -> None:
    exposure.check("0.0.0.0:1", is_open=True, is_allowed=True, setting="DESK_ALLOW_OPEN")
    (line,) = capsys.readouterr().out.splitlines()
    assert "warning" in line


def test_a_process_that_asks_who_is_calling_may_listen_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    exposure.check("0.0.0.0:1", is_open=False, is_allowed=False, setting="DESK_ALLOW_OPEN")
    assert capsys.readouterr().out == ""
