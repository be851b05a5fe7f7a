"""A database whose answers arrive garbled: the way to it is broken, and that is an outage like any other."""

import socketserver
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url, text

from chassis import db
from chassis.db import DatabaseUnavailable
from deploy import postgres
from deploy.processes import wait_until
from tests.system.chaos.proxy import Direction, Link, Proxy, Weather

NOISE = Weather(is_corrupt=True)


class Noise(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1024)
        self.request.sendall(b"\xff" * 64)


@pytest.fixture
def noisy_port() -> Iterator[int]:
    """The port of a server that is none."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Noise) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        port: int = server.server_address[1]
        yield port
        server.shutdown()
        thread.join()


@pytest.fixture
def link(postgres_server: postgres.Server) -> Iterator[Link]:
    with Proxy() as proxy:
        yield proxy.link("test->database", postgres_server.port)


def test_a_connection_that_is_answered_with_noise_cannot_be_had(noisy_port: int) -> None:
    engine = db.engine(f"postgresql://who@127.0.0.1:{noisy_port}/any", schema="public", name="test", pool_size=1)
    with pytest.raises(DatabaseUnavailable), db.transaction(engine):
        raise AssertionError("there is no transaction")


def test_noise_in_the_middle_of_a_transaction_ends_it_and_its_connection(
    postgres_server: postgres.Server, link: Link
) -> None:
    url = make_url(postgres_server.url()).set(port=link.port).render_as_string(hide_password=False)
    engine = db.engine(url, schema="public", name="test", pool_size=1)
    with pytest.raises(DatabaseUnavailable), db.transaction(engine) as tx:  # noqa: PT012 -- what happens within it
        tx.execute(text("SELECT 1"))
        link.worsen(NOISE, Direction.ANSWER)
        tx.execute(text("SELECT 2"))
    link.heal()
    with db.transaction(engine) as tx:
        assert tx.execute(text("SELECT 3")).scalar_one() == 3
    engine.dispose()
    wait_until(lambda: link.connections() == 0, "connections to be closed", 30)
