"""A database that is away, in every way it can be, under load: refused while it is, nothing lost afterwards."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest

from deploy import postgres
from deploy.processes import wait_until
from tests.frozen import frozen
from tests.system.siege import AWAY, PATIENCE_S, TOO_LATE, Applicant, Siege, under_siege

DEADLINE_S = 11.0  # the gateway's own, and a little
ROOM_MB = 200
WAL_MOST = "64MB"  # by default the server's own log may be larger than the disk, and would fill it again
NUMBERS = ("loan.loans", "loan.loan_events", "loan.jobs", "review.reviews", "notification.notifications")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """A database server of our own, which keeps what it has committed."""
    server = postgres.Server(tmp_path_factory.mktemp("outages"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def siege(server: postgres.Server) -> Iterator[Siege]:
    with under_siege(server, "outages") as started:
        yield started


def test_a_database_that_freezes_is_given_up_and_found_again(siege: Siege, server: postgres.Server) -> None:
    applicants = [Applicant() for _ in range(5)]
    with frozen(server):
        answers = siege.submit_at_once(applicants)
        wait_until(lambda: siege.health().status == 503, "the health page to say so", PATIENCE_S)
        assert siege.health().body["upstreams"]["los.loan.v1"] == "NOT_SERVING"
    assert {answer.status for answer in answers} <= AWAY | TOO_LATE
    assert max(answer.took_s for answer in answers) < DEADLINE_S
    siege.serves_again(*applicants)


def test_a_database_that_is_killed_loses_nothing_that_was_answered(siege: Siege, server: postgres.Server) -> None:
    applicants = [Applicant() for _ in range(20)]
    before = siege.submit_at_once(applicants[:10])
    server.process.send(signal.SIGQUIT)  # "immediate": as a crash would end it
    server.process.wait(grace_s=30)
    during = siege.submit_at_once(applicants[10:])
    wait_until(lambda: siege.health().status == 503, "the health page to say so", PATIENCE_S)
    server.start()
    assert {answer.status for answer in before} == {201}
    assert {answer.status for answer in during} <= AWAY
    siege.serves_again(*applicants)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, small enough to be filled; mounting one needs root, which is who runs tests in containers."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM_MB}m", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """No room at all while the block lasts."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    try:
        yield
    finally:
        ballast.unlink()


def test_a_database_without_room_refuses_writes_and_goes_on_when_room_is_made(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres.SETTINGS, "max_wal_size", WAL_MOST)
    server = postgres.Server(small_disk / "postgres")
    server.start()
    try:
        with under_siege(server, "full") as siege:
            accepted, refused = fill(siege, small_disk)
            if server.process.exit_code is not None:  # without room for its log it ends, and is started by who watches
                server.start()
            siege.serves_again(*accepted, *refused)
            assert everything_can_be_read(siege) > len(accepted)
    finally:
        server.stop()


def fill(siege: Siege, disk: Path) -> tuple[list[Applicant], list[Applicant]]:
    """Take the room away and submit on and on until nothing is accepted any more; who was, and who was not."""
    accepted, refused = list[Applicant](), list[Applicant]()
    with full(disk):
        deadline = time.monotonic() + PATIENCE_S
        while len(refused) < 30 and time.monotonic() < deadline:
            applicants = [Applicant() for _ in range(30)]
            for who, answer in zip(applicants, siege.submit_at_once(applicants), strict=True):
                assert answer.status in {201} | AWAY, answer.body
                (accepted if answer.status == 201 else refused).append(who)
    assert len(refused) >= 30
    return accepted, refused


def everything_can_be_read(siege: Siege) -> int:
    """Read every row, which checks the checksum of every page; answer how many loans there are."""
    with psycopg2.connect(siege.system.owner_url) as connection, connection.cursor() as cursor:
        counts = []
        for table in NUMBERS:
            cursor.execute(f"SELECT count(whole::text) FROM {table} AS whole")
            counts.append(cursor.fetchall()[0][0])
    connection.close()
    return int(counts[0])
