"""The whole system as processes of this machine: who runs, with which settings, in which order."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from sqlalchemy import make_url

from deploy import ports, probe
from deploy.processes import CannotRun, Process, wait_until

SERVICES = ("loan", "review", "notification")
PACKAGES = {**{service: f"{service}_service" for service in SERVICES}, "gateway": "gateway"}
METRICS = {name: f"{name}_metrics" for name in PACKAGES}
PORTS = {
    "loan": 50051,
    "review": 50052,
    "notification": 50053,
    "gateway": 8000,
    "loan_metrics": 9101,
    "review_metrics": 9102,
    "notification_metrics": 9103,
    "gateway_metrics": 9104,
}
"""By the name of the process, or of its metrics; both are the beginning of the setting that moves it."""


def free_ports() -> dict[str, int]:
    """A free port for each process that listens, and for its metrics."""
    return dict(zip(PORTS, ports.free_ports(len(PORTS)), strict=True))


def ports_in(environment: Mapping[str, str]) -> dict[str, int]:
    """The ports that the environment's LISTEN settings name, `PORTS` where there is none.

    Metrics whose setting is empty have no port: they are not served.

    Raises:
        CannotRun: A setting does not end in a port.
    """
    found = {}
    for name, port in PORTS.items():
        listen = environment.get(listen_setting(name), f":{port}")
        if not listen and name in METRICS.values():
            continue
        digits = listen.rpartition(":")[2]
        if not digits.isdecimal():
            raise CannotRun(f"{listen_setting(name)} must be host:port, not {listen!r}")
        found[name] = int(digits)
    return found


def listen_setting(name: str) -> str:
    """The setting that says where a process listens, or where it serves its metrics."""
    return f"{name.upper()}_LISTEN"


def address_settings(port_of: Mapping[str, int]) -> dict[str, str]:
    """Where every process listens and serves its metrics, and where it finds the others."""
    at = {name: f"{ports.HOST}:{port}" for name, port in port_of.items()}
    return {
        **{listen_setting(name): address for name, address in at.items()},
        "GATEWAY_UPSTREAMS": ",".join(f"los.{service}.v1={service}@{at[service]}" for service in SERVICES),
        "LOAN_REVIEW_TARGET": at["review"],
        "LOAN_NOTIFICATION_TARGET": at["notification"],
        "REVIEW_LOAN_TARGET": at["loan"],
        "REVIEW_NOTIFICATION_TARGET": at["notification"],
    }


def database_settings(owner_url: str, password: str) -> dict[str, str]:
    """Where every process finds the database: the owner's login to migrate, and one for each service beside it.

    Args:
        owner_url: The login that owns the database.
        password: The password of the services' logins; they differ in what they may, not in how they prove themselves.
    """
    owner = make_url(owner_url)
    settings = {"MIGRATE_DATABASE_URL": owner_url}
    for service in SERVICES:
        url = owner.set(username=PACKAGES[service], password=password)
        settings[f"{service.upper()}_DATABASE_URL"] = url.render_as_string(hide_password=False)
    return settings


class System:
    """The three services and the gateway; the database is somebody else's.

    Args:
        environment: The whole environment of every process.
        logs: The folder for one log file of each.
        certificates: The folder with one for each process, as deploy.certs makes them; without it no call is encrypted.
    """

    def __init__(self, environment: Mapping[str, str], logs: Path, certificates: Path | None = None) -> None:
        self._certificates = certificates

        def process(name: str, *words: str) -> Process:
            command = [sys.executable, "-m", *words]
            own = self.own_settings(name)  # without any it is the environment itself, as it is at each start
            return Process(command, logs / f"{name}.log", environment={**environment, **own} if own else environment)

        self._ports = ports_in(environment)
        self._preparations = [process("migrate", "deploy.migrate"), process("seed", "review_service", "seed")]
        self.processes = {name: process(name, package) for name, package in PACKAGES.items()}

    def own_settings(self, name: str) -> dict[str, str]:
        """The settings of one process that the others do not have."""
        has_certificate = self._certificates is not None and name in PACKAGES
        return {"TLS_DIR": f"{self._certificates}/{name}"} if has_certificate else {}

    @property
    def logs(self) -> list[Path]:
        """The log files, of the preparations too."""
        return [process.log for process in (*self._preparations, *self.processes.values())]

    def prepare(self) -> None:
        """Migrate the database, and put the agents in it that a new system begins with.

        Raises:
            ProcessEnded: It failed.
        """
        for preparation in self._preparations:
            preparation.run_to_end(timeout_s=300)

    def start(self) -> None:
        """Start all of it and do not wait."""
        for process in self.processes.values():
            process.start()

    def wait_until_serving(self, timeout_s: float = 60) -> None:
        """Wait until every service says SERVING and the gateway sees them all.

        Raises:
            ProcessEnded: One of them is gone.
            TimeoutError: It took too long.
        """
        for name in self.processes:
            self.wait_until_process_serves(name, timeout_s)

    def wait_until_process_serves(self, name: str, timeout_s: float = 60) -> None:
        """Wait until one of them serves, the gateway with all that it needs; raises as `wait_until_serving` does."""
        address = f"{ports.HOST}:{self._ports[name]}"
        url = f"http://{address}/health"
        serves = partial(probe.answers, url)
        if name != "gateway":
            folder = self._certificates and self._certificates / "client"
            serves = partial(probe.serves, address, name=name, tls_folder=folder)
        wait_until(serves, f"{name} to serve", timeout_s, [self.processes[name]])

    def stop(self) -> None:
        """Drain all of it: the gateway first, so that nothing new arrives, then the services."""
        *services, gateway = self.processes.values()
        gateway.stop()
        for service in services:
            service.ask_to_stop()
        for service in services:
            service.wait(grace_s=30)

    def kill(self) -> None:
        """End all of it at once."""
        for process in self.processes.values():
            process.kill()
