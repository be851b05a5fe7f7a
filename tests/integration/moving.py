"""A gRPC server that moves to another address, and the name server that knows where it is."""

import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from grpc_health.v1 import health, health_pb2_grpc

TYPE_A, CLASS_IN = 1, 1
ANSWER, POINTER_TO_QUESTION = b"\x85\x80", b"\xc0\x0c"


class Mover:
    """Serves health at one address of this machine at a time.

    Attributes:
        target: What a client calls to reach it wherever it is.
    """

    def __init__(self) -> None:
        self._names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._names.bind(("127.0.0.1", 0))
        self._host = "127.0.0.1"
        self._server, self._port = _serve(f"{self._host}:0")
        self.target = f"dns://127.0.0.1:{self._names.getsockname()[1]}/mover.test:{self._port}"
        self._thread = threading.Thread(target=self._answer_names, daemon=True)
        self._thread.start()

    def move(self) -> None:
        """End where it is, and begin at an address where it was not."""
        self._server.stop(None).wait()
        self._host = "127.0.0.2"
        self._server, _ = _serve(f"{self._host}:{self._port}")

    def close(self) -> None:
        """End."""
        self._server.stop(None).wait()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._names.getsockname())
        self._thread.join()
        self._names.close()

    def _answer_names(self) -> None:
        """Answer every question with the present address, if it asks for one of version 4, until an empty one comes."""
        while True:
            asked, peer = self._names.recvfrom(512)
            if not asked:
                return
            question = asked[12 : asked.index(b"\0", 12) + 5]
            records = b""
            if question[-4:] == struct.pack("!HH", TYPE_A, CLASS_IN):
                records = POINTER_TO_QUESTION + struct.pack("!HHIH", TYPE_A, CLASS_IN, 0, 4)
                records += socket.inet_aton(self._host)
            counts = struct.pack("!HHHH", 1, 1 if records else 0, 0, 0)
            self._names.sendto(asked[:2] + ANSWER + counts + question + records, peer)


@contextmanager
def moving() -> Iterator[Mover]:
    """A server that can move, while the block lasts."""
    mover = Mover()
    try:
        yield mover
    finally:
        mover.close()


def _serve(address: str) -> tuple[grpc.Server, int]:
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    port = server.add_insecure_port(address)
    server.start()
    return server, port
