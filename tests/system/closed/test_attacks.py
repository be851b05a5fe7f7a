"""Attacks on a closed system, from the outside: each is refused, changes no row, and learns nothing."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import grpc
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import message_factory

from chassis import tls
from deploy import certs
from los.loan.v1 import loan_pb2, loan_pb2_grpc
from tests.system.client import new_phone
from tests.system.closed.house import OWNER, STRANGER, House, methods

LOANS = "/api/v1/loans"
INTERNAL_METHODS = sorted(name for name in methods() if "InternalService" in name)
LEAKS = ("Traceback", "SELECT", "psycopg2", "sqlalchemy", "/chassis/", "127.0.0.1", "postgres", OWNER)


def state_of(house: House) -> str:
    """A digest of every row that there is."""
    found = hashlib.sha256()
    tables = house.system.rows(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('loan', 'review', 'notification')"
        " AND tablename NOT IN ('alembic_version', 'jobs') ORDER BY 1, 2"
    )
    assert len(tables) > 8
    for schema, table in tables:
        for row in house.system.rows(f"SELECT md5(t::text) FROM {schema}.{table} AS t ORDER BY 1"):
            found.update(str(row).encode())
    return found.hexdigest()


@pytest.fixture
def untouched(house: House) -> Iterator[House]:
    """The system, which must be the same when the test ends."""
    before = state_of(house)
    yield house
    assert state_of(house) == before


def claims(**changes: Any) -> dict[str, Any]:
    """What a genuine token of an operator says, but for changes; None takes one away."""
    now = int(time.time())
    genuine = {
        "iss": "https://issuer.localhost", "aud": "los", "sub": "eve", "iat": now, "exp": now + 600,
        "roles": ["operator", "admin"],
    }  # fmt: skip
    return {name: value for name, value in {**genuine, **changes}.items() if value is not None}


def keys(house: House) -> tuple[Any, Mapping[str, Any]]:
    """The issuer's public key as its set has it, and the header that names it."""
    (key,) = json.loads(house.issuer.key_set.read_text())["keys"]
    return key, {"kid": key["kid"]}


def unsigned(house: House) -> str:
    return jwt.encode(claims(), "", algorithm="none", headers=dict(keys(house)[1]))


def signed_with_the_public_key(house: House) -> str:
    public, header = keys(house)
    return jwt.encode(claims(), public["x"] * 2, algorithm="HS256", headers=dict(header))


def signed_by_somebody_else(house: House) -> str:
    return jwt.encode(claims(), Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=dict(keys(house)[1]))


def with_a_key_of_its_own(house: House) -> str:
    key = Ed25519PrivateKey.generate()
    own = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key()))
    headers = {**keys(house)[1], "jwk": own, "jku": "http://127.0.0.1:1/jwks", "x5u": "http://127.0.0.1:1/x5u"}
    return jwt.encode(claims(), key, algorithm="EdDSA", headers=headers)


def with_a_path_for_a_key(_house: House) -> str:
    return jwt.encode(claims(), Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": "../../../../dev/null"})


def of_another_part(house: House) -> str:
    """A genuine token of a customer whose claims were replaced."""
    head, _, signature = house.token("customer", phone=STRANGER).split(".")
    return f"{head}.{jwt.encode(claims(), 'x' * 32, 'HS256').split('.')[1]}.{signature}"


def genuine(house: House, **changes: Any) -> str:
    """A token that the issuer's own key has signed, but that says something else than it would."""
    (file,) = house.issuer.folder.glob("*.pem")
    return jwt.encode(claims(**changes), file.read_bytes(), "EdDSA", headers=dict(keys(house)[1]))


HOUR_S = 3_600
INVALID = "the token is not valid"
FORGERIES: dict[str, tuple[Callable[[House], str], str]] = {
    "unsigned": (unsigned, INVALID),
    "signed with the public key": (signed_with_the_public_key, INVALID),
    "signed by somebody else": (signed_by_somebody_else, INVALID),
    "with a key of its own": (with_a_key_of_its_own, INVALID),
    "with a path for a key": (with_a_path_for_a_key, INVALID),
    "of another part": (of_another_part, INVALID),
    "expired": (lambda house: genuine(house, exp=int(time.time()) - HOUR_S), "the token has expired"),
    "for ever": (lambda house: genuine(house, exp=None), INVALID),
    "of the future": (
        lambda house: genuine(house, iat=int(time.time()) + HOUR_S, exp=int(time.time()) + 2 * HOUR_S),
        INVALID,
    ),
    "of another issuer": (lambda house: genuine(house, iss="https://issuer.elsewhere"), INVALID),
    "for another system": (lambda house: genuine(house, aud="another system"), INVALID),
    "of nobody": (lambda house: genuine(house, sub=None), INVALID),
    "no token": (lambda _: "not.a.token", INVALID),
    "long": (lambda _: "x" * 7_000, INVALID),
}


def refused(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The error of a refusal, which tells nothing of the inside, nor what was sent."""
    assert answer.status_code == status, answer.text
    assert [leak for leak in LEAKS if leak in answer.text] == []
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(("forge", "said"), FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_token_opens_nothing_by_http_or_by_grpc(
    untouched: House, forge: Callable[[House], str], said: str
) -> None:
    token = forge(untouched)
    with untouched.client() as anybody:
        answer = anybody.http.get(LOANS, headers={"authorization": f"Bearer {token}"})
    assert refused(answer, 401)["message"] == said
    assert answer.headers["www-authenticate"] == "Bearer"
    method = methods()["LoanService.ListLoans"]
    with pytest.raises(grpc.RpcError) as raised:
        untouched.call(method, loan_pb2.ListLoansRequest(), token=token)
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_token_of_the_issuer_opens_what_it_says(untouched: House) -> None:
    with untouched.client() as anybody:
        answer = anybody.http.get(LOANS, headers={"authorization": f"Bearer {genuine(untouched)}"})
    assert answer.status_code == 200, answer.text  # so the forgeries that it signs are refused for what they say


def test_a_token_of_20_kb_is_refused_before_it_is_read(untouched: House) -> None:
    with untouched.client() as anybody:
        answer = anybody.http.get(LOANS, headers={"authorization": f"Bearer {'x' * 20_000}"})
    refused(answer, 431)


@pytest.mark.parametrize("name", INTERNAL_METHODS)
def test_no_token_opens_what_is_for_other_services(untouched: House, name: str) -> None:
    everything = untouched.token("customer", "agent", "manager", "operator", "admin", phone=OWNER, agent_id=1)
    method = methods()[name]
    request = message_factory.GetMessageClass(method.input_type)()
    for certificate in ("gateway", "client"):
        with pytest.raises(grpc.RpcError) as raised:
            untouched.call(method, request, token=everything, certificate=certificate)
        assert raised.value.code() is grpc.StatusCode.PERMISSION_DENIED


def code_of(channel: grpc.Channel) -> grpc.StatusCode:
    """How a call is answered that any certificate of ours may make."""
    stub = loan_pb2_grpc.LoanServiceStub(channel)
    with pytest.raises(grpc.RpcError) as raised:
        stub.ListLoans(loan_pb2.ListLoansRequest(), timeout=10)
    code: grpc.StatusCode = raised.value.code()
    return code


def test_without_a_certificate_of_ours_there_is_no_connection(untouched: House, tmp_path: Path) -> None:
    target = untouched.target("loan")
    ours = tls.read(untouched.certificates / "client")
    foreign = tls.read(certs.ensure(tmp_path / "foreign") / "client")
    options = [(tls.SERVER_NAME, "loan")]
    strangers: dict[str, grpc.ChannelCredentials | None] = {
        "plain text": None,
        "no certificate": grpc.ssl_channel_credentials(ours.authorities),
        "a foreign authority": grpc.ssl_channel_credentials(ours.authorities, foreign.key, foreign.certificate),
    }
    for name, credentials in strangers.items():
        made = (
            grpc.secure_channel(target, credentials, options=options) if credentials else grpc.insecure_channel(target)
        )
        with made as channel:
            assert code_of(channel) is grpc.StatusCode.UNAVAILABLE, name
    assert code_of(untouched.channel("loan", "client")) is grpc.StatusCode.UNAUTHENTICATED  # so it was the certificate


@pytest.mark.parametrize(
    "extra",
    [
        {"application_status": "APPROVED_BY_SYSTEM"},
        {"assigned_agent_id": 1},
        {"loan_id": str(uuid4())},
        {"version": 9},
        {"decided_at": "2026-01-01T00:00:00Z"},
        {"actor": "admin"},
        {"subject": "somebody else"},
        {"salt": "AAAA"},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_nobody_sets_what_is_not_theirs_to_set(untouched: House, extra: dict[str, Any]) -> None:
    form = {"customer_name": "Eve", "customer_phone": STRANGER, "loan_amount": "1.00", "loan_type": "HOME"}
    with untouched.client("customer", phone=STRANGER) as customer:
        body = refused(customer.http.post(LOANS, json={**form, **extra}), 400)
    assert next(iter(extra)) in body["message"]


def test_a_field_that_no_request_has_is_ignored_when_it_comes_as_bytes(house: House) -> None:
    phone = new_phone()
    form = loan_pb2.SubmitLoanRequest(customer_name="Eve", customer_phone=phone, loan_amount="20000", loan_type="HOME")
    with_more = loan_pb2.SubmitLoanRequest.FromString(form.SerializeToString() + b"\x92\x3f\x08APPROVED")
    token = house.token("customer", phone=phone)
    loan = house.call(methods()["LoanService.SubmitLoan"], with_more, token=token).loan
    assert loan.application_status == loan_pb2.Loan.APPLIED


@pytest.mark.parametrize("payload", ["'; DROP TABLE loans; --", '" OR 1=1 --', "${jndi:ldap://x/y}", "{{7*7}}", "%s%n"])
def test_what_looks_like_a_statement_is_text(house: House, payload: str) -> None:
    phone = new_phone()
    with house.client("customer", phone=phone) as customer:
        loan = customer.submit("1.00", customer_name=payload, customer_phone=phone)
        assert customer.loan(loan["loan_id"])["customer_name"] == payload
        refused(customer.http.get(LOANS, params={"page_token": payload}), 400)
        refused(customer.http.get(f"{LOANS}/{quote(payload, safe='')}"), 400)


@pytest.mark.parametrize("forged_line", ["x\r\n12:00:00 [info] forged", 'x\n{"event": "forged"}', "\x1b[2Jforged"])
def test_nobody_writes_a_line_of_their_own_into_a_log(house: House, forged_line: str) -> None:
    with house.client("operator", subject="eve") as operator:
        operator.http.post(LOANS, json={"customer_name": forged_line, "customer_phone": forged_line})
        operator.http.get(LOANS, params={"status": forged_line, "page_token": forged_line})
        operator.http.get(f"{LOANS}/x", headers={"user-agent": "forged"})
    lines = [line for log in house.system.logs for line in log.read_text(errors="replace").splitlines()]
    assert [line for line in lines if line.lstrip().startswith(("forged", "12:00:00 [info] forged", "{"))] == []
    assert "\x1b[2J" not in "".join(lines)


def test_a_decision_is_not_repeated_by_whoever_copies_it(house: House) -> None:
    phone = new_phone()
    with house.client("operator") as operator:
        loan_id = operator.submit("20000", customer_phone=phone)["loan_id"]
        agent_id = operator.wait_for_assignment(loan_id)
        manager_id = operator.manager_of(agent_id)
    path = f"/api/v1/agents/{agent_id}/loans/{loan_id}/decision"
    with house.client("agent", agent_id=agent_id) as agent:
        first = agent.ok("PUT", path, json={"decision": "REJECT", "reason_codes": ["INCOME_INSUFFICIENT"]})
        again = agent.ok("PUT", path, json={"decision": "REJECT", "reason_codes": ["INCOME_INSUFFICIENT"]})
        assert first == again
    for other in (manager_id, house.stranger_id if house.stranger_id != agent_id else house.agent_id):
        with house.client("agent", "manager", agent_id=other) as copier:
            refused(copier.http.put(path, json={"decision": "APPROVE"}), 404)
    with house.client("operator") as operator:
        operator.wait_for_messages(loan_id, {("SMS", phone, "LOAN_REJECTED"): 1, **pushes(operator, loan_id)})
        event = operator.ok("GET", f"/api/v1/loans/{loan_id}/events")["events"][-1]
    assert event["actor"] == f"agent:{agent_id}"


def pushes(operator: Any, loan_id: str) -> dict[tuple[str, str, str], int]:
    """The messages to staff about a loan, as they are."""
    return {key: count for key, count in operator.messages(loan_id).items() if key[0] == "PUSH"}


def test_the_history_says_whose_token_it_was(house: House) -> None:
    phone = new_phone()
    with house.client("customer", phone=phone, subject="ada") as customer:
        loan_id = customer.submit("20000", customer_phone=phone)["loan_id"]
        customer.ok("POST", f"{LOANS}/{loan_id}:withdraw", json={})
    with house.client("operator") as operator:
        events = operator.ok("GET", f"{LOANS}/{loan_id}/events")["events"]
    assert [event.get("subject", "") for event in events if event["actor"] == "customer"] == ["ada", "ada"]


def test_a_printed_token_is_all_that_a_client_needs(house: House) -> None:
    command = [sys.executable, "-m", "deploy.issuer", "token", "--role", "customer", "--phone", STRANGER]
    environment = {**os.environ, "LOCAL_FOLDER": str(house.issuer.folder.parent)}
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()
    with house.client() as anybody:
        answer = anybody.http.get(LOANS, headers={"authorization": f"Bearer {printed}"})
    assert answer.status_code == 200, answer.text
