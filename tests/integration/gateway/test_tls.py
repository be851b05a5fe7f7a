"""The gateway's calls with mutual TLS: whose certificate it wants, and new ones while it serves."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc.aio
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from chassis import tls
from deploy import certs
from gateway.upstream import Upstream
from tests.integration.serving import listening

ANSWER_MAX_BYTES = 1_000
WATCH = "/grpc.health.v1.Health/Watch"
REQUEST = health_pb2.HealthCheckRequest().SerializeToString()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return certs.ensure(tmp_path / "tls")


@pytest.fixture
def target(folder: Path) -> Iterator[str]:
    """A server with the certificate of `loan`."""

    def register(server: grpc.aio.Server) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(HealthServicer(), server)

    with listening(register, folder / "loan") as target:
        yield target


def health(address: str, folder: Path | None) -> str:
    """What is heard of the health of an address."""

    async def ask() -> str:
        upstream = Upstream("any", address, ANSWER_MAX_BYTES, folder)
        try:
            return await upstream.health()
        finally:
            await upstream.close()

    return asyncio.run(ask())


def test_an_upstream_is_reached_by_the_name_of_its_owner_or_by_its_address(target: str, folder: Path) -> None:
    assert health(f"loan@{target}", folder / "gateway") == "SERVING"
    assert health(target, folder / "gateway") == "SERVING"


def test_another_s_certificate_is_refused(target: str, folder: Path) -> None:
    assert health(f"review@{target}", folder / "gateway") == "UNAVAILABLE"


def test_a_gateway_without_certificates_or_with_foreign_ones_is_refused(target: str, tmp_path: Path) -> None:
    assert health(f"loan@{target}", None) == "UNAVAILABLE"
    assert health(f"loan@{target}", certs.ensure(tmp_path / "foreign") / "gateway") == "UNAVAILABLE"


def test_new_certificates_count_and_a_stream_under_way_goes_on(target: str, folder: Path) -> None:
    async def follow() -> None:
        upstream = Upstream("any", f"loan@{target}", ANSWER_MAX_BYTES, folder / "gateway")
        stream = upstream.server_stream(WATCH, REQUEST, (), None)
        reading = aiter(stream)
        assert health_pb2.HealthCheckResponse.FromString(await anext(reading)).status
        write_expired(folder)
        async with asyncio.timeout(30):
            while await upstream.health() == "SERVING":  # noqa: ASYNC110 -- it can only be asked
                await asyncio.sleep(0.05)
        assert not stream.done()
        certs.renew(folder)
        async with asyncio.timeout(30):
            while await upstream.health() != "SERVING":  # noqa: ASYNC110 -- it can only be asked
                await asyncio.sleep(0.05)
        assert not stream.done()
        stream.cancel()
        await upstream.close()

    asyncio.run(follow())


def write_expired(folder: Path) -> None:
    """Put a certificate in the gateway's place that nobody accepts: that it is refused shows that it is used."""
    authority = certs.Authority(folder / certs.AUTHORITY)
    expired = authority.issue("gateway", serves=False, days=-1)
    certs.write(folder / "gateway", authority.certificate.public_bytes(Encoding.PEM), *expired)
    assert tls.read(folder / "gateway").certificate == expired[0]
