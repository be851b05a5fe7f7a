"""Environment variables into typed settings, every problem reported at once."""

import sys
from typing import NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

Settings = TypeVar("Settings", bound=BaseSettings)

EXIT_UNUSABLE_SETTINGS = 2


def load(settings: type[Settings]) -> Settings:
    """Read the settings from the environment, or name everything wrong with them on stderr and exit with 2."""
    try:
        return settings()
    except ValidationError as error:
        said = problems(settings, error)
    except SettingsError as error:  # a list or an object that is no JSON
        said = f"unusable settings:\n  {error}"
    return _exit(said)


def refuse(problem: str) -> NoReturn:
    """Name on stderr what is wrong with settings that are only wrong together, and exit with 2."""
    _exit(f"unusable settings:\n  {problem}")


def problems(settings: type[BaseSettings], error: ValidationError) -> str:
    """One line for each unusable setting, by the name the operator knows it by; values are never repeated."""
    prefix = settings.model_config.get("env_prefix", "")
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name = prefix + "_".join(str(part) for part in problem["loc"])
        lines.append(f"{name.upper()}: {problem['msg']}" if problem["loc"] else problem["msg"])
    return "\n".join(["unusable settings:", *(f"  {line}" for line in sorted(lines))])


def _exit(said: str) -> NoReturn:
    print(said, file=sys.stderr)  # noqa: T201 -- logs are not configured before settings are
    raise SystemExit(EXIT_UNUSABLE_SETTINGS)
