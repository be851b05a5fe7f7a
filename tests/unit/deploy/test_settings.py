"""What .env.example and docker-compose.yml say of settings is what the processes read."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML has no types of its own
from pydantic_settings import BaseSettings

from chassis.access.tokens import AuthSettings
from chassis.logs import LogSettings
from chassis.tls import TlsSettings
from deploy.demo.__main__ import DemoSettings
from deploy.local import LocalSettings
from deploy.migrate import MigrateSettings
from gateway.bootstrap import Settings as GatewaySettings
from loan_service.bootstrap import LoanSettings
from notification_service.bootstrap import NotificationSettings
from review_service.bootstrap import ReviewSettings

ROOT = Path(__file__).parents[3]
CLASSES: list[type[BaseSettings]] = [
    LogSettings,
    AuthSettings,
    TlsSettings,
    LoanSettings,
    ReviewSettings,
    NotificationSettings,
    GatewaySettings,
    MigrateSettings,
    LocalSettings,
    DemoSettings,
]
PROCESSES: dict[str, tuple[type[BaseSettings], ...]] = {
    "migrate": (MigrateSettings,),
    "certs": (),
    "seed": (ReviewSettings, LogSettings, AuthSettings, TlsSettings),
    "loan": (LoanSettings, LogSettings, AuthSettings, TlsSettings),
    "review": (ReviewSettings, LogSettings, AuthSettings, TlsSettings),
    "notification": (NotificationSettings, LogSettings, AuthSettings, TlsSettings),
    "gateway": (GatewaySettings, LogSettings, AuthSettings, TlsSettings),
}
OF_THE_IMAGE = {"GATEWAY_DESCRIPTOR_SET"}  # a file of this machine is not in the container
REQUIRED = {
    **{f"{name}_DATABASE_URL": "postgresql://login:password@host/los" for name in ("LOAN", "REVIEW", "NOTIFICATION")},
    "MIGRATE_DATABASE_URL": "postgresql://owner:password@host/los",
    "GATEWAY_UPSTREAMS": "los.loan.v1=host:1",
}


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are relative to the project, and whatever the developer has set is not there."""
    monkeypatch.chdir(ROOT)
    for name in {name for settings in CLASSES for name in names(settings)} & os.environ.keys():
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def listed() -> list[tuple[str, str]]:
    """The settings that .env.example shows, as names and values."""
    lines = (ROOT / ".env.example").read_text()
    return re.findall(r"^#([A-Z][A-Z_]*)=(.*)$", lines, re.MULTILINE)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """docker-compose.yml, its merges made and its variables as they are written."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def names(settings: type[BaseSettings]) -> set[str]:
    """What the environment calls a class's settings."""
    prefix = settings.model_config.get("env_prefix", "")
    return {f"{prefix}{field}".upper() for field in settings.model_fields}


def variables() -> dict[str, str]:
    """The variables that Compose itself replaces, with their defaults."""
    return dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", (ROOT / "docker-compose.yml").read_text()))


def comparable(settings: BaseSettings) -> dict[str, object]:
    """The values, with one spelling for each path."""
    values = dict(settings)
    return {name: value.resolve() if isinstance(value, Path) else value for name, value in values.items()}


def test_the_example_lists_every_setting_once_and_no_other(listed: list[tuple[str, str]]) -> None:
    declared = {name for settings in CLASSES for name in names(settings)}
    assert Counter(name for name, _ in listed) == Counter(declared | variables().keys())


def test_everything_in_the_example_is_commented_out_so_that_a_copy_changes_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_every_setting_in_the_example_is_explained_by_the_line_above_it_or_above_its_group() -> None:
    blocks = re.split(r"\n\s*\n", (ROOT / ".env.example").read_text())
    for block in (block for block in blocks if re.search(r"^#[A-Z_]+=", block, re.MULTILINE)):
        assert block.startswith("# ")


@pytest.mark.parametrize("settings", CLASSES, ids=lambda settings: settings.__name__)
def test_the_values_in_the_example_are_the_defaults(
    settings: type[BaseSettings], listed: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names(settings) & REQUIRED.keys():
        monkeypatch.setenv(name, REQUIRED[name])
    by_default = comparable(settings())
    for name, value in listed:
        if name in names(settings) - REQUIRED.keys():
            monkeypatch.setenv(name, value)
    assert comparable(settings()) == by_default


def test_a_setting_without_a_default_is_shown_without_a_value(listed: list[tuple[str, str]]) -> None:
    for settings in CLASSES:
        prefix = settings.model_config.get("env_prefix", "")
        required = {f"{prefix}{name}".upper() for name, field in settings.model_fields.items() if field.is_required()}
        assert required <= REQUIRED.keys()
        assert {dict(listed)[name] for name in required} <= {""}


def test_the_values_in_the_example_are_what_compose_takes_when_they_are_not_set(listed: list[tuple[str, str]]) -> None:
    declared = {name for settings in CLASSES for name in names(settings)}
    shown = {name: value for name, value in listed if name not in declared}
    assert shown == {name: value for name, value in variables().items() if name not in declared}


@pytest.mark.parametrize("process", PROCESSES)
def test_compose_hands_each_process_all_of_its_own_settings_and_no_others(
    process: str, compose: dict[str, Any]
) -> None:
    own = {name for settings in PROCESSES[process] for name in names(settings)}
    assert compose["services"][process].get("environment", {}).keys() == own - OF_THE_IMAGE


def test_every_process_that_compose_runs_is_looked_at_here(compose: dict[str, Any]) -> None:
    assert compose["services"].keys() - {"postgres"} == PROCESSES.keys()


def test_compose_gives_processes_more_time_to_end_than_they_take(compose: dict[str, Any]) -> None:
    for process, classes in PROCESSES.items():
        for settings in classes:
            for field in {"grace_s", "drain_s"} & settings.model_fields.keys():
                grace_period_s = float(compose["services"][process]["stop_grace_period"].removesuffix("s"))
                assert grace_period_s > settings.model_fields[field].default


def test_only_the_gateway_has_a_port_that_the_outside_reaches_and_it_does_not_reach_the_database(
    compose: dict[str, Any],
) -> None:
    assert {name for name, service in compose["services"].items() if "ports" in service} == {"gateway"}
    assert compose["services"]["gateway"]["ports"] == ["127.0.0.1:${GATEWAY_PORT:-8000}:8000"]
    assert compose["services"]["postgres"]["networks"] == ["database"]
    assert compose["services"]["gateway"]["networks"] == ["default"]
