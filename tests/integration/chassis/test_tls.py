"""Mutual TLS: both sides prove who they are, and new certificates count without a restart."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from chassis import rpc, tls
from chassis.metrics import REGISTRY
from deploy import certs, ports, probe
from deploy.processes import Process, wait_until
from tests.integration.serving import listening

CHECK = health_pb2.HealthCheckRequest()
WATCH = health_pb2.HealthCheckRequest(service="held")


@dataclass
class Desk(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # generated code has no types
    """Notes who calls, and with which certificate; a stream goes on until it is released."""

    peers: list[str] = field(default_factory=list)
    certificates: list[bytes] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def Check(self, _request: Any, context: Any) -> Any:  # noqa: N802 -- the contract's name
        self.peers.append(tls.peer_of(context))
        self.certificates.extend(context.auth_context().get("x509_pem_cert", ()))
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    def Watch(self, _request: Any, _context: Any) -> Any:  # noqa: N802 -- the contract's name
        yield health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)
        self.released.wait(30)
        yield health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


@dataclass
class Served:
    """A server with the certificate of `loan`, and the folder of all certificates."""

    folder: Path
    target: str
    desk: Desk

    def of(self, name: str) -> Path:
        return self.folder / name

    def accepts(self, folder: Path | None, name: str = "loan") -> bool:
        return probe.serves(self.target, 5, name=name, tls_folder=folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certs.ensure(tmp_path_factory.mktemp("made"))


@pytest.fixture
def served(made: Path, tmp_path: Path) -> Iterator[Served]:
    folder = tmp_path / "tls"
    shutil.copytree(made, folder)
    desk = Desk()

    def register(server: grpc.aio.Server) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(desk, server)

    with listening(register, folder / "loan") as target:
        yield Served(folder, target, desk)
        desk.released.set()


def issue(served: Served, into: str, name: str, *, serves: bool = True, days: float = 1) -> Path:
    """Write what a process is given, made by the authority that is trusted."""
    authority = certs.Authority(served.folder / certs.AUTHORITY)
    certificate, key = authority.issue(name, serves=serves, days=days)
    certs.write(served.folder / into, authority.certificate.public_bytes(Encoding.PEM), certificate, key)
    return served.folder / into


@pytest.mark.parametrize("name", ["review", "gateway", "client"])
def test_a_caller_with_a_certificate_is_answered_and_known_by_its_name(served: Served, name: str) -> None:
    assert served.accepts(served.of(name))
    assert served.desk.peers == [name]


def test_a_person_reaches_a_server_by_its_address_too(served: Served) -> None:
    assert served.accepts(served.of("client"), name="")


def test_a_caller_in_plain_text_is_refused(served: Served) -> None:
    assert not served.accepts(None)
    assert served.desk.peers == []


def test_a_caller_without_a_certificate_is_refused(served: Served) -> None:
    trusting = grpc.ssl_channel_credentials((served.of("client") / tls.AUTHORITIES).read_bytes())
    with grpc.secure_channel(served.target, trusting) as channel, pytest.raises(grpc.RpcError) as refused:
        health_pb2_grpc.HealthStub(channel).Check(CHECK, timeout=5)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert served.desk.peers == []


def test_a_caller_of_another_authority_is_refused_even_if_it_trusts_ours(served: Served, tmp_path: Path) -> None:
    foreign = certs.ensure(tmp_path / "foreign") / "review"
    shutil.copy(served.of("review") / tls.AUTHORITIES, foreign / tls.AUTHORITIES)
    assert not served.accepts(foreign)
    assert served.desk.peers == []


def test_a_caller_whose_certificate_has_expired_is_refused(served: Served) -> None:
    assert not served.accepts(issue(served, "late", "review", days=-1))
    assert served.desk.peers == []


@pytest.mark.parametrize("wanted", ["review", "notification"])
def test_the_certificate_of_one_service_does_not_stand_for_another(served: Served, wanted: str) -> None:
    assert not served.accepts(served.of("client"), name=wanted)
    assert served.desk.peers == []


def test_a_certificate_for_callers_does_not_stand_for_a_server(served: Served) -> None:
    folder = issue(served, "impostor", "loan", serves=False)
    with listening(lambda server: health_pb2_grpc.add_HealthServicer_to_server(Desk(), server), folder) as target:
        assert not probe.serves(target, 5, name="loan", tls_folder=served.of("client"))


@pytest.mark.parametrize("name", ["loan/../review", "a/b"])
def test_a_name_of_several_parts_is_nobodys(served: Served, name: str) -> None:
    assert served.accepts(issue(served, "odd", name, serves=False))
    assert served.desk.peers == [""]


def test_new_certificates_of_a_caller_count_while_its_stubs_go_on(served: Served) -> None:
    with rpc.channel(served.target, "loan", served.of("review")) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        stub.Check(CHECK, timeout=5)
        issue(served, "review", "review")
        wait_until(lambda: changed(stub.Check, served.desk.certificates), "the new certificate", 30)


def test_a_call_that_is_under_way_outlives_the_certificates_it_began_with(served: Served) -> None:
    with rpc.channel(served.target, "loan", served.of("review")) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        stream = stub.Watch(WATCH, timeout=60)
        assert next(stream).status == health_pb2.HealthCheckResponse.NOT_SERVING
        stub.Check(CHECK, timeout=5)
        issue(served, "review", "review")
        wait_until(lambda: changed(stub.Check, served.desk.certificates), "the new certificate", 30)
        served.desk.released.set()
        assert [answer.status for answer in stream] == [health_pb2.HealthCheckResponse.SERVING]


def test_a_server_takes_a_new_authority_without_a_restart(served: Served) -> None:
    shutil.rmtree(served.folder / certs.AUTHORITY)
    old = shutil.copytree(served.of("client"), served.folder / "old")
    certs.renew(served.folder)
    wait_until(lambda: served.accepts(served.of("client")), "the new authority to count", 30)
    assert not served.accepts(old)


def test_half_a_replacement_keeps_the_old_certificates_and_is_warned_of_once(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = tls.Watched(served.of("loan"), look_every_s=0)
    before = watched.latest()
    key = (served.of("review") / tls.KEY).read_bytes()
    (served.of("loan") / tls.KEY).write_bytes(key)
    assert watched.latest() is before
    assert watched.latest() is before
    assert capsys.readouterr().out.count("do not belong together") == 1
    (served.of("loan") / tls.CERTIFICATE).write_bytes((served.of("review") / tls.CERTIFICATE).read_bytes())
    assert watched.latest().key == key


@pytest.mark.parametrize(("days", "days_left", "told"), [(13.5, 13, "is about to expire"), (-0.5, -1, "has expired")])
def test_a_certificate_that_ends_soon_is_warned_of_once_a_day_and_its_end_is_a_metric(
    served: Served, capsys: pytest.CaptureFixture[str], days: float, days_left: int, told: str
) -> None:
    folder = issue(served, "ending", "loan", days=days)
    capsys.readouterr()
    for watched in (tls.Watched(folder, look_every_s=0), tls.Watched(folder, look_every_s=0)):
        identity = watched.latest()
    (warned,) = [line for line in capsys.readouterr().out.splitlines() if "our certificate" in line]
    assert f"our certificate {told}" in warned
    for said in ("CN=loan", identity.expires_at.isoformat(), str(days_left)):
        assert said in warned
    ends = REGISTRY.get_sample_value("tls_certificate_expiry_timestamp_seconds", {"file": tls.CERTIFICATE})
    assert ends == identity.expires_at.timestamp()


def test_a_renewed_certificate_is_not_warned_of_and_moves_the_metric(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = issue(served, "ending", "loan", days=3)
    watched = tls.Watched(folder, look_every_s=0)
    issue(served, "ending", "loan", days=15)
    capsys.readouterr()
    renewed = watched.latest()
    assert "our certificate" not in capsys.readouterr().out
    ends = REGISTRY.get_sample_value("tls_certificate_expiry_timestamp_seconds", {"file": tls.CERTIFICATE})
    assert ends == renewed.expires_at.timestamp()


def test_a_server_with_half_a_replacement_goes_on(served: Served) -> None:
    shutil.copy(served.of("review") / tls.KEY, served.of("loan") / tls.KEY)
    issue(served, "client", "client", serves=False)
    assert served.accepts(served.of("client"))


@pytest.mark.parametrize("name", [tls.AUTHORITIES, tls.CERTIFICATE, tls.KEY])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN nonsense"])
def test_a_file_that_cannot_be_used_is_named_and_nothing_of_it_is_repeated(
    served: Served, name: str, content: bytes | None
) -> None:
    file = served.of("loan") / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=name) as refused:
        tls.read(served.of("loan"))
    assert "nonsense" not in str(refused.value)


def changed(check: Callable[..., Any], certificates: list[bytes]) -> bool:
    """Call once more; whether the certificate is another than at the first call."""
    check(CHECK, timeout=5)
    return certificates[-1] != certificates[0]


def test_a_process_and_a_crew_ask_for_certificates_and_a_healthcheck_has_one(made: Path, tmp_path: Path) -> None:
    for members in ([], ["2"]):
        target = f"127.0.0.1:{ports.free_port()}"
        command = [sys.executable, "-m", "tests.integration.chassis.program", target, str(tmp_path), *members]
        environment = {**os.environ, "TLS_DIR": str(made / "loan")}
        process = Process(command, tmp_path / f"program{len(members)}.log", environment=environment)
        process.start()
        try:
            wait_until(lambda: healthcheck(target, made / "loan") == 0, "the process to serve", 60, [process])  # noqa: B023 -- called now
            assert healthcheck(target, None) == 1
            assert healthcheck(target, made / "client") == 0
        finally:
            process.stop()


def healthcheck(target: str, folder: Path | None) -> int:
    """What a container's healthcheck runs."""
    environment = {**os.environ, "LOAN_LISTEN": target, "TLS_DIR": str(folder or "")}
    command = [sys.executable, "-m", "deploy.probe", "loan_service"]
    return subprocess.run(command, env=environment, check=False, timeout=60).returncode


def test_reflection_is_for_those_with_a_certificate(made: Path) -> None:
    names = ("grpc.health.v1.Health", reflection.SERVICE_NAME)

    def register(server: grpc.aio.Server) -> None:
        reflection.enable_server_reflection(names, server)

    with listening(register, made / "loan") as target, rpc.channel(target, "loan", made / "client") as channel:
        assert set(ProtoReflectionDescriptorDatabase(channel).get_services()) == set(names)
