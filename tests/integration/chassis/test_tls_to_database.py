"""TLS to PostgreSQL, asked for in the address.

The embedded server has no TLS of its own. So a front that has it stands before the server, as it does where a proxy or
a pool ends TLS: libpq, its checks of certificates and our way of waiting for answers are the real ones.
"""

import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import make_url, text

from chassis import db
from chassis.errors import ServiceError
from deploy import ports, postgres

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""What a client begins with to ask a PostgreSQL server for TLS."""


class Front:
    """Ends TLS before a PostgreSQL server, and passes on what is inside.

    Args:
        certificate: A file with the certificate and its key.
        to: The port of the server.
    """

    def __init__(self, certificate: Path, to: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._to = to
        self._listener = socket.create_server((ports.HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections; those that are there end with their clients."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):  # a client that refuses the certificate hangs up
            if client.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
                return
            client.sendall(b"S")
            with (
                self._context.wrap_socket(client, server_side=True) as inside,
                socket.create_connection((ports.HOST, self._to)) as server,
            ):
                _pass_on(inside, server)


def _pass_on(inside: ssl.SSLSocket, server: socket.socket) -> None:
    """Pass on what comes from either side until one of them ends; in one thread, since TLS has one state."""
    while True:
        ready = [inside] if inside.pending() else select.select([inside, server], [], [])[0]
        for source in ready:
            received = source.recv(65_536)
            if not received:
                return
            (server if source is inside else inside).sendall(received)


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate, with its key, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(ports.HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The certificate of the front."""
    return certificate(tmp_path, "front")


@pytest.fixture
def front(authority: Path, postgres_server: postgres.Server) -> Iterator[Front]:
    """TLS before the server."""
    made = Front(authority, postgres_server.port)
    yield made
    made.close()


def answer(
    server: postgres.Server, port: int, query: str, statement: str = "SELECT 1", host: str = ports.HOST
) -> object:
    """What the database answers to one who comes with these parameters."""
    url = make_url(f"{server.url()}?{query}").set(host=host, port=port)
    engine = db.engine(url, schema="public", name="tls", pool_size=1)
    try:
        with db.transaction(engine) as tx:
            return tx.scalar(text(statement))
    finally:
        engine.dispose()


def test_a_server_whose_certificate_is_verified_is_spoken_to(
    postgres_server: postgres.Server, front: Front, authority: Path
) -> None:
    verified = f"sslmode=verify-full&sslrootcert={authority}"
    assert answer(postgres_server, front.port, verified) == 1


def test_answers_larger_than_any_buffer_arrive_whole_over_tls(
    postgres_server: postgres.Server, front: Front, authority: Path
) -> None:
    verified = f"sslmode=verify-full&sslrootcert={authority}"
    size = 8_000_000
    assert answer(postgres_server, front.port, verified, f"SELECT repeat('x', {size})") == "x" * size


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_server_with_the_certificate_of_somebody_else_is_refused(
    postgres_server: postgres.Server, front: Front, tmp_path: Path, mode: str
) -> None:
    foreign = certificate(tmp_path, "foreign")
    with pytest.raises(ServiceError) as refusal:
        answer(postgres_server, front.port, f"sslmode={mode}&sslrootcert={foreign}")
    assert "certificate verify failed" in str(refusal.value.__cause__)


def test_a_server_under_another_name_than_its_certificate_says_is_refused(
    postgres_server: postgres.Server, front: Front, authority: Path
) -> None:
    with pytest.raises(ServiceError) as refusal:
        answer(postgres_server, front.port, f"sslmode=verify-full&sslrootcert={authority}", host="localhost")
    assert "does not match host name" in str(refusal.value.__cause__)


def test_a_server_without_tls_is_refused_where_tls_is_required(postgres_server: postgres.Server) -> None:
    with pytest.raises(ServiceError) as refusal:
        answer(postgres_server, postgres_server.port, "sslmode=require")
    assert "server does not support SSL" in str(refusal.value.__cause__)
