"""An issuer's keys over HTTP: rotated, away, slow to be asked again, and never waited for."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chassis.access.keys import Keys, KeysMissing
from chassis.access.tokens import InvalidToken, Verifier
from tests.unit.chassis.mint import ED25519, NOW, P256, SETTINGS, Clock, public, token

PATIENCE_S = 20


class IssuerServer(ThreadingHTTPServer):
    """Answers with what it is told to, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = 200
        self.body = b""
        self.asked = 0
        self.changed = threading.Condition()
        self.url = f"http://127.0.0.1:{self.server_port}/keys"

    def lists(self, *listed: dict[str, Any]) -> None:
        self.status, self.body = 200, json.dumps({"keys": listed}).encode()

    def wait_until_asked(self, times: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.asked >= times, PATIENCE_S)


class _Answer(BaseHTTPRequestHandler):
    server: IssuerServer

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.send_header("Location", "http://localhost:1/attacker")
        self.end_headers()
        self.wfile.write(self.server.body)
        with self.server.changed:
            self.server.asked += 1
            self.server.changed.notify_all()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    with IssuerServer() as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def made() -> Iterator[list[Keys]]:
    """Keys that are closed at the end."""
    found: list[Keys] = []
    yield found
    for each in found:
        each.close()


def eager(issuer: IssuerServer, made: list[Keys]) -> Keys:
    """Keys that are read whenever somebody asks, and whenever reading failed."""
    made.append(Keys(issuer.url, refresh_s=3_600, pause_s=0.01))
    return made[-1]


def test_a_key_that_is_new_is_found_and_one_that_is_removed_is_refused(issuer: IssuerServer, made: list[Keys]) -> None:
    issuer.lists(public(ED25519, "ed"))
    issuer_keys = eager(issuer, made)
    verifier = Verifier(SETTINGS, issuer_keys, Clock())
    issuer.wait_until_asked(1)
    _until(verifier, token())
    issuer.lists(public(P256, "ec"))
    with pytest.raises(InvalidToken):
        verifier.verify(token(P256, "ec", "ES256"))
    _until(verifier, token(P256, "ec", "ES256"))
    with pytest.raises(InvalidToken):
        verifier.verify(token())


def _until(verifier: Verifier, sent: str) -> None:
    """Wait until a token is taken."""
    tick = threading.Event()
    for _ in range(100 * PATIENCE_S):
        try:
            verifier.verify(sent)
        except (InvalidToken, KeysMissing):
            tick.wait(0.01)
        else:
            return
    pytest.fail("the token was never taken")


def test_a_flood_of_unknown_keys_is_no_flood_of_fetches(issuer: IssuerServer, made: list[Keys]) -> None:
    issuer.lists(public(ED25519, "ed"))
    made.append(Keys(issuer.url, refresh_s=3_600, pause_s=3_600))
    verifier = Verifier(SETTINGS, made[0], Clock())
    _until(verifier, token())
    for number in range(1_000):
        with pytest.raises(InvalidToken):
            verifier.verify(token(ED25519, f"made up {number}"))
    assert issuer.asked == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (302, b""), (200, b"no JSON"), (200, b'{"keys": 1}'), (200, b" " * 300_000 + b"{}")],
)
def test_while_the_issuer_is_away_the_last_keys_serve(
    issuer: IssuerServer, made: list[Keys], status: int, body: bytes
) -> None:
    issuer.lists(public(ED25519, "ed"))
    verifier = Verifier(SETTINGS, eager(issuer, made), Clock())
    _until(verifier, token())
    issuer.status, issuer.body = status, body
    made[0].look_again()
    issuer.wait_until_asked(4)
    assert verifier.verify(token(exp=NOW + 601)).subject == "cook-3"
    verifier.require_keys()


def test_until_the_issuer_first_answers_the_process_is_not_ready(issuer: IssuerServer, made: list[Keys]) -> None:
    issuer.status = 503
    verifier = Verifier(SETTINGS, eager(issuer, made), Clock())
    issuer.wait_until_asked(2)
    with pytest.raises(KeysMissing, match="not known yet"):
        verifier.require_keys()
    issuer.lists(public(ED25519, "ed"))
    _until(verifier, token())
    verifier.require_keys()


def test_an_issuer_that_lists_no_key_any_more_is_believed(issuer: IssuerServer, made: list[Keys]) -> None:
    issuer.lists(public(ED25519, "ed"))
    verifier = Verifier(SETTINGS, eager(issuer, made), Clock())
    _until(verifier, token())
    issuer.lists()
    made[0].look_again()
    issuer.wait_until_asked(2)
    made[0].look_again()
    issuer.wait_until_asked(3)
    with pytest.raises(KeysMissing, match="no key that can be used"):
        verifier.require_keys()
