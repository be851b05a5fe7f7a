"""A system, and somebody who tells it marked values of a customer and an agent in every way there is."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import grpc
import httpx
import psycopg2

from deploy import postgres, system
from deploy.processes import ROOT, wait_until
from los.loan.v1 import loan_pb2, loan_pb2_grpc
from los.notification.v1 import notification_pb2, notification_pb2_grpc
from los.review.v1 import review_pb2, review_pb2_grpc
from tests.system.canary import Marks
from tests.system.chaos.patched import prepared, process
from tests.system.client import Client, Json, new_phone
from tests.system.conftest import RunningSystem

PATIENCE_S = 60
NOBODY = "01a21308-d129-70e5-9555-0cf2c090ffca"
HEADERS = ("User-Agent", "Authorization", "Idempotency-Key", "Referer", "Traceparent", "Cookie", "Origin")
SETTINGS = {"NOTIFICATION_ATTEMPTS_MAX": "2", "LOG_LEVEL": "debug"}

# Every row that any jobs table ever had.
KEEP_JOBS = """
CREATE SCHEMA canary;
CREATE TABLE canary.rows (said text);
CREATE FUNCTION canary.keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    'BEGIN INSERT INTO canary.rows VALUES (to_jsonb(new)::text); RETURN NULL; END';
CREATE TRIGGER canary AFTER INSERT OR UPDATE ON loan.jobs FOR EACH ROW EXECUTE FUNCTION canary.keep();
CREATE TRIGGER canary AFTER INSERT OR UPDATE ON review.jobs FOR EACH ROW EXECUTE FUNCTION canary.keep();
CREATE TRIGGER canary AFTER INSERT OR UPDATE ON notification.jobs FOR EACH ROW EXECUTE FUNCTION canary.keep();
"""

# A provider that says more of a message than it should.
CHATTY = """
from notification_service.clients import LogProvider, MessageRefused

send = LogProvider.send

def send_or_refuse(self, message):
    if message.template == "LOAN_WITHDRAWN":
        raise MessageRefused("nobody at " + message.recipient + f": {message.recipient}, {message.body}, {message!r}")
    if message.template == "LOAN_ESCALATED":
        raise KeyError(message.body)
    if message.template == "LOAN_REJECTED":
        raise ValueError(message)
    send(self, message)

LogProvider.send = send_or_refuse
"""


class Nest:
    """The system, and somebody who tells it all that is known of a customer and an agent.

    Attributes:
        marks: What is known.
        errors: What was answered to whom was refused.
    """

    def __init__(self, running: RunningSystem, client: Client) -> None:
        self.marks = Marks()
        self.errors: list[str] = []
        self._system = running
        self._client = client
        client.http.event_hooks["response"].append(self._keep_error)

    def _keep_error(self, answer: httpx.Response) -> None:
        if answer.is_error:
            answer.read()
            told = [f"{name}: {value}" for name, value in answer.headers.items() if name != "x-request-id"]
            self.errors.append("\n".join([*told, answer.text]))

    def form(self, amount: str, **fields: object) -> Json:
        marks = {"customer_name": self.marks.name, "customer_phone": self.marks.phone}
        return {**marks, "loan_amount": amount, "loan_type": "HOME", **fields}

    def submit(self, amount: str, **headers: str) -> str:
        """Submit a loan of the customer; answer its id."""
        answer = self._client.ok("POST", "/api/v1/loans", 201, json=self.form(amount), headers=headers)
        loan_id: str = answer["loan_id"]
        return loan_id

    def attempt(self, method: str, path: str, **rest: object) -> int:
        """Send a request that may be refused; answer the status."""
        return self._client.http.request(method, path, **rest).status_code  # type: ignore[arg-type]  # as httpx has them

    def tell_of_loans(self) -> None:
        """Submit in every way: well, again, wrongly, many at once; read, decide, withdraw."""
        marks, client = self.marks, self._client
        self.submit("100", **{"Idempotency-Key": marks.phone, "X-Request-Id": f"of-{marks.phone}"})
        again = {"json": self.form("200"), "headers": {"Idempotency-Key": marks.phone}}
        assert self.attempt("POST", "/api/v1/loans", **again) == 409
        for wrong in (
            {"loan_amount": "-1"},
            {"loan_type": marks.name},
            {"loan_amount": marks.phone},
            {"customer_phone": f"{marks.phone} or {marks.name}"},
            {"customer_name": marks.name * 20},
            {"currency_code": marks.phone[:3]},
            {"idempotency_key": marks.name},
        ):
            assert self.attempt("POST", "/api/v1/loans", json=self.form("100", **wrong)) == 400
        rows = [self.form("100"), self.form("0"), self.form("100", customer_phone=marks.name), self.form("600000")]
        client.ok("POST", "/api/v1/loans:batchSubmit", json={"loans": rows})
        reviewed, withdrawn = self.submit("20000"), self.submit("20000")
        agent_id = client.wait_for_assignment(reviewed)
        path = f"/api/v1/agents/{agent_id}/loans/{reviewed}/decision"
        assert self.attempt("PUT", path, json={"decision": "REJECT", "comment": marks.comment}) == 400
        assert self.attempt("PUT", path, json={"decision": "APPROVE", "reason_codes": [marks.comment]}) == 400
        stranger = f"/api/v1/agents/999999/loans/{reviewed}/decision"
        assert self.attempt("PUT", stranger, json={"decision": "APPROVE", "comment": marks.comment}) == 404
        client.decide(agent_id, reviewed, "REJECT", reason_codes=["OTHER"], comment=marks.comment)
        assert self.attempt("PUT", path, json={"decision": "APPROVE", "comment": marks.comment}) == 409
        client.wait_for_assignment(withdrawn)
        client.ok("POST", f"/api/v1/loans/{withdrawn}:withdraw")
        assert self.attempt("POST", f"/api/v1/loans/{reviewed}:withdraw") == 400
        client.ok("GET", "/api/v1/loans", params={"customer_phone": marks.phone})
        client.ok("GET", "/api/v1/customers/top")
        client.kinds(reviewed)
        with client.http.stream("GET", "/api/v1/loans:watch", headers={"Accept": "text/event-stream"}) as stream:
            watched = stream.iter_lines()
            self.submit("100")
            assert next(line for line in watched if line.startswith("data:"))

    def tell_of_staff(self) -> None:
        """Add an agent who gets a review, change and confuse them; reassign the review."""
        marks, client = self.marks, self._client
        staff = {"name": marks.staff_name, "email": marks.staff_email, "phone": marks.staff_phone}
        manager_id = client.ok("GET", "/api/v1/agents/2")["manager_id"]
        added = client.ok("POST", "/api/v1/agents", 201, json={**staff, "manager_id": manager_id})
        agent_id = added["agent_id"]
        assert self.attempt("POST", "/api/v1/agents", json=staff) == 409
        other = {"name": "Grace", "email": "grace@example.com", "phone": new_phone()}
        other_id = client.ok("POST", "/api/v1/agents", 201, json=other)["agent_id"]
        assert self.attempt("PATCH", f"/api/v1/agents/{other_id}", json={"email": marks.staff_email}) == 409
        for wrong in ({"email": marks.staff_name}, {"phone": marks.staff_name}, {"approval_limit": marks.staff_phone}):
            assert self.attempt("POST", "/api/v1/agents", json={**staff, **wrong}) == 400
            assert self.attempt("PATCH", f"/api/v1/agents/{agent_id}", json=wrong) == 400
        client.ok("PATCH", f"/api/v1/agents/{agent_id}", json={"name": marks.staff_name, "max_open_reviews": 50})
        loan_id = self.submit("20000")
        holder_id = client.wait_for_assignment(loan_id)
        if holder_id != agent_id:
            path = f"/api/v1/agents/{manager_id}/loans/{loan_id}:reassign"
            client.ok("POST", path, json={"to_agent_id": agent_id, "comment": marks.comment})
        client.ok("GET", f"/api/v1/agents/{agent_id}/loans")
        path = f"/api/v1/agents/{agent_id}/loans/{loan_id}:reassign"
        assert self.attempt("POST", path, json={"to_agent_id": other_id, "comment": marks.comment}) == 403

    def tell_nonsense(self) -> None:
        """Put the values where none belong: in broken bodies, queries, paths and headers, and past the gateway."""
        for value in (self.marks.name, self.marks.phone, self.marks.staff_email, self.marks.comment):
            written, sent = json.dumps({"customer_name": value}), {"content-type": "application/json"}
            for body in (written[:-1], written[:-2], f"[{written}]", written.replace('"}', '\\ud800"}'), f'"{value}'):
                assert self.attempt("POST", "/api/v1/loans", content=body.encode(), headers=sent) == 400
            assert self.attempt("POST", "/api/v1/loans", content=value.encode(), headers={"content-type": "a/b"}) == 415
            for name in ("status", "customer_phone", "page_token", "page", "size"):
                self.attempt("GET", "/api/v1/loans", params={name: value})
            for name in ("loan_id", "recipient", "state", "page_token"):
                self.attempt("GET", "/api/v1/notifications", params={name: value})
            said = quote(value, safe="")
            for path in (f"loans/{said}", f"agents/{said}/loans", f"agents/1/loans/{said}:reassign", said, f"{said}/%"):
                assert self.attempt("GET", f"/api/v1/{path}") in {400, 404, 405}
            assert self.attempt("POST", f"/api/v1/notifications/{said}:retry") == 400
            ascii_only = value.encode("ascii", "replace").decode()
            for name in (
                "User-Agent",
                "Authorization",
                "Idempotency-Key",
                "Referer",
                "Traceparent",
                "Cookie",
                "Origin",
            ):
                self.attempt("GET", f"/api/v1/loans/{NOBODY}", headers={name: ascii_only})
            headers = {"Last-Event-ID": ascii_only, "Accept": "text/event-stream"}
            assert self.attempt("GET", "/api/v1/loans:watch", headers=headers) == 400
            self._tell_services(value)

    def _tell_services(self, value: str) -> None:
        """Call the services themselves, the internal ones as well."""
        message = notification_pb2.SendNotificationRequest.Message(
            dedupe_key="canary", loan_id=NOBODY, channel=notification_pb2.Notification.SMS, recipient=value,
            template=value, values={value: value, "customer_name": value},
        )  # fmt: skip
        addressed = notification_pb2.SendNotificationRequest.Message(
            dedupe_key="canary", loan_id=NOBODY, channel=notification_pb2.Notification.PUSH,
            recipient=self.marks.phone, template="LOAN_APPROVED", values={"customer_name": value * 50},
        )  # fmt: skip
        review = review_pb2.OpenReviewRequest.Review(
            loan_id=NOBODY, customer_name=value, customer_phone=value, loan_amount="1", currency_code="USD",
            loan_type="HOME", customer_exposure="1",
        )  # fmt: skip
        step = loan_pb2.ReviewStep(number=1, kind=loan_pb2.LoanEvent.ASSIGNED, actor=value, comment=value)
        sent = (("x-request-id", f"of-{self.marks.phone}"), ("idempotency-key", self.marks.phone))
        with (
            grpc.insecure_channel(self._system.loan_target) as loan,
            grpc.insecure_channel(self._system.review_target) as reviews,
            grpc.insecure_channel(self._system.notification_target) as notifications,
        ):
            loans = loan_pb2_grpc.LoanServiceStub(loan)
            inside = loan_pb2_grpc.LoanInternalServiceStub(loan)
            steps = loan_pb2.RecordReviewStepsRequest.Review(loan_id=NOBODY, steps=[step])
            self._call(lambda: loans.SubmitLoan(loan_pb2.SubmitLoanRequest(customer_phone=value), metadata=sent))
            self._call(lambda: loans.GetLoan(loan_pb2.GetLoanRequest(loan_id=value)))
            self._call(lambda: inside.RecordReviewSteps(loan_pb2.RecordReviewStepsRequest(reviews=[steps])))
            open_review = review_pb2_grpc.ReviewInternalServiceStub(reviews).OpenReview
            self._call(lambda: open_review(review_pb2.OpenReviewRequest(reviews=[review])))
            send = notification_pb2_grpc.NotificationInternalServiceStub(notifications).SendNotification
            for each in (message, addressed):
                request = notification_pb2.SendNotificationRequest(messages=[each])
                self._call(lambda request=request: send(request))  # type: ignore[misc]  # bound now

    def _call(self, call: Callable[[], object]) -> None:
        """Call a service; what it refuses, it refuses without a word of what it was told."""
        try:
            self.errors.append(str(call()))
        except grpc.RpcError as error:
            self.errors.append(f"{error} {error.trailing_metadata()}")

    def break_things(self) -> None:
        """Submit and add while the database refuses to store it or is held, and while the review service is away."""
        marks = self.marks
        told = {"loan.loans": ("customer_phone", marks.phone), "review.agents": ("email", f"other-{marks.staff_email}")}
        with self._refusing(told):
            assert self.attempt("POST", "/api/v1/loans", json=self.form("100")) == 500
            rows = {"loans": [self.form("100"), self.form("200")]}
            self._client.ok("POST", "/api/v1/loans:batchSubmit", json=rows)
            staff = {"name": marks.staff_name, "email": f"other-{marks.staff_email}", "phone": new_phone()}
            assert self.attempt("POST", "/api/v1/agents", json=staff) == 500
        told = {
            "review.reviews": ("customer_phone", marks.phone),
            "notification.notifications": ("recipient", marks.phone),
        }
        with self._refusing(told):
            waiting = [self.submit("20000"), self.submit("100")]
            self._wait_for_failures("loan.jobs", "open_review", waiting[0])
            self._wait_for_failures("loan.jobs", "notify_customer", waiting[1])
        with self._held("loan.loans"):
            assert self.attempt("POST", "/api/v1/loans", json=self.form("100")) in {409, 429, 503}
        decided = self.submit("20000")
        agent_id = self._client.wait_for_assignment(decided)
        self._system.kill_process("review")
        path = f"/api/v1/agents/{agent_id}/loans/{decided}/decision"
        assert self.attempt("PUT", path, json={"decision": "APPROVE", "comment": marks.comment}) == 503
        away = self.submit("20000")
        self._wait_for_failures("loan.jobs", "open_review", away)
        self._system.restart_process("review")
        self._system.wait_until_serving()
        self._client.wait_for_assignment(away)

    def wait_until_parked(self) -> None:
        """Wait until the messages are parked that the provider refuses, and try one of them again."""
        parked = "SELECT notification_id FROM notification.notifications WHERE state = 'PARKED'"
        wait_until(lambda: len(self._system.rows(parked)) >= 2, "messages to be parked", PATIENCE_S)
        self._client.ok("POST", f"/api/v1/notifications/{self._system.rows(parked)[0][0]}:retry")
        wait_until(lambda: len(self._system.rows(parked)) >= 2, "the message to be parked again", PATIENCE_S)

    def _wait_for_failures(self, table: str, kind: str, loan_id: str) -> None:
        failed = f"SELECT 1 FROM {table} WHERE key = '{kind}:{loan_id}' AND last_error IS NOT NULL"
        wait_until(lambda: self._system.rows(failed) != [], f"{kind} of {loan_id} to fail", PATIENCE_S)

    @contextmanager
    def _refusing(self, values: dict[str, tuple[str, str]]) -> Iterator[None]:
        """Have tables take no rows with a value while the block lasts."""
        for table, (column, value) in values.items():
            self._system.rows(f"ALTER TABLE {table} ADD CONSTRAINT canary CHECK ({column} <> '{value}') NOT VALID")
        try:
            yield
        finally:
            for table in values:
                self._system.rows(f"ALTER TABLE {table} DROP CONSTRAINT canary")

    @contextmanager
    def _held(self, table: str) -> Iterator[None]:
        """Hold a table for ourselves while the block lasts."""
        owner = psycopg2.connect(self._system.owner_url)
        try:
            with owner.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                yield
        finally:
            owner.close()

    def told(self) -> dict[str, str]:
        """All that the system tells to whoever did not ask for it."""
        running = self._system
        places = {f"the log of {log.stem}": log.read_text(errors="replace") for log in running.logs if log.exists()}
        places["the log of the database"] = (running.postgres.folder / "postgres.log").read_text(errors="replace")
        for name, metrics in system.METRICS.items():
            address = running.environment[system.listen_setting(metrics)]
            places[f"the metrics of {name}"] = httpx.get(f"http://{address}/metrics", timeout=60).text
        for service in system.SERVICES:
            for state in ("PARKED", "READY"):
                places[f"the list of {state} jobs of {service}"] = _operators_list(running, service, state)
        places["a job"] = "\n".join(row[0] for row in running.rows("SELECT said FROM canary.rows"))
        places["an error"] = "\n".join(self.errors)
        return places


def _operators_list(running: RunningSystem, service: str, state: str) -> str:
    """What an operator sees of jobs at the command line."""
    words = [sys.executable, "-m", system.PACKAGES[service], "jobs", "--state", state]
    seen = subprocess.run(
        words, cwd=ROOT, env=running.environment, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    return seen.stdout + seen.stderr


@contextmanager
def nest(server: postgres.Server, database: str, log_format: str, **patches: str) -> Iterator[Nest]:
    """A system that serves, with processes that patch themselves; all jobs that it ever has are kept."""
    with prepared(server, database, LOG_FORMAT=log_format, **SETTINGS) as running:
        running.rows(KEEP_JOBS)
        for name, patch in {"notification": "", **patches}.items():
            program = patch + (CHATTY if name == "notification" else "")
            running.processes[name] = process(running, name, system.PACKAGES[name], program)
        running.start()
        running.wait_until_serving()
        with Client(running.gateway_url) as client:
            yield Nest(running, client)
