"""The whole system as processes of this machine: who runs, with which settings, in which order."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from sqlalchemy import make_url

from deploy import postgres, probe
from deploy.processes import Process, wait_until

SERVICES = ("loan", "review", "notification")
PORTS = {"loan": 50051, "review": 50052, "notification": 50053, "gateway": 8000}


def free_ports() -> dict[str, int]:
    """A free port for each process that listens."""
    return {name: postgres.free_port() for name in PORTS}


def database_settings(owner_url: str, password: str) -> dict[str, str]:
    """The database settings of all processes: the owner's login to migrate, and one for each service beside it.

    Args:
        owner_url: The login that owns the database.
        password: The password of the services' logins; they differ in what they may, not in how they prove themselves.
    """
    owner = make_url(owner_url)
    settings = {"MIGRATE_DATABASE_URL": owner_url}
    for service in SERVICES:
        url = owner.set(username=f"{service}_service", password=password)
        settings[f"{service.upper()}_DATABASE_URL"] = url.render_as_string(hide_password=False)
    return settings


def address_settings(ports: Mapping[str, int]) -> dict[str, str]:
    """Where every process listens, and where it finds the others."""
    at = {name: f"{postgres.HOST}:{port}" for name, port in ports.items()}
    return {
        **{f"{name.upper()}_LISTEN": address for name, address in at.items()},
        "GATEWAY_UPSTREAMS": ",".join(f"los.{service}.v1={at[service]}" for service in SERVICES),
        "LOAN_REVIEW_TARGET": at["review"],
        "LOAN_NOTIFICATION_TARGET": at["notification"],
        "REVIEW_LOAN_TARGET": at["loan"],
        "REVIEW_NOTIFICATION_TARGET": at["notification"],
    }


class System:
    """The three services and the gateway; the database is somebody else's.

    Args:
        environment: The whole environment of every process.
        logs: The folder for one log file of each.
    """

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self._environment = environment
        packages = {service: f"{service}_service" for service in SERVICES} | {"gateway": "gateway"}
        self.processes = {
            name: Process([sys.executable, "-m", package], logs / f"{name}.log", environment=environment)
            for name, package in packages.items()
        }

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
        """Wait until one of them serves; raises as `wait_until_serving` does."""
        address = self._environment[f"{name.upper()}_LISTEN"]
        url = f"http://{address}/health"
        serves = partial(probe.answers, url) if name == "gateway" else partial(probe.serves, address)
        wait_until(serves, f"{name} to serve", timeout_s, self.processes.values())

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
