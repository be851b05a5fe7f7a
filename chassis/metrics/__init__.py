"""What a process counts and measures, served in the form that Prometheus reads.

Like the log, the figures belong to the process: each room declares its own beside what it measures, in `REGISTRY`.
What is in the database rather than in the process is read when it is asked for; see chassis.metrics.stored. Labels
hold only what is declared in the code (methods, kinds of jobs, path patterns), never what a caller sent.
"""

import socket
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from chassis.logs import log

REGISTRY = CollectorRegistry()
"""What this process counts."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, of use to no alert
ProcessCollector(registry=REGISTRY)  # its memory, processor time and open files

PATH = "/metrics"

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""The bounds of histograms of time, in seconds."""

LISTEN = r"^(\S+:[0-9]{1,5})?$"
"""What a setting that says where metrics are served looks like: `host:port`, or empty for nowhere."""

READ_MAX_S = 10.0
"""How long a client may take to say what it wants."""


def serve(listen: str, collectors: Iterable[Collector] = ()) -> "Server | None":
    """Serve the metrics of this process on a thread, for as long as it lives.

    Args:
        listen: `host:port`; port 0 takes any free one. Empty: nothing is served, and None is answered.
        collectors: What is served beside `REGISTRY`.

    Raises:
        SystemExit: The address cannot be listened on.
    """
    if not listen:
        return None
    served = CollectorRegistry()
    for collector in (REGISTRY, *collectors):
        served.register(collector)
    host, _, port = listen.rpartition(":")
    try:
        server = Server(host.strip("[]"), int(port), served)
    except (OSError, OverflowError) as error:
        log.error("cannot serve metrics: is the port in use?", listen=listen, error=str(error))
        raise SystemExit(1) from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    log.info("metrics are served", host=server.server_address[0], port=server.server_address[1])
    return server


class Server(ThreadingTCPServer):
    """Answers each request on a thread of its own.

    Args:
        host: The address to listen on.
        port: Likewise.
        served: What is collected for each answer.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, served: CollectorRegistry) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        self.served = served
        super().__init__((host, port), _Request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 -- socketserver's signature
        """Say that a client could not be answered; most of them have just gone away."""
        log.warning("metrics could not be sent", error=repr(sys.exception()))


class _Request(BaseHTTPRequestHandler):
    """One request."""

    timeout = READ_MAX_S
    server: Server

    def do_GET(self) -> None:
        """Answer with the metrics."""
        if urlsplit(self.path).path != PATH:
            self.send_error(404)
            return
        encode, content_type = choose_encoder(self.headers.get("accept", ""))
        payload = encode(self.server.served)
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        """Log nothing: a line for each look would bury the rest."""
