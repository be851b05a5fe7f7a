"""What docker-compose.yml and the Dockerfile must hold every container to, those that come later included."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML has no types of its own

from deploy import passwords

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
PINNED = re.compile(r"\S+:\d+\.\d+(\.\d+)?-\w[\w-]*@sha256:[0-9a-f]{64}")
OWN_SECRETS = {
    "postgres": {"postgres_password", "migrate_database_password"},
    "migrate": {f"{name}_database_password" for name in ("migrate", "loan", "review", "notification")},
    "seed": {"review_database_password"},
    "loan": {"loan_database_password"},
    "review": {"review_database_password"},
    "notification": {"notification_database_password"},
    "gateway": set(),
    "certs": set(),
}

every_container = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


@every_container
def test_a_container_is_not_root(service: dict[str, Any]) -> None:
    user, _, group = service["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0


@every_container
def test_a_container_has_no_capability_and_may_gain_no_right(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"cap_add", "privileged", "devices", "pid", "ipc", "userns_mode"} & service.keys()
    assert service.get("network_mode", "none") == "none"  # not the host's, nor that of another container


@every_container
def test_a_container_writes_nowhere_but_to_its_volumes_and_memory(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    mounted = [volume for volume in service.get("volumes", []) if volume.startswith((".", "/", "~"))]
    assert [volume for volume in mounted if not volume.endswith(":ro")] == []
    assert "docker.sock" not in str(service)


@every_container
def test_a_container_has_an_end_to_its_memory_and_its_threads(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"\$\{[A-Z_]+_MEMORY_MAX:-\dg\}", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 1024


@every_container
def test_a_container_has_an_image_of_ours_or_one_whose_content_is_pinned(service: dict[str, Any]) -> None:
    assert service["image"] == "los" or PINNED.fullmatch(service["image"])


def test_the_base_of_our_image_is_pinned_by_its_content() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert PINNED.fullmatch(bases[0])


def test_our_image_is_not_root_by_itself() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == [SERVICES["loan"]["user"]]


def test_no_secret_is_put_into_a_layer() -> None:
    assert not re.search(r"(?i)password|secret|token|^ARG ", DOCKERFILE, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored  # nothing is let in but what is named
    assert [line for line in ignored if re.search(r"(?i)secret|password|\.env|\.local|tls", line)] == []


@every_container
def test_no_environment_holds_a_password(service: dict[str, Any]) -> None:
    environment: dict[str, str | None] = service.get("environment", {})
    for name, value in environment.items():
        if re.search("PASSWORD|SECRET|TOKEN", name):
            assert name.endswith("_FILE")
            assert str(value).startswith("/run/secrets/")
        assert not re.search(r"://[^/@]*:[^/@]*@", value or "")
    assert "env_file" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_sees_its_own_secrets_only(name: str) -> None:
    service = SERVICES[name]
    seen = set(service.get("secrets", []))
    assert seen == OWN_SECRETS[name]
    named = {value for value in service.get("environment", {}).values() if str(value).startswith("/run/secrets/")}
    assert named <= {f"/run/secrets/{secret}" for secret in seen}


def test_the_database_and_what_reaches_it_are_on_a_network_without_a_way_out() -> None:
    assert COMPOSE["networks"]["database"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == ["database"]
    assert "database" not in SERVICES["gateway"]["networks"]


def test_every_secret_is_a_file_that_git_does_not_know_and_that_make_secrets_makes() -> None:
    assert COMPOSE["secrets"] == {name: {"file": f"./secrets/{name}"} for name in passwords.NAMES}
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_passwords_are_long_random_and_readable_below_a_folder_that_only_its_owner_enters(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert passwords.make(folder) == list(passwords.NAMES)
    made = [(folder / name).read_text() for name in passwords.NAMES]
    assert len(set(made)) == len(passwords.NAMES)
    assert {bool(re.fullmatch(r"[\w-]{32}", password)) for password in made} == {True}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}
    assert {path.name for path in folder.iterdir()} == set(passwords.NAMES)


def test_passwords_that_are_there_stay(tmp_path: Path) -> None:
    passwords.make(tmp_path)
    (tmp_path / "loan_database_password").unlink()
    before = (tmp_path / "postgres_password").read_text()
    assert passwords.make(tmp_path) == ["loan_database_password"]
    assert (tmp_path / "postgres_password").read_text() == before
