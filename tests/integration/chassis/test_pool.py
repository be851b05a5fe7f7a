"""The pool: every job once, whatever fails beside it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from chassis import db
from chassis.errors import Unavailable
from chassis.jobs import Job
from chassis.pool import Hung, Task
from deploy.processes import wait_until
from tests.integration.chassis.bakery import WAIT_S, Bakery, Gate, enqueue
from tests.integration.chassis.workshop import KIND


class Burnt(Exception):
    """A failure of a job's own."""


# -- what goes well


def test_two_pools_do_each_of_2000_jobs_once(bakery: Bakery) -> None:
    bakery.workshop.put_many(2000)
    for _ in range(2):
        bakery.open(batch_size=50)
    bakery.wait_until_empty()
    assert bakery.baked() == Counter({f"{KIND}-{number}": 1 for number in range(2000)})
    assert sum(map(len, bakery.oven.batches)) == 2000


def test_jobs_that_come_while_the_pool_works_are_done_as_well(bakery: Bakery) -> None:
    pool = bakery.open()
    for number in range(20):
        bakery.workshop.put(str(number))
        pool.wake()
    bakery.wait_until_empty()
    assert bakery.baked() == Counter(map(str, range(20)))


def test_kinds_without_a_handler_are_left_alone(bakery: Bakery) -> None:
    bakery.workshop.put("a", "b")
    bakery.workshop.put("c", kind="fry")
    bakery.open()
    bakery.wait_until_baked("a", "b")
    assert bakery.workshop.keys() == ["c"]
    assert bakery.workshop.row("c")["attempt"] == 0


def test_each_job_gets_its_own_subject_and_its_own_outcome(bakery: Bakery) -> None:
    seen: list[tuple[str, str, str]] = []

    def start(_: Connection, started: Sequence[Job]) -> list[str]:
        return [f"subject of {job.key}" for job in started]

    def finish(_: Connection, tasks: Sequence[Task]) -> None:
        seen.extend((task.job.key, task.subject, task.outcome) for task in tasks)

    enqueue(bakery.workshop, *"abcdefgh")
    bakery.open({KIND: bakery.handler(start=start, finish=finish)})
    bakery.wait_until_empty()
    assert sorted(seen) == [(key, f"subject of {key}", f"{key} is done") for key in "abcdefgh"]


def test_a_job_that_has_nothing_left_to_do_is_done_without_effect(bakery: Bakery) -> None:
    def start(_: Connection, started: Sequence[Job]) -> list[bool | None]:
        return [None if job.key == "needless" else True for job in started]

    enqueue(bakery.workshop, "needed", "needless")
    bakery.open({KIND: bakery.handler(start=start)})
    bakery.wait_until_empty()
    assert bakery.baked() == Counter(["needed"])
    assert bakery.oven.count("needless") == 0


def test_statements_grow_with_the_batches_and_not_with_the_jobs(
    bakery: Bakery, database_settings: dict[str, str]
) -> None:
    bakery.workshop.put_many(2000)
    engine = db.engine(database_settings["MIGRATE_DATABASE_URL"], schema="scratch", name="counted", pool_size=3)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    pool = bakery.open(engine=engine, batch_size=200)
    bakery.wait_until_empty()
    pool.stop(1)
    engine.dispose()
    assert len(statements) < 1000
    assert bakery.baked().total() == 2000


# -- what fails by itself


def test_a_job_that_fails_fails_alone_and_is_parked_with_its_reason_after_its_last_attempt(bakery: Bakery) -> None:
    bakery.oven.trouble["guilty"] = Burnt("left in\ntoo long\x00")
    enqueue(bakery.workshop, *"abcd", "guilty", *"wxyz")
    bakery.open({KIND: bakery.handler(attempts_max=3)}, size=1)
    bakery.wait_until_parked("guilty")
    assert bakery.baked() == Counter("abcdwxyz")
    assert bakery.baked("given up") == Counter(["guilty"])
    row = bakery.workshop.row("guilty")
    assert (row["attempt"], row["excused"], row["last_error"]) == (3, 0, "Burnt: left in too long")


def test_the_reason_of_a_failure_tells_nobodys_number_or_address(bakery: Bakery) -> None:
    far = "x" * 480  # the reason is cut at 500 signs: not through a number, whose beginning would be left
    bakery.oven.trouble["guilty"] = Burnt(f"for ada@example.com {far} +14155550123")
    enqueue(bakery.workshop, "guilty")
    bakery.open({KIND: bakery.handler(attempts_max=1)}, size=1)
    bakery.wait_until_parked("guilty")
    said = bakery.workshop.row("guilty")["last_error"]
    assert said.startswith("Burnt: for a***@*** x")
    assert "+1415" not in said


def test_a_job_that_need_not_be_kept_is_gone_after_its_last_attempt(bakery: Bakery) -> None:
    bakery.oven.trouble["guilty"] = Burnt()
    enqueue(bakery.workshop, "a", "guilty")
    bakery.open({KIND: bakery.handler(attempts_max=2, parks=False)})
    bakery.wait_until_empty()
    assert bakery.baked("given up") == Counter(["guilty"])
    assert bakery.baked() == Counter(["a"])


def test_a_job_that_fails_once_is_done_in_the_end(bakery: Bakery) -> None:
    def fail_once() -> None:
        if bakery.oven.count("a") == 1:
            raise Burnt

    bakery.oven.trouble["a"] = fail_once
    bakery.workshop.put("a")
    bakery.open()
    bakery.wait_until_empty()
    assert (bakery.baked(), bakery.baked("given up")) == (Counter("a"), Counter())


@pytest.mark.parametrize("outcome", [Burnt("by itself"), Unavailable("for this one")])
def test_an_exception_as_outcome_fails_that_job_and_no_other(bakery: Bakery, outcome: Exception) -> None:
    def perform(tasks: Sequence[Task]) -> list[Exception | None]:
        return [outcome if task.job.key == "b" and task.job.attempt == 1 else None for task in tasks]

    enqueue(bakery.workshop, *"abc")
    bakery.open({KIND: bakery.handler(perform=perform)}, size=1)
    bakery.wait_until_empty()
    assert bakery.baked() == Counter("abc")


def test_an_effect_that_fails_fails_for_its_job_alone(bakery: Bakery) -> None:
    write = bakery.handler().finish

    def finish(tx: Connection, tasks: Sequence[Task]) -> None:
        write(tx, tasks)
        if any(task.job.key == "guilty" for task in tasks):
            tx.execute(text("SELECT 1 / 0"))

    enqueue(bakery.workshop, *"ab", "guilty", *"yz")
    bakery.open({KIND: bakery.handler(finish=finish, attempts_max=2)})
    bakery.wait_until_parked("guilty")
    assert bakery.baked() == Counter("abyz")
    assert "division by zero" in bakery.workshop.row("guilty")["last_error"]


def test_a_start_that_fails_fails_for_its_job_alone_and_is_not_undone(bakery: Bakery) -> None:
    released: list[str] = []

    def start(tx: Connection, started: Sequence[Job]) -> list[bool]:
        if any(job.key == "guilty" for job in started):
            tx.execute(text("SELECT 1 / 0"))
        return [True] * len(started)

    def release(_: Connection, tasks: Sequence[Task]) -> None:
        released.extend(task.job.key for task in tasks)

    enqueue(bakery.workshop, *"ab", "guilty", *"yz")
    bakery.open({KIND: bakery.handler(start=start, release=release, attempts_max=2)})
    bakery.wait_until_parked("guilty")
    bakery.wait_until_baked(*"abyz")
    assert bakery.baked() == Counter("abyz")
    assert released == []


def test_what_start_did_is_undone_when_the_job_is_given_back(bakery: Bakery) -> None:
    done: list[str] = []

    def start(_: Connection, started: Sequence[Job]) -> list[bool]:
        done.append("started")
        return [True] * len(started)

    def release(_: Connection, tasks: Sequence[Task]) -> None:
        done.extend(str(task.outcome) for task in tasks)

    bakery.oven.trouble["a"] = Burnt("once more")
    bakery.workshop.put("a")
    bakery.open({KIND: bakery.handler(start=start, release=release, attempts_max=2)})
    bakery.wait_until_parked("a")
    assert done == ["started", "once more", "started"]


def test_work_that_ends_its_thread_fails_that_job_alone(bakery: Bakery) -> None:
    bakery.oven.trouble["guilty"] = SystemExit(3)
    enqueue(bakery.workshop, *"ab", "guilty", *"yz")
    bakery.open({KIND: bakery.handler(attempts_max=2)}, size=2)
    bakery.wait_until_parked("guilty")
    assert bakery.baked() == Counter("abyz")
    assert "SystemExit(3)" in bakery.workshop.row("guilty")["last_error"]


@pytest.mark.parametrize("answers", [[], [1, 2]])
def test_work_that_does_not_answer_its_jobs_fails(bakery: Bakery, answers: list[int]) -> None:
    bakery.workshop.put("a")
    bakery.open({KIND: bakery.handler(perform=lambda _: answers, attempts_max=1)})
    bakery.wait_until_parked("a")
    assert "answers to 1 items" in bakery.workshop.row("a")["last_error"]


def test_an_effect_that_always_takes_too_long_stands_in_nobodys_way(
    bakery: Bakery, database_settings: dict[str, str]
) -> None:
    write = bakery.handler().finish

    def finish(tx: Connection, tasks: Sequence[Task]) -> None:
        if any(task.job.key == "endless" for task in tasks):
            tx.execute(text("SELECT pg_sleep(60)"))
        write(tx, tasks)

    engine = db.engine(
        database_settings["MIGRATE_DATABASE_URL"],
        schema="scratch",
        name="impatient",
        pool_size=3,
        statement_timeout_s=0.5,
    )
    enqueue(bakery.workshop, *"ab", "endless", *"yz")
    pool = bakery.open({KIND: bakery.handler(finish=finish)}, engine=engine)
    bakery.wait_until_baked(*"abyz")
    wait_until(lambda: bakery.workshop.row("endless")["state"] == "READY", "the endless job to be given back", WAIT_S)
    pool.stop(1)
    engine.dispose()
    row = bakery.workshop.row("endless")
    assert row["excused"] == row["attempt"]  # the database's failure, as far as anybody can tell


# -- what hangs


def test_a_thread_that_hangs_is_given_up_and_its_jobs_go_on_elsewhere(bakery: Bakery, gate: Gate) -> None:
    def hang_once() -> None:
        if bakery.oven.count("hangs") == 1:
            gate()

    bakery.oven.trouble["hangs"] = hang_once
    enqueue(bakery.workshop, "hangs", "behind it", "too")
    bakery.open(size=1, lease_s=0.6, run_limit_s=0.1)
    bakery.wait_until_empty()
    gate.open()
    assert bakery.baked() == Counter(["hangs", "behind it", "too"])


def test_a_job_that_always_hangs_is_given_up_and_those_behind_it_are_not(bakery: Bakery, gate: Gate) -> None:
    bakery.oven.trouble["hangs"] = gate
    enqueue(bakery.workshop, "hangs", *"abcdefgh")
    bakery.open({KIND: bakery.handler(attempts_max=2)}, size=1, lease_s=0.6, run_limit_s=0.1)
    bakery.wait_until_parked("hangs")
    bakery.wait_until_baked(*"abcdefgh")
    assert bakery.baked("given up") == Counter(["hangs"])
    assert Hung.__name__ in bakery.workshop.row("hangs")["last_error"]


# -- who is away


class Receiver:
    """Somebody whom the jobs call, and who may be away."""

    def __init__(self) -> None:
        self.away = True
        self.calls: list[int] = []

    def __call__(self, tasks: Sequence[Task]) -> list[Any]:
        self.calls.append(len(tasks))
        if self.away:
            raise Unavailable("nobody there")
        return [None] * len(tasks)


def test_jobs_whose_receiver_is_away_wait_for_it_without_a_failure_and_others_go_on(bakery: Bakery) -> None:
    receiver = Receiver()
    enqueue(bakery.workshop, *(f"call-{number}" for number in range(100)), kind="call")
    bakery.open({KIND: bakery.handler(), "call": bakery.handler(perform=receiver, attempts_max=1)})
    wait_until(lambda: len(receiver.calls) >= 6, "some calls", WAIT_S)
    bakery.workshop.put("meanwhile")
    bakery.wait_until_baked("meanwhile")
    receiver.away = False
    bakery.wait_until_empty()
    assert bakery.baked() == Counter([*(f"call-{number}" for number in range(100)), "meanwhile"])
    assert bakery.baked("given up") == Counter()


def test_a_receiver_that_is_away_is_asked_with_one_job_at_a_time(bakery: Bakery) -> None:
    receiver = Receiver()
    bakery.workshop.put_many(100, kind="call")
    bakery.open({"call": bakery.handler(perform=receiver)}, size=4)
    wait_until(lambda: len(receiver.calls) >= 8, "some calls", WAIT_S)
    assert receiver.calls[4:] == [1] * len(receiver.calls[4:])


# -- periodic jobs


def test_a_periodic_job_runs_again_and_again_and_there_is_one_however_many_pools(bakery: Bakery) -> None:
    bakery.oven.trouble["clean"] = Burnt("the first time")
    handler = bakery.handler(every_s=0, attempts_max=None)
    for _ in range(2):
        bakery.open({"clean": handler})
    wait_until(lambda: bakery.oven.count("clean") >= 1, "the first run", WAIT_S)
    del bakery.oven.trouble["clean"]
    wait_until(lambda: bakery.baked()["clean"] >= 5, "it to run five times", WAIT_S)
    assert bakery.workshop.keys() == ["clean"]
