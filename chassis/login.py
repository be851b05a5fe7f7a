"""How a process proves to the database who it is: an address, and a password that need not stand in it.

Both are types for the settings of a process, and the one for the password comes first:

    database_password_file: PasswordFile = None
    database_url: DatabaseUrl

The first reads the file that it names, which is how Docker and Kubernetes hand secrets over, so that no listing of an
environment shows the password. The second takes that password in. Neither shows it as text, in a repr or in an error.
"""

import os
from pathlib import Path
from typing import Annotated

import psycopg2
from psycopg2 import extensions
from pydantic import (
    BeforeValidator,
    InstanceOf,
    PlainSerializer,
    PostgresDsn,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic_settings import NoDecode
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

PASSWORD_MOST_BYTES = 4_096
"""What is longer is no password: somebody named the wrong file."""

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

_DSN = TypeAdapter(PostgresDsn)


def parameters(url: URL) -> dict[str, str]:
    """What libpq is to be told to connect to an address, the password included."""
    named = url.translate_connect_args(username="user", database="dbname")
    return {name: str(value) for name, value in {**named, **url.query}.items()}


def _content(named: object) -> SecretStr | None:
    """The one line of the file that is named; None if none is."""
    if named is None or named == "":
        return None
    try:
        with Path(str(named)).open("rb") as file:
            content = file.read(PASSWORD_MOST_BYTES + 1)
        password = content.decode().rstrip("\r\n")  # editors and `echo` end every line
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    except ValueError:
        raise ValueError("must be the path of a file with text in UTF-8") from None
    if not password:
        raise ValueError("the file is empty")
    if len(content) > PASSWORD_MOST_BYTES or not password.isprintable():
        raise ValueError(f"the file must hold one line of at most {PASSWORD_MOST_BYTES} bytes, and nothing else")
    return SecretStr(password)


def _address(written: object, about: ValidationInfo) -> URL:
    """The address, with the password of the file that the setting beside it names."""
    url = _read(written)
    _require_usable(url)
    password: SecretStr | None = about.data.get(str(about.field_name).removesuffix("url") + "password_file")
    if password is None:
        return url
    if url.password is not None:
        raise ValueError("holds a password, and a password file is named as well: leave one of them out")
    return url.set(password=password.get_secret_value())


def _read(written: object) -> URL:
    """The parts of an address; what is wrong with it is said without repeating it."""
    if isinstance(written, URL):
        return written
    try:
        return make_url(str(_DSN.validate_python(written)))
    except ValidationError as error:
        raise ValueError(error.errors(include_input=False)[0]["msg"]) from None
    except (ArgumentError, ValueError):
        raise ValueError("must be postgresql://login@host:port/database") from None


def _require_usable(url: URL) -> None:
    """Refuse now what libpq would refuse at every attempt to connect."""
    if repeated := [name for name, value in url.query.items() if not isinstance(value, str)]:
        raise ValueError(f"names {', '.join(repeated)} more than once")
    try:
        extensions.make_dsn(**parameters(url))
    except psycopg2.ProgrammingError as error:  # names the parameter that there is not, no value
        raise ValueError(str(error).strip()) from None
    if url.query.get("sslmode", "prefer") not in SSL_MODES:
        raise ValueError(f"sslmode must be one of {', '.join(SSL_MODES)}")
    for name in ("sslrootcert", "sslcert", "sslkey"):
        file = str(url.query.get(name, ""))
        if file and (name, file) != ("sslrootcert", "system") and not os.access(file, os.R_OK):
            raise ValueError(f"{name} names a file that cannot be read")


PasswordFile = Annotated[SecretStr | None, BeforeValidator(_content)]
"""The password that stands in the file which is named, None without one; a file that is of no use is refused."""

DatabaseUrl = Annotated[InstanceOf[URL], NoDecode, BeforeValidator(_address), PlainSerializer(str)]
"""`postgresql://login[:password]@host:port/database`; behind a `?` follow libpq's parameters, those for TLS as well."""
