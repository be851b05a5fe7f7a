"""What the pool survives: processes that die or stop for a while, a database that is restarted, effects that fail."""

import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Connection, text

from chassis import db
from chassis.errors import Aborted
from chassis.pool import Task
from deploy import postgres
from deploy.processes import Process, wait_until
from tests.integration.chassis.bakery import WAIT_S, Bakery, Gate, enqueue
from tests.integration.chassis.workshop import KIND, Workshop


class Burnt(Exception):
    """A failure of a job's own."""


@pytest.fixture
def bakery(workshop: Workshop) -> Iterator[Bakery]:
    bakery = Bakery(workshop)
    yield bakery
    bakery.close()


# -- processes


class Baker:
    """Another process with a pool, in whose hands the jobs are."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "tests.integration.chassis.baker", url, str(folder)]
        self.process = Process(command, folder / "baker.log")

    def wait_until_begun(self, *keys: str) -> None:
        wait_until(lambda: all((self.folder / f"begun-{key}").exists() for key in keys), "the jobs to begin", WAIT_S)

    def let_finish(self) -> None:
        (self.folder / "ready").touch()


@pytest.fixture
def baker(tmp_path: Path, bakery: Bakery, database_settings: dict[str, str]) -> Iterator[Baker]:
    """It has begun jobs `a` and `b`, and waits."""
    enqueue(bakery.workshop, "a", "b")
    made = Baker(tmp_path, database_settings["MIGRATE_DATABASE_URL"])
    made.process.start()
    made.wait_until_begun("a", "b")
    yield made
    made.process.send(signal.SIGCONT)
    made.process.kill()


def test_the_jobs_of_a_process_that_died_are_taken_over(bakery: Bakery, baker: Baker) -> None:
    baker.process.kill()
    bakery.open(lease_s=1)
    bakery.wait_until_empty()
    assert bakery.baked() == Counter("ab")


def test_the_jobs_of_a_process_that_lives_are_left_to_it(bakery: Bakery, baker: Baker) -> None:
    bakery.open(lease_s=1)
    bakery.workshop.put("c")
    bakery.wait_until_baked("c")
    wait_until(lambda: bakery.workshop.row("a")["lease_until"] > lease_before(bakery), "a longer lease", WAIT_S)
    baker.let_finish()
    bakery.wait_until_empty()
    assert (bakery.baked("by the process"), bakery.baked()) == (Counter("ab"), Counter("c"))


def lease_before(bakery: Bakery) -> object:
    """When the leases would have ended, had they not been prolonged since the jobs were claimed."""
    claimed = text("SELECT created_at + interval '4 s' FROM jobs WHERE key = 'a'")  # four leases of its process
    return bakery.workshop.do(lambda tx: tx.scalar(claimed))


def test_what_a_process_finishes_after_it_was_stopped_for_longer_than_its_lease_has_no_effect(
    bakery: Bakery, baker: Baker
) -> None:
    baker.process.send(signal.SIGSTOP)
    bakery.open(lease_s=1)
    bakery.wait_until_empty()
    baker.let_finish()
    baker.process.send(signal.SIGCONT)
    wait_until(lambda: "effect not written" in baker.process.log.read_text(), "it to finish in vain", WAIT_S)
    assert bakery.baked() == Counter("ab")
    assert bakery.baked("by the process") == Counter()


# -- the database


@pytest.fixture
def own_server() -> Iterator[postgres.Server]:
    """A server of this test's own, that may be restarted."""
    with tempfile.TemporaryDirectory(prefix="los-restarted-") as folder:
        server = postgres.Server(Path(folder), durable=False)
        server.start()
        yield server
        server.stop()


def has_baked(bakery: Bakery, count: int) -> bool:
    return bakery.baked().total() >= count


def test_a_database_that_is_restarted_in_the_middle_costs_time_and_nothing_else(own_server: postgres.Server) -> None:
    engine = db.engine(own_server.url(), schema="public", name="test", pool_size=10)
    bakery = Bakery(Workshop.opened(engine))
    bakery.workshop.put_many(2000)
    slow = threading.Event()

    def perform(tasks: Sequence[Task]) -> list[None]:
        slow.wait(0.01)  # so that the restarts come in the middle
        return [None] * len(tasks)

    try:
        for _ in range(2):
            bakery.open({KIND: bakery.handler(perform=perform, attempts_max=1)}, batch_size=20, lease_s=3)
        for part in (200, 800):
            wait_until(partial(has_baked, bakery, part), f"{part} jobs to be done", WAIT_S)
            own_server.stop()
            own_server.start()
        bakery.wait_until_empty()
        assert bakery.baked() == Counter({f"{KIND}-{number}": 1 for number in range(2000)})
        assert bakery.baked("given up") == Counter()
    finally:
        bakery.close()
        engine.dispose()


# -- effects that fail


def test_a_job_that_cannot_even_be_given_up_is_tried_again_with_its_reason_and_said_each_time(bakery: Bakery) -> None:
    def give_up(tx: Connection, tasks: Sequence[Task]) -> None:
        if any(task.job.key == "guilty" for task in tasks) and not mended.is_set():
            tx.execute(text("SELECT 1 / 0"))

    mended = threading.Event()
    bakery.oven.trouble["guilty"] = Burnt("always")
    with structlog.testing.capture_logs() as lines:
        enqueue(bakery.workshop, "a", "guilty", "z")
        bakery.open({KIND: bakery.handler(give_up=give_up, attempts_max=1)})
        bakery.wait_until_baked("a", "z")
        wait_until(lambda: bakery.workshop.row("guilty")["attempt"] >= 3, "three attempts", WAIT_S)
        mended.set()
        bakery.wait_until_parked("guilty")
    said = [line["job"] for line in lines if line["event"] == "settling a job failed"]
    assert said == ["guilty"] * len(said)
    assert len(said) >= 2
    assert bakery.oven.count("guilty") <= 2  # together with others, then alone: its attempts are used up after that


def test_what_gave_up_in_vain_is_seen_in_the_table(bakery: Bakery) -> None:
    def give_up(tx: Connection, _: Sequence[Task]) -> None:
        tx.execute(text("SELECT 1 / 0"))

    bakery.oven.trouble["guilty"] = Burnt("always")
    bakery.workshop.put("guilty")
    bakery.open({KIND: bakery.handler(give_up=give_up, attempts_max=1)})
    wait_until(lambda: "division by zero" in (bakery.workshop.row("guilty")["last_error"] or ""), "the reason", WAIT_S)


def test_a_job_whose_start_cannot_be_undone_is_tried_again(bakery: Bakery) -> None:
    def release(tx: Connection, _: Sequence[Task]) -> None:
        tx.execute(text("SELECT 1 / 0"))

    def burn_once() -> None:
        if bakery.oven.count("a") == 1:
            raise Burnt

    bakery.oven.trouble["a"] = burn_once
    enqueue(bakery.workshop, "a", "b")
    bakery.open({KIND: bakery.handler(release=release)}, size=1)
    bakery.wait_until_empty()
    assert bakery.baked() == Counter("ab")


@pytest.mark.parametrize("trouble", [Aborted("always"), db.DatabaseConflict("always")])
def test_an_effect_that_always_loses_its_race_stands_in_nobodys_way(bakery: Bakery, trouble: Exception) -> None:
    write = bakery.handler().finish

    def finish(tx: Connection, tasks: Sequence[Task]) -> None:
        if any(task.job.key == "guilty" for task in tasks):
            raise trouble
        write(tx, tasks)

    enqueue(bakery.workshop, *"abc", "guilty", *"xyz")
    bakery.open({KIND: bakery.handler(finish=finish, attempts_max=1)}, size=2)
    bakery.wait_until_baked(*"abcxyz")
    wait_until(lambda: bakery.workshop.row("guilty")["attempt"] >= 2, "it to be tried again", WAIT_S)
    assert bakery.baked() == Counter("abcxyz")
    assert bakery.baked("given up") == Counter()  # a lost race is excused


def test_a_start_that_always_loses_its_race_stands_in_nobodys_way(bakery: Bakery) -> None:
    def start(_: Connection, started: Sequence[object]) -> list[bool]:
        if any(getattr(job, "key", "") == "guilty" for job in started):
            raise Aborted("always")
        return [True] * len(started)

    enqueue(bakery.workshop, *"abc", "guilty", *"xyz")
    bakery.open({KIND: bakery.handler(start=start)})
    bakery.wait_until_baked(*"abcxyz")
    assert bakery.baked() == Counter("abcxyz")
    assert bakery.workshop.keys() == ["guilty"]


def test_a_periodic_job_that_is_given_up_is_due_again(bakery: Bakery) -> None:
    bakery.oven.trouble["clean"] = Burnt("twice")
    bakery.open({"clean": bakery.handler(every_s=0, attempts_max=2)})
    wait_until(lambda: bakery.baked("given up")["clean"] >= 1, "it to be given up", WAIT_S)
    del bakery.oven.trouble["clean"]
    wait_until(lambda: bakery.baked()["clean"] >= 1, "it to run", WAIT_S)
    assert bakery.workshop.keys() == ["clean"]


# -- the pool's own leases


def test_a_pool_whose_own_lease_ended_while_it_worked_has_the_effect_once(bakery: Bakery) -> None:
    """The database was away for longer than the lease; then the pool takes its own job over, beside its old thread."""
    gate = Gate()

    def wait_once() -> None:
        if bakery.oven.count("a") == 1:
            gate()

    bakery.oven.trouble["a"] = wait_once
    bakery.workshop.put("a")
    bakery.open(size=2, lease_s=2)
    assert gate.reached.wait(WAIT_S)

    def is_started_again() -> bool:
        bakery.workshop.do(lambda tx: tx.execute(text("UPDATE jobs SET lease_until = now() - interval '1 s'")))
        return bakery.oven.count("a") > 1

    wait_until(is_started_again, "a second start", WAIT_S)
    gate.open()
    bakery.wait_until_empty()
    assert bakery.baked() == Counter("a")
