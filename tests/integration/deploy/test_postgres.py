"""The embedded PostgreSQL, and all that can keep it from starting."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from deploy import ports, postgres
from deploy.processes import CannotRun


@pytest.fixture
def server(server_folder: Path) -> Iterator[postgres.Server]:
    """A durable server on a folder of its own, running."""
    server = postgres.Server(server_folder)
    server.start()
    yield server
    server.process.kill()


def query(server: postgres.Server, statement: str) -> object:
    with closing(psycopg2.connect(server.url())) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def test_committed_data_survive_a_stop(server: postgres.Server) -> None:
    query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    server.start()
    assert query(server, "SELECT answer FROM kept") == (42,)


def test_committed_data_survive_a_crash(server: postgres.Server) -> None:
    query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.process.kill()
    server.start()
    assert query(server, "SELECT answer FROM kept") == (42,)


def test_a_local_server_is_durable_and_room_enough(server: postgres.Server) -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes", "max_connections")
    shown = query(server, "SELECT " + ", ".join(f"current_setting('{name}')" for name in names))
    assert shown == ("on", "on", "on", "200")


def test_only_who_knows_the_password_gets_in(server: postgres.Server) -> None:
    password = server.folder / "password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    wrong = server.url().replace(password.read_text(), "wrong")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(wrong)


def test_the_server_never_runs_as_root(server: postgres.Server) -> None:
    assert Path(f"/proc/{server.process.pid}").stat().st_uid != 0


def test_it_starts_below_a_folder_that_others_may_not_enter(server_folder: Path) -> None:
    private = server_folder.parent
    private.chmod(0o700)
    server = postgres.Server(server_folder)
    server.start()
    server.stop()
    assert not stat.S_IMODE(private.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH)


def test_creating_a_database_twice_is_creating_it_once(server: postgres.Server) -> None:
    server.create_database("los")
    server.create_database("los")
    assert query(server, "SELECT count(*) FROM pg_database WHERE datname = 'los'") == (1,)


def test_a_port_in_use_is_refused_by_the_name_of_its_setting(server_folder: Path) -> None:
    with socket.create_server((ports.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        server = postgres.Server(server_folder, port=port)
        with pytest.raises(CannotRun, match=f"port {port} .* LOCAL_POSTGRES_PORT"):
            server.start()
    assert not (server_folder / "data" / "postmaster.pid").exists()


def test_data_of_another_major_version_are_refused_and_left_alone(server: postgres.Server) -> None:
    server.stop()
    with pytest.raises(CannotRun, match="was written by PostgreSQL 18, this one is 16"):
        postgres.Server(server.folder, major=16).start()
    server.start()


def test_data_that_another_server_works_on_are_refused(server: postgres.Server) -> None:
    with pytest.raises(CannotRun, match=f"another PostgreSQL, process {server.process.pid},"):
        postgres.Server(server.folder).start()
    assert query(server, "SELECT 1") == (1,)


def test_a_pid_file_left_by_a_crash_is_no_obstacle_though_its_number_is_taken(server: postgres.Server) -> None:
    pid_file = server.folder / "data" / "postmaster.pid"
    server.process.kill()
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.start()
    assert query(server, "SELECT 1") == (1,)


def test_a_cluster_whose_creation_was_interrupted_is_created_anew(server_folder: Path) -> None:
    unfinished = server_folder / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    server = postgres.Server(server_folder)
    server.start()
    server.stop()
    assert not unfinished.exists()


def test_a_server_that_will_not_start_says_why_in_its_own_words(server: postgres.Server) -> None:
    server.stop()
    (server.folder / "data" / "pg_hba.conf").unlink()
    with pytest.raises(CannotRun, match=r"postgres ended with exit code 1.*pg_hba"):
        server.start()
    assert server.process.exit_code == 1
