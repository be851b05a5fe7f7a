"""A way between two services that breaks in the middle of a call says nothing about the call."""

import socket
import threading
from collections.abc import Iterator

import grpc
import pytest

from chassis import rpc
from chassis.errors import Unavailable
from los.loan.v1 import loan_pb2, loan_pb2_grpc

SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"  # an empty HTTP/2 frame that greets the client
HEADERS = b"\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88"  # `:status: 200` for the first call
ENDS = {
    "noise": b"\xff" * 64,
    "an internal error": b"\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x02",
    "a protocol error": b"\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x01",
    "noise for an answer": HEADERS + b"\x00\x00\x09\x00\x00\x00\x00\x00\x01" + b"\x00\x00\x00\x00\x04" + b"\xff" * 4,
}


@pytest.fixture(params=ENDS)
def broken_target(request: pytest.FixtureRequest) -> Iterator[str]:
    """A peer that greets as it should, and ends the first call in a way that no service does."""
    end = ENDS[request.param]
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(SETTINGS)
                received = b""
                while b"GetLoan" not in received and (piece := connection.recv(65536)):
                    received += piece
                connection.sendall(end)
                while connection.recv(65536):
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(30)


def test_a_way_that_breaks_is_a_passing_failure(broken_target: str) -> None:
    with rpc.channel(broken_target) as channel:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        with pytest.raises(Unavailable) as raised:
            rpc.call(stub.GetLoan, loan_pb2.GetLoanRequest(), timeout_s=20)
    assert str(raised.value) == "a service that is needed cannot be reached"
    assert isinstance(raised.value.__cause__, grpc.RpcError)
