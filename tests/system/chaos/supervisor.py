"""The system that is to be broken: two processes of each service, one gateway, and a proxy on every edge.

    client -> gateway -> loan, review, notification          three edges
    loan-1, loan-2 -> review, notification                    four
    review-1, review-2 -> loan, notification                  four
    each of the six -> database                               six

Behind an edge to a service stand both its processes, as behind a load balancer: a connection stays with one of them.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from psycopg2 import extensions
from sqlalchemy import make_url

from deploy import ports, postgres, probe, system
from deploy.processes import Process, wait_until
from tests.system.chaos.proxy import Proxy

DATABASE = "chaos"
PASSWORD = "a password for tests"
INSTANCES = (1, 2)
CALLS = {"loan": ("review", "notification"), "review": ("loan", "notification"), "notification": ()}
PATIENCE_S = 120
ENDS_WELL = {0, 1}  # 1 if the database was away just then: leases are left to end by themselves

# Short enough for several lives of everything in one run; assessments take long enough to be hit.
SETTINGS = {
    "LOAN_LEASE_S": "2",
    "REVIEW_LEASE_S": "2",
    "NOTIFICATION_LEASE_S": "2",
    "LOAN_ASSESSMENT_DELAY_MIN_S": "0.05",
    "LOAN_ASSESSMENT_DELAY_MAX_S": "0.5",
    "LOAN_EXPIRE_AFTER_S": "20",
    "REVIEW_ASSIGN_EVERY_S": "1",
    "REVIEW_DUE_S": "5",
    "REVIEW_ESCALATE_EVERY_S": "1",
    "REVIEW_FOUR_EYES_ABOVE": "250000",
    "LOAN_GRACE_S": "3",
    "REVIEW_GRACE_S": "3",
    "NOTIFICATION_GRACE_S": "3",
    "GATEWAY_DRAIN_S": "3",
}


class Supervisor:
    """Everything that runs, by name.

    Attributes:
        server: The database server.
        proxy: The network.
        processes: `loan-1` to `notification-2`, and `gateway`.
        owner_url: The way to the database around the proxy, for the login that owns it.
        gateway_url: Where requests go.
        ended_badly: What did not end by itself when it was asked to stop in good order.
    """

    def __init__(self, folder: Path, server: postgres.Server, proxy: Proxy, hands: ThreadPoolExecutor) -> None:
        self.server = server
        self.proxy = proxy
        self.owner_url = server.url(DATABASE)
        self.ended_badly: list[str] = []
        self._hands = hands
        self._port_of = {name: ports.free_port() for name in (*_instances(), "gateway")}
        self.gateway_url = f"http://{ports.HOST}:{self._port_of['gateway']}"
        self._databases = system.database_settings(self.owner_url, PASSWORD)
        self.processes = {name: self._process(name, folder, *_words(name)) for name in self._port_of}
        self._preparations = [
            self._process("migrate", folder, "deploy.migrate"),
            self._process("seed", folder, "review_service", "seed"),
        ]

    def _process(self, name: str, folder: Path, *words: str) -> Process:
        settings = {**self._databases, **SETTINGS}
        if name in self._port_of:
            settings |= self._addresses(name)
        environment = {**os.environ, **settings}
        return Process([sys.executable, "-m", *words], folder / f"{name}.log", environment=environment)

    def _addresses(self, name: str) -> dict[str, str]:
        """Where a process listens and finds the others, each by an edge of its own."""
        service = name.partition("-")[0]
        found = {system.listen_setting(service): f"{ports.HOST}:{self._port_of[name]}"}
        if name == "gateway":
            at = {to: self._edge(name, to) for to in system.SERVICES}
            return {**found, "GATEWAY_UPSTREAMS": ",".join(f"los.{to}.v1={at[to]}" for to in system.SERVICES)}
        for to in CALLS[service]:
            found[f"{service.upper()}_{to.upper()}_TARGET"] = self._edge(name, to)
        setting = f"{service.upper()}_DATABASE_URL"
        link = self.proxy.link(f"{name}->database", self.server.port)
        url = make_url(self._databases[setting]).set(port=link.port)
        return {**found, setting: url.render_as_string(hide_password=False)}

    def _edge(self, name: str, to: str) -> str:
        link = self.proxy.link(f"{name}->{to}", *(self._port_of[f"{to}-{number}"] for number in INSTANCES))
        return f"{ports.HOST}:{link.port}"

    @property
    def provider_logs(self) -> list[Path]:
        """Where the messages that were sent are written."""
        return [self.processes[f"notification-{number}"].log for number in INSTANCES]

    def start(self) -> None:
        """Prepare the database, start everything, and wait until it serves."""
        for preparation in self._preparations:
            preparation.run_to_end(PATIENCE_S)
        for process in self.processes.values():
            process.start()
        self.wait_until_serving()

    def wait_until_serving(self) -> None:
        """Wait until every process serves, and the gateway sees its upstreams."""
        for name, port in self._port_of.items():
            if name != "gateway":
                address = f"{ports.HOST}:{port}"
                wait_until(lambda address=address: probe.serves(address), f"{name} to serve", PATIENCE_S)  # type: ignore[misc]  # bound now
        wait_until(lambda: probe.answers(f"{self.gateway_url}/health"), "the gateway to serve", PATIENCE_S)

    def do(self, work: Callable[[], None]) -> "Future[None]":
        """Do something beside the caller, on a thread that outlives the system: children die with who started them."""
        return self._hands.submit(work)

    def restart(self, name: str, pause: Callable[[], object]) -> None:
        """Stop a process in good order, if it has come so far as to know one, and start it again after a pause."""
        listens = _listens(self._port_of[name])
        exit_code = self.processes[name].stop(grace_s=30)
        if listens and exit_code not in ENDS_WELL:
            self.ended_badly.append(f"{name} ended with exit code {exit_code} when it was asked to stop")
        pause()
        self.processes[name].start()

    @contextmanager
    def as_owner(self) -> Iterator[extensions.cursor]:
        """A cursor that commits every statement, around the proxy; waits for a server that is just starting."""
        connection = self._connect_as_owner()
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def _connect_as_owner(self) -> extensions.connection:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return psycopg2.connect(self.owner_url, connect_timeout=5, application_name="chaos")
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def heal(self) -> None:
        """Bring everything back, and wait until it serves."""
        for link in self.proxy.links.values():
            link.heal()
        if self.server.process.exit_code is not None:
            self.server.start()
        for process in self.processes.values():
            process.send(signal.SIGCONT)
            if process.exit_code is not None:
                process.start()
        self.wait_until_serving()

    def stop(self) -> None:
        """Stop everything; what does not is killed."""
        for process in reversed(self.processes.values()):
            process.send(signal.SIGCONT)
            process.ask_to_stop()
        for process in self.processes.values():
            process.wait(grace_s=20)


@contextmanager
def supervised(folder: Path, seed: int) -> Iterator[Supervisor]:
    """The whole system, serving while the block lasts, with a database server of its own.

    Args:
        folder: For the cluster and the logs.
        seed: Of the network's jitter.
    """
    server = postgres.Server(folder / "postgres")  # durable: an immediate shutdown must lose nothing
    try:
        server.start()
        server.create_database(DATABASE)
        with Proxy(seed) as proxy, ThreadPoolExecutor(16, "fault") as hands:
            supervisor = Supervisor(folder, server, proxy, hands)
            try:
                supervisor.start()
                yield supervisor
            finally:
                supervisor.stop()
    finally:
        server.stop()


def _instances() -> list[str]:
    return [f"{service}-{number}" for service in system.SERVICES for number in INSTANCES]


def _listens(port: int) -> bool:
    try:
        socket.create_connection((ports.HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _words(name: str) -> list[str]:
    """The module that a process runs."""
    return [system.PACKAGES[name.partition("-")[0]]]
