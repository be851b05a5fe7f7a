"""Ask a process of this machine whether it works: `python -m deploy.probe loan_service`; exits with 0 or 1.

What healthchecks of containers run. The address is that of the process's own LISTEN setting.
"""

import http.client
import os
import sys
import urllib.error
import urllib.request

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def serves(target: str, timeout_s: float = 2) -> bool:
    """Tell whether the gRPC server at `host:port` says SERVING for all of itself."""
    with grpc.insecure_channel(target) as channel:
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
    works = answers(f"http://{address}/livez") if package == "gateway" else serves(address)
    return 0 if works else 1


if __name__ == "__main__":
    raise SystemExit(main())
