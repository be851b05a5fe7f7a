"""P11: what it costs to know who calls: a closed system, with tokens and mutual TLS, against an open one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import stand
from bench.load import wrk
from bench.measure import Line, alternate
from deploy import certs, issuer, postgres

ROUNDS = 5
PARTS = ("review", "notification", "loan serve", "gateway")
HOUR_S = 3_600
NO_LIMITS = {"GATEWAY_PRINCIPAL_RATE": "0", "GATEWAY_CREATION_RATE": "0"}
"""One subject sends all of it, which the gateway would refuse after the first hundred."""


def measure(server: postgres.Server) -> Iterator[Line]:
    """Submit through the gateway, to the one and to the other in turn; the deciding is left for later."""
    with tempfile.TemporaryDirectory(prefix="los-bench-closed-") as folder:
        certificates = certs.ensure(Path(folder) / "tls")
        ours = issuer.ensure(Path(folder) / "issuer")
        token = ours.token("operator", lifetime_s=HOUR_S)
        with (
            stand.running(server, "p11_open", *PARTS) as opened,
            stand.running(
                server, "p11_closed", *PARTS, certificates=certificates, **ours.settings(), **NO_LIMITS
            ) as closed,
        ):
            wrk.submits(opened.gateway_url, seconds=2)
            wrk.submits(closed.gateway_url, seconds=2, token=token)
            with_tokens, without = alternate(
                ROUNDS,
                lambda: wrk.submits(closed.gateway_url, token=token),
                lambda: wrk.submits(opened.gateway_url),
            )
            violations = [*closed.broken_histories(), *opened.broken_histories()]
    work = "POST /api/v1/loans, 64 connections, with tokens and mutual TLS, against the open system"
    yield Line("P11", work, "requests/s", with_tokens, without, 0.75, violations=violations)
