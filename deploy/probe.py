"""Ask a process of this machine whether it works: `python -m deploy.probe loan_service`; exits with 0 or 1.

What healthchecks of containers run. The address is that of the process's own LISTEN setting,
the certificate its own as well.
"""

import http.client
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import config, rpc, tls


def serves(target: str, timeout_s: float = 2, *, name: str = "", tls_folder: Path | None = None) -> bool:
    """Tell whether the gRPC server at `host:port` says SERVING for all of itself.

    Args:
        target: Where it is.
        timeout_s: How long to wait for the answer.
        name: Whose certificate it must have.
        tls_folder: Our certificates; without them nothing is encrypted.
    """
    with rpc.channel(target, name, tls_folder) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
        except grpc.RpcError:
            return False
    serving: bool = answer.status == health_pb2.HealthCheckResponse.SERVING
    return serving


def answers(url: str, timeout_s: float = 2) -> bool:
    """Tell whether an HTTP GET is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:  # noqa: S310 -- our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return False


def main() -> int:
    """Run from the command line."""
    package = sys.argv[1]
    _, _, port = os.environ[f"{package.removesuffix('_service').upper()}_LISTEN"].rpartition(":")
    address = f"127.0.0.1:{port}"
    if package == "gateway":
        return 0 if answers(f"http://{address}/livez") else 1
    folder = config.load(tls.TlsSettings).dir
    return 0 if serves(address, name=package.removesuffix("_service"), tls_folder=folder) else 1


if __name__ == "__main__":
    raise SystemExit(main())
