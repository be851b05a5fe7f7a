"""Settings from the environment."""

import pytest
from pydantic import Field, PostgresDsn, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis import config

SECRET = "hunter2"


class KitchenSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="KITCHEN_")

    database_url: PostgresDsn
    threads: int = Field(4, ge=1)
    secret: SecretStr = Field(SecretStr(""), max_length=3)
    allowed_origins: list[str] = []


class OvenSettings(BaseSettings):
    from_s: float = 1
    to_s: float = 2

    @model_validator(mode="after")
    def _in_order(self) -> "OvenSettings":
        if self.from_s > self.to_s:
            raise ValueError("FROM_S must not be above TO_S")
        return self


@pytest.fixture(autouse=True)
def kitchen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITCHEN_DATABASE_URL", "postgresql://cook:pan@db/kitchen")


def complaints(settings: type[BaseSettings], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What `load` prints before it exits with 2."""
    with pytest.raises(SystemExit) as left:
        config.load(settings)
    assert left.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.splitlines()


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITCHEN_THREADS", "7")
    settings = config.load(KitchenSettings)
    assert (settings.threads, str(settings.database_url)) == (7, "postgresql://cook:pan@db/kitchen")


def test_every_problem_is_reported_at_once_by_the_name_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KITCHEN_DATABASE_URL")
    monkeypatch.setenv("KITCHEN_THREADS", "none")
    heading, *problems = complaints(KitchenSettings, capsys)
    assert heading == "unusable settings:"
    assert [problem.split(":")[0].strip() for problem in problems] == ["KITCHEN_DATABASE_URL", "KITCHEN_THREADS"]
    assert problems[0].endswith("Field required")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KITCHEN_DATABASE_URL", f"mysql://cook:{SECRET}@db/kitchen"),
        ("KITCHEN_DATABASE_URL", f"postgresql://cook:{SECRET}@db:port/kitchen"),
        ("KITCHEN_THREADS", SECRET),
        ("KITCHEN_SECRET", SECRET),
        ("KITCHEN_ALLOWED_ORIGINS", f'["{SECRET}'),
    ],
)
def test_values_are_never_repeated_since_they_may_be_secrets(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    said = "\n".join(complaints(KitchenSettings, capsys))
    assert name.removeprefix("KITCHEN_").lower() in said.lower()
    assert SECRET not in said


def test_a_rule_about_several_settings_speaks_for_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FROM_S", "3")
    assert complaints(OvenSettings, capsys)[1:] == ["  Value error, FROM_S must not be above TO_S"]
