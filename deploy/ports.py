"""TCP ports of this machine's loopback."""

import socket

from deploy.processes import CannotRun

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


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
