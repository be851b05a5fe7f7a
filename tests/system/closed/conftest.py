"""One closed system for all tests of this folder: tokens of an issuer, and a certificate for every process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import certs, issuer, postgres
from tests.system.closed.house import House
from tests.system.conftest import run_system


@pytest.fixture(scope="session")
def house(postgres_server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The system, with a loan under review that an agent has; at its end it is held against all its promises."""
    folder: Path = tmp_path_factory.mktemp("closed")
    certificates, ours = certs.ensure(folder / "tls"), issuer.ensure(folder / "issuer")
    with (
        run_system(postgres_server, "closed", certificates, **ours.settings()) as system,
        House(system, ours, certificates) as found,
    ):
        yield found
