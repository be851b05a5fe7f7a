"""TCP ports of this machine's loopback."""

import socket
from contextlib import ExitStack

from deploy.processes import CannotRun

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


def require_free(port: int, who: str, setting: str) -> None:
    """Refuse to go on if somebody listens on the port.

    Args:
        port: The port.
        who: Who wants it.
        setting: The setting that moves them elsewhere.

    Raises:
        CannotRun: Somebody does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CannotRun(
                f"port {port} for {who} cannot be had ({error.strerror}): free it, or set {setting}"
            ) from None
