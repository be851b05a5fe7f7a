"""No process of the system is open beyond this machine unless it is told to be, or starts with useless certificates."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy import ports, system
from deploy.processes import Process, wait_until

ANYWHERE = "0.0.0.0"  # noqa: S104 -- that is what is refused
Starts = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starts]:
    """Starts a process of the system without a database; none outlives the test."""
    started: list[Process] = []

    def start(name: str, **settings: str) -> Process:
        databases = system.database_settings("postgresql://owner@127.0.0.1:1/nowhere", "none")
        environment = {**os.environ, **system.address_settings(system.free_ports()), **databases, **settings}
        command = [sys.executable, "-m", system.PACKAGES[name]]
        process = Process(command, tmp_path / f"{name}.log", environment=environment)
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.kill()


def anywhere(name: str) -> dict[str, str]:
    return {system.listen_setting(name): f"{ANYWHERE}:{ports.free_port()}"}


@pytest.mark.parametrize("name", system.PACKAGES)
def test_an_open_process_refuses_to_listen_beyond_this_machine(start: Starts, name: str) -> None:
    process = start(name, **anywhere(name))
    assert process.wait(grace_s=60) == 1
    said = process.log.read_text()
    assert f"{name.upper()}_ALLOW_OPEN=true" in said
    assert "Traceback" not in said


def test_a_crew_refuses_it_once_for_all(start: Starts) -> None:
    process = start("loan", **anywhere("loan"), LOAN_PROCESSES="2")
    assert process.wait(grace_s=60) == 1
    assert process.log.read_text().count("LOAN_ALLOW_OPEN=true") == 1


@pytest.mark.parametrize("name", system.PACKAGES)
def test_a_process_that_may_be_open_beyond_this_machine_warns_of_it(start: Starts, name: str) -> None:
    process = start(name, **anywhere(name), **{f"{name.upper()}_ALLOW_OPEN": "true"})
    warning = "WITHOUT AUTHENTICATION BEYOND THIS MACHINE"
    wait_until(lambda: warning in process.log.read_text(), "the warning", 60, [process])


@pytest.mark.parametrize("name", system.PACKAGES)
def test_an_open_process_on_this_machine_says_so(start: Starts, name: str) -> None:
    process = start(name)
    line = "WITHOUT AUTHENTICATION: everybody on this machine may do everything"
    wait_until(lambda: line in process.log.read_text(), "the line", 60, [process])
    assert process.log.read_text().count("WITHOUT AUTHENTICATION") == 1


@pytest.mark.parametrize("name", system.PACKAGES)
def test_certificates_that_cannot_be_used_are_an_unusable_setting(start: Starts, name: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    process = start(name, TLS_DIR=str(empty))
    assert process.wait(grace_s=60) == 2
    said = process.log.read_text()
    assert "TLS_DIR: Value error, ca.crt cannot be read" in said
    assert "Traceback" not in said
