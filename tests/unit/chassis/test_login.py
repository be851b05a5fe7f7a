"""Addresses of databases, and passwords in files beside them."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url

from chassis import config, db, login
from chassis.login import DatabaseUrl, PasswordFile
from deploy import ports

SECRET = "hunter2"
URL = "postgresql://cook@db/kitchen"


PROGRAM = """
import logging
from pydantic_settings import BaseSettings, SettingsConfigDict
from chassis import config, db, logs
from chassis.login import DatabaseUrl

class KitchenSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="KITCHEN_")
    database_url: DatabaseUrl

logs.configure("kitchen", config.load(logs.LogSettings))
settings = config.load(KitchenSettings)
engine = db.engine(settings.database_url, schema="kitchen", name="cook", pool_size=1)
try:
    db.check(engine)
except Exception as error:
    logs.log.error("lost", exc_info=error, settings=settings, engine=engine)
    logging.getLogger("sqlalchemy.pool").error("lost with %s", settings, exc_info=error)
    raise
"""


class KitchenSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="KITCHEN_")

    database_password_file: PasswordFile = None
    database_url: DatabaseUrl


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the password, named in the environment beside an address without one."""
    file = tmp_path / "password"
    file.write_text(SECRET)
    monkeypatch.setenv("KITCHEN_DATABASE_URL", URL)
    monkeypatch.setenv("KITCHEN_DATABASE_PASSWORD_FILE", str(file))
    return file


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of settings that are refused; the process would exit with 2."""
    with pytest.raises(SystemExit) as left:
        config.load(KitchenSettings)
    assert left.value.code == 2
    return capsys.readouterr().err


def test_the_password_of_the_file_is_that_of_the_login(secret: Path) -> None:
    assert secret.exists()
    assert config.load(KitchenSettings).database_url == make_url(f"postgresql://cook:{SECRET}@db/kitchen")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_the_line_break_at_the_end_of_the_file_is_not_part_of_the_password(secret: Path, end: str) -> None:
    secret.write_bytes(SECRET.encode() + end.encode())
    assert config.load(KitchenSettings).database_url.password == SECRET


@pytest.mark.parametrize("password", [" two words ", "p@ss:w/rd?#%20", "pässwörd", "'quoted' \\ \"twice\""])
def test_a_password_in_a_file_is_taken_as_it_stands(secret: Path, password: str) -> None:
    secret.write_text(password)
    assert login.parameters(config.load(KitchenSettings).database_url)["password"] == password


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n", "the file is empty"),
        (b"hunter2\nhunter3", "one line"),
        (b"hunter2\0", "one line"),
        (b"x" * (login.PASSWORD_MOST_BYTES + 1), "one line of at most 4096 bytes"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_a_file_that_holds_no_password_is_unusable(
    secret: Path, content: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret.write_bytes(content)
    said = refused(capsys)
    assert "KITCHEN_DATABASE_PASSWORD_FILE: " in said
    assert reason in said
    assert "hunter" not in said


@pytest.mark.parametrize(
    ("place", "reason"), [("nowhere", "No such file"), (".", "Is a directory"), ("\0", "path of a file")]
)
def test_a_file_that_cannot_be_read_is_unusable(secret: Path, place: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        KitchenSettings.model_validate({"database_url": URL, "database_password_file": str(secret.parent / place)})


def test_an_empty_setting_names_no_file(monkeypatch: pytest.MonkeyPatch, secret: Path) -> None:
    assert secret.exists()
    monkeypatch.setenv("KITCHEN_DATABASE_PASSWORD_FILE", "")
    assert config.load(KitchenSettings).database_url.password is None


def test_a_password_in_both_places_is_unusable_since_nobody_could_say_which_counts(
    monkeypatch: pytest.MonkeyPatch, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert secret.exists()
    monkeypatch.setenv("KITCHEN_DATABASE_URL", "postgresql://cook:spatula@db/kitchen")
    said = refused(capsys)
    assert "KITCHEN_DATABASE_URL: " in said
    assert "leave one of them out" in said
    assert "spatula" not in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"mysql://cook:{SECRET}@db/kitchen", "scheme should be"),
        (f"postgresql://cook:{SECRET}@db:port/kitchen", "port"),
        (f"postgresql://cook:{SECRET}@one:1,two:2/kitchen", "must be postgresql://login@host:port/database"),
        (f"postgresql://cook:{SECRET}@db/kitchen?sslmod=require", 'invalid connection option "sslmod"'),
        (f"postgresql://cook:{SECRET}@db/kitchen?sslmode=always", "sslmode must be one of"),
        (f"postgresql://cook:{SECRET}@db/kitchen?sslmode=require&sslmode=disable", "sslmode more than once"),
        (
            f"postgresql://cook:{SECRET}@db/kitchen?sslmode=verify-full&sslrootcert=/no/ca.crt",
            "sslrootcert names a file",
        ),
        (f"postgresql://cook:{SECRET}@db/kitchen?sslcert=/no/tls.crt", "sslcert names a file"),
    ],
)
def test_an_address_that_could_never_be_connected_to_is_unusable_at_once(
    monkeypatch: pytest.MonkeyPatch, url: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KITCHEN_DATABASE_URL", url)
    said = refused(capsys)
    assert "KITCHEN_DATABASE_URL: " in said
    assert reason in said
    assert SECRET not in said


def test_what_an_address_says_of_tls_reaches_libpq(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.touch()
    settings = KitchenSettings.model_validate(
        {"database_url": f"{URL}?sslmode=verify-full&sslrootcert={authority}&channel_binding=require"}
    )
    engine = db.engine(settings.database_url, schema="kitchen", name="cook", pool_size=1)
    _, handed_over = engine.dialect.create_connect_args(engine.url)
    assert {name: handed_over[name] for name in ("sslmode", "sslrootcert", "channel_binding")} == {
        "sslmode": "verify-full",
        "sslrootcert": str(authority),
        "channel_binding": "require",
    }


def test_the_authorities_of_the_system_are_no_file() -> None:
    settings = KitchenSettings.model_validate({"database_url": f"{URL}?sslmode=verify-full&sslrootcert=system"})
    assert settings.database_url.query["sslrootcert"] == "system"


@pytest.mark.parametrize("in_file", [True, False])
def test_settings_show_no_password_however_they_are_printed(
    monkeypatch: pytest.MonkeyPatch, secret: Path, in_file: bool
) -> None:
    assert secret.exists()
    if not in_file:
        monkeypatch.delenv("KITCHEN_DATABASE_PASSWORD_FILE")
        monkeypatch.setenv("KITCHEN_DATABASE_URL", f"postgresql://cook:{SECRET}@db/kitchen")
    settings = config.load(KitchenSettings)
    assert settings.database_url.password == SECRET
    shown = [
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        repr(settings.model_dump()),
        repr(vars(settings)),
    ]
    assert [text for text in shown if SECRET in text] == []


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_connection_that_fails_tells_no_password_in_its_traceback_nor_in_the_log(form: str) -> None:
    url = f"postgresql://cook:{SECRET}@127.0.0.1:{ports.free_port()}/kitchen"
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"KITCHEN_DATABASE_URL": url, "LOG_FORMAT": form},
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 1  # the traceback of the interpreter itself is part of what is looked at
    assert program.stderr.count("Connection refused") >= 3
    assert SECRET not in program.stderr + program.stdout
