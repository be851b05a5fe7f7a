"""Where the processes of a system listen."""

import pytest

from deploy import ports, system
from deploy.processes import CannotRun


def test_every_process_has_a_port_and_one_for_its_metrics() -> None:
    assert set(system.PORTS) == {*system.PACKAGES, *system.METRICS.values()}
    assert len(set(system.PORTS.values())) == len(system.PORTS)


def test_free_ports_are_all_different() -> None:
    assert len(set(ports.free_ports(50))) == 50


def test_the_settings_move_the_ports() -> None:
    found = system.ports_in({"LOAN_LISTEN": "0.0.0.0:1", "GATEWAY_METRICS_LISTEN": "127.0.0.1:2"})
    assert found == {**system.PORTS, "loan": 1, "gateway_metrics": 2}


def test_metrics_that_are_served_nowhere_have_no_port_and_no_setting() -> None:
    found = system.ports_in({"REVIEW_METRICS_LISTEN": ""})
    assert found == {name: port for name, port in system.PORTS.items() if name != "review_metrics"}
    assert "REVIEW_METRICS_LISTEN" not in system.address_settings(found)


@pytest.mark.parametrize(
    ("setting", "value"), [("LOAN_LISTEN", ""), ("LOAN_LISTEN", "here"), ("LOAN_METRICS_LISTEN", "x:y")]
)
def test_an_address_without_a_port_is_refused_by_the_name_of_its_setting(setting: str, value: str) -> None:
    with pytest.raises(CannotRun, match=f"{setting} must be host:port"):
        system.ports_in({setting: value})
