"""The proxy makes the network as bad as it says, and leaves it alone when it says nothing."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from deploy import ports
from deploy.processes import wait_until
from tests.system.chaos.proxy import Direction, Link, Proxy, Weather

PATIENCE_S = 30


class Echo(socketserver.ThreadingTCPServer):
    """Says everything twice, and keeps what it was told."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heard = b""
        super().__init__((ports.HOST, 0), EchoHandler)

    @property
    def port(self) -> int:
        port: int = self.server_address[1]
        return port


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Echo)
        try:
            while told := self.request.recv(65536):
                self.server.heard += told
                self.request.sendall(told)
        except OSError:
            return  # reset: what the tests do


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        yield proxy


@pytest.fixture
def link(proxy: Proxy, echo: Echo) -> Link:
    return proxy.link("client->echo", echo.port)


def connected(link: Link) -> socket.socket:
    return socket.create_connection((ports.HOST, link.port), timeout=PATIENCE_S)


def read(client: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count and (piece := client.recv(count - len(received))):
        received += piece
    return received


def is_reset(link: Link) -> bool:
    """Whether a new connection is ended at once, perhaps before it is known to be there."""
    try:
        with connected(link) as client:
            client.recv(1)
    except ConnectionResetError:
        return True
    return False


def test_fair_weather_changes_nothing(link: Link) -> None:
    sent = bytes(range(256)) * 4000
    with connected(link) as client:
        threading.Thread(target=client.sendall, args=(sent,)).start()
        assert read(client, len(sent)) == sent


def test_an_end_passes_so_that_answers_still_come_after_it(link: Link) -> None:
    with connected(link) as client:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        assert read(client, 100) == b"last words"


def test_latency_delays_each_direction_for_itself(link: Link) -> None:
    link.worsen(Weather(latency_s=0.2), Direction.REQUEST)
    link.worsen(Weather(latency_s=0.3, jitter_s=0.1), Direction.ANSWER)
    with connected(link) as client:
        started = time.monotonic()
        client.sendall(b"hello")
        assert read(client, 5) == b"hello"
        assert time.monotonic() - started >= 0.5


def test_jitter_never_changes_the_order(link: Link) -> None:
    link.worsen(Weather(jitter_s=0.01))
    sent = [f"{number:04}".encode() for number in range(100)]
    with connected(link) as client:
        for piece in sent:
            client.sendall(piece)
        assert read(client, 400) == b"".join(sent)


def test_bandwidth_is_a_limit(link: Link) -> None:
    link.worsen(Weather(bytes_per_s=100_000), Direction.ANSWER)
    with connected(link) as client:
        started = time.monotonic()
        client.sendall(b"x" * 50_000)
        assert len(read(client, 50_000)) == 50_000
        assert time.monotonic() - started >= 0.4


def test_slices_arrive_whole_in_the_end(link: Link) -> None:
    link.worsen(Weather(slice_bytes=1))
    with connected(link) as client:
        client.sendall(b"one byte after the other")
        assert read(client, 24) == b"one byte after the other"


def test_a_black_hole_swallows_nothing_for_good(link: Link, echo: Echo) -> None:
    with connected(link) as client:
        link.worsen(Weather(is_silent=True), Direction.ANSWER)
        client.sendall(b"hello")
        wait_until(lambda: echo.heard == b"hello", "the request to pass", PATIENCE_S)
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(PATIENCE_S)
        link.heal()
        assert read(client, 5) == b"hello"


def test_a_black_hole_takes_new_connections_and_says_nothing(link: Link, echo: Echo) -> None:
    link.worsen(Weather(is_silent=True))
    with connected(link) as client:
        client.sendall(b"hello")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert echo.heard == b""
        link.heal()
        client.settimeout(PATIENCE_S)
        assert read(client, 5) == b"hello"


def test_a_reset_ends_what_is_there_and_nothing_else(link: Link) -> None:
    with connected(link) as client:
        client.sendall(b"hello")
        assert read(client, 5) == b"hello"
        link.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with connected(link) as client:
        client.sendall(b"again")
        assert read(client, 5) == b"again"


def test_refusing_lasts_until_it_is_healed(link: Link) -> None:
    link.refuse()
    for _ in range(2):
        assert is_reset(link)
    link.heal()
    with connected(link) as client:
        client.sendall(b"hello")
        assert read(client, 5) == b"hello"


def test_a_dropped_reply_is_one_whose_request_has_passed(link: Link, echo: Echo) -> None:
    with connected(link) as client:
        client.sendall(b"one.")
        assert read(client, 4) == b"one."
        link.drop_replies()
        client.sendall(b"two.")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert echo.heard == b"one.two."


def test_corruption_leaves_no_byte_as_it_was(link: Link, echo: Echo) -> None:
    link.worsen(Weather(is_corrupt=True), Direction.REQUEST)
    with connected(link) as client:
        client.sendall(b"hello")
        assert read(client, 5) == b"\xff" * 5
        assert echo.heard == b"\xff" * 5


def test_connections_go_to_the_targets_in_turn_and_around_those_that_are_gone(proxy: Proxy, echo: Echo) -> None:
    with Echo() as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.01,))
        thread.start()
        link = proxy.link("client->both", echo.port, other.port, ports.free_port())
        for _ in range(4):
            with connected(link) as client:
                client.sendall(b"hello")
                assert read(client, 5) == b"hello"
        other.shutdown()
        thread.join()
    assert echo.heard
    assert other.heard


def test_a_link_whose_target_is_gone_ends_connections(proxy: Proxy) -> None:
    link = proxy.link("client->nobody", ports.free_port())
    assert is_reset(link)
    wait_until(lambda: link.connections() == 0, "the connection to be forgotten", PATIENCE_S)
