"""Run the whole system on this machine: `python -m deploy.local`, which is what `make run` does.

Embedded PostgreSQL (or the server that MIGRATE_DATABASE_URL names), migrations, agents to begin with, the three
services and the gateway. SIGINT or SIGTERM drains all of it and exits with 0; a second one kills it at once. When
something cannot start, or ends by itself, everything is stopped and the exit code is 1.
"""

import fcntl
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis import config
from deploy import certs, issuer, ports, postgres, system
from deploy.merged_log import MergedLog
from deploy.processes import ROOT, CannotRun, Process, raise_if_ended

DATABASE = "los"

# A developer's machine is slow enough to watch.
DEFAULTS = {"LOAN_ASSESSMENT_DELAY_MIN_S": "1", "LOAN_ASSESSMENT_DELAY_MAX_S": "3"}

SERVING = """
Everything is SERVING.

  Look    {url}/docs
  Try     curl -s {url}/api/v1/loans -H 'Content-Type: application/json' {token}-d '{{
            "customer_name": "Ada Lovelace", "customer_phone": "+14155550123",
            "loan_amount": "5000.50", "loan_type": "HOME"}}'
          {demo}    (in another terminal)
  gRPC    {targets}
  Metrics {metrics}
  Data    {folder}    (delete it to start afresh)
  Stop    Ctrl-C
"""


BEARING = """\\
            -H "Authorization: Bearer $(make -s token ROLE=customer PHONE=+14155550123)" """


class LocalSettings(BaseSettings):
    """Where a local run keeps its things, and whether it wants to know who calls."""

    model_config = SettingsConfigDict(env_prefix="LOCAL_")

    folder: Path = ROOT / ".local"
    postgres_port: int = Field(54329, ge=1, le=65535)
    auth: bool = False


def run(settings: LocalSettings, running: list[Process]) -> NoReturn:
    """Start everything and watch it; however this ends, nothing is left running.

    Args:
        settings: Where to keep things.
        running: Gets every process that must not end by itself.

    Raises:
        CannotRun: Something cannot start, or has ended by itself.
        TimeoutError: Something did not begin to serve in time.
    """
    port_of = system.ports_in(os.environ)
    with _only_run(settings.folder):
        for name, port in port_of.items():
            ports.require_free(port, name.replace("_", " "), system.listen_setting(name))
        with _database(settings, running) as database:
            environment = {**DEFAULTS, **system.address_settings(port_of), **database, **os.environ}
            certificates = None
            if settings.auth:
                certificates = _certificates(settings.folder / "tls")
                environment |= issuer.ensure(settings.folder / "issuer").settings()
            with _system(settings.folder, environment, certificates, running):
                print(_serving(settings, port_of), flush=True)
                while True:
                    raise_if_ended(running)
                    time.sleep(0.1)


def _serving(settings: LocalSettings, port_of: Mapping[str, int]) -> str:
    """What there is, and how to use it."""
    targets = ", ".join(f"{service} {ports.HOST}:{port_of[service]}" for service in system.SERVICES)
    return SERVING.format(
        url=f"http://{ports.HOST}:{port_of['gateway']}",
        token=BEARING if settings.auth else "",
        demo="make demo AUTH=on" if settings.auth else "make demo",
        targets=f"{targets}, with the certificate in {settings.folder / 'tls/client'}" if settings.auth else targets,
        metrics=", ".join(_metrics(port_of)) or "nowhere",
        folder=settings.folder,
    )


def _metrics(port_of: Mapping[str, int]) -> Iterator[str]:
    """Where the metrics of each process are."""
    for process, name in system.METRICS.items():
        if name in port_of:
            yield f"{process} http://{ports.HOST}:{port_of[name]}/metrics"


def _certificates(folder: Path) -> Path:
    """The certificates of all processes, made at the first run."""
    try:
        return certs.ensure(folder)
    except ValueError as error:
        raise CannotRun(f"certificates cannot be made: {error}; move {folder} away") from None


@contextmanager
def _only_run(folder: Path) -> Iterator[None]:
    """Hold the folder, which one run at a time may use; a dead one holds nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRun(f"another run uses {folder}: stop it, or set LOCAL_FOLDER") from None
        yield


@contextmanager
def _database(settings: LocalSettings, running: list[Process]) -> Iterator[dict[str, str]]:
    """The database settings: of the server that the environment names, or of one of our own while the block lasts."""
    password = _secret(settings.folder / "password")
    if owner_url := os.environ.get("MIGRATE_DATABASE_URL"):
        yield system.database_settings(owner_url, password)
        return
    server = postgres.Server(settings.folder / "postgres", port=settings.postgres_port)
    try:
        server.start()
        running.append(server.process)
        server.create_database(DATABASE)
        yield system.database_settings(server.url(DATABASE), password)
    finally:
        server.stop()


def _secret(file: Path) -> str:
    """A random secret that is the same in every run, for our eyes only."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text()


@contextmanager
def _system(
    folder: Path, environment: Mapping[str, str], certificates: Path | None, running: list[Process]
) -> Iterator[None]:
    """The migrated and seeded system, serving while the block lasts."""
    logs = folder / "log"
    logs.mkdir(exist_ok=True)
    services = system.System(environment, logs, certificates)
    with MergedLog(services.logs, sys.stdout):
        services.prepare()
        try:
            services.start()
            running.extend(services.processes.values())
            services.wait_until_serving()
            yield
        finally:
            services.stop()


def _obey_signals(running: list[Process]) -> None:
    """Let the first signal unwind what runs, and the second one kill it."""

    def kill(*_: object) -> None:
        for process in running:
            process.send(signal.SIGKILL)
        os._exit(1)

    def stop(*_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, kill)
        os.write(sys.stderr.fileno(), b"\nStopping in good order; Ctrl-C again kills everything at once.\n")
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def main() -> int:
    """Run from the command line."""
    running: list[Process] = []
    _obey_signals(running)
    try:
        run(config.load(LocalSettings), running)
    except KeyboardInterrupt:
        return 0
    except (CannotRun, TimeoutError) as refusal:
        print(f"run: {refusal}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
