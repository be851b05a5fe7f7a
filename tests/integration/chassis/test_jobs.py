"""Jobs are enqueued once for each key, and claimed by one worker at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from chassis import db, jobs
from chassis.jobs import Job, NewJob
from deploy.processes import wait_until
from tests.integration.chassis.workshop import ENDLESS_S, KIND, OVER_S, Workshop


def keys(claimed: list[Job]) -> list[str]:
    return [job.key for job in claimed]


# -- enqueue


def test_a_job_is_stored_as_it_was_given(workshop: Workshop) -> None:
    args: dict[str, Any] = {"dish": "crème brûlée", "steps": [1, {"heat": None}], "quote": "'; DROP TABLE jobs; --"}
    workshop.do(lambda tx: jobs.enqueue(tx, [NewJob(KIND, "a", args)]))
    (job,) = workshop.claim()
    assert (job.kind, job.key, job.args) == (KIND, "a", args)
    assert (job.attempt, job.failures, job.taken_over) == (1, 0, False)
    assert job.created_at.utcoffset() is not None


def test_a_second_job_with_the_same_key_is_not_enqueued_and_the_first_is_left_as_it_is(workshop: Workshop) -> None:
    workshop.do(lambda tx: jobs.enqueue(tx, [NewJob(KIND, "a", {"first": True}), NewJob(KIND, "a"), NewJob(KIND, "b")]))
    workshop.do(lambda tx: jobs.enqueue(tx, [NewJob("another kind", "a", delay_s=60), NewJob(KIND, "c")]))
    assert workshop.keys() == ["a", "b", "c"]
    assert workshop.claim()[0].args == {"first": True}


def test_a_key_is_free_again_once_its_job_is_done(workshop: Workshop) -> None:
    workshop.put("a")
    workshop.finish(workshop.claim())
    workshop.put("a")
    assert keys(workshop.claim()) == ["a"]


def test_nothing_is_enqueued_by_a_transaction_that_fails(workshop: Workshop) -> None:
    def fail(tx: Connection) -> None:
        jobs.enqueue(tx, [NewJob(KIND, "a")])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        workshop.do(fail)
    assert workshop.keys() == []


def test_enqueueing_nothing_is_no_work(workshop: Workshop) -> None:
    workshop.do(lambda tx: jobs.enqueue(tx, []))
    assert workshop.keys() == []


def test_many_may_enqueue_the_same_jobs_at_once_in_any_order(workshop: Workshop) -> None:
    together = threading.Barrier(8)
    wanted = [NewJob(KIND, f"{number:03}") for number in range(200)]

    def enqueue(number: int) -> None:
        together.wait(10)
        workshop.do(lambda tx: jobs.enqueue(tx, wanted[:: 1 if number % 2 else -1]))

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(enqueue, range(8)))
    assert sorted(workshop.keys()) == [job.key for job in wanted]


def test_a_job_enqueued_while_one_of_its_key_is_being_finished_is_not_lost(workshop: Workshop) -> None:
    workshop.put("a")
    claimed = workshop.claim()
    with ThreadPoolExecutor(1) as executor:
        with db.transaction(workshop.engine) as tx:
            jobs.finish(tx, claimed, "ada")
            enqueued = executor.submit(workshop.put, "a")
            wait_until(lambda: is_anybody_waiting(workshop), "the second job to wait", timeout_s=10)
        enqueued.result()
    assert keys(workshop.claim()) == ["a"]


def is_anybody_waiting(workshop: Workshop) -> bool:
    """Whether a transaction waits for another one."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return bool(workshop.do(lambda tx: tx.scalar(waiting)))


# -- claim


def test_a_claim_takes_the_job_and_counts_the_attempt(workshop: Workshop) -> None:
    workshop.put("a")
    workshop.claim("ada", lease_s=60)
    row = workshop.row("a")
    assert (row["state"], row["worker"], row["attempt"]) == ("LEASED", "ada", 1)
    assert 50 < row["left_s"] <= 60


def test_the_longest_due_are_claimed_first(workshop: Workshop) -> None:
    workshop.put("c", "a", "b")
    assert keys(workshop.claim(most=2)) == ["c", "a"]
    assert keys(workshop.claim(most=2)) == ["b"]


def test_what_is_not_due_or_not_ready_or_of_no_kind_asked_for_is_not_claimed(workshop: Workshop) -> None:
    workshop.put("later", delay_s=60)
    workshop.put("of another kind", kind="fry")
    workshop.put("parked")
    workshop.park(workshop.claim()[0])
    workshop.put("taken")
    workshop.claim("bob")
    assert workshop.claim() == []
    assert 50 < workshop.row("later")["due_in_s"] <= 60


def test_each_kind_has_its_limit_and_all_together_have_one(workshop: Workshop) -> None:
    for kind in ("bake", "boil", "fry"):
        workshop.put_many(5, kind)

    def claimed(limits: dict[str, int], most: int) -> list[str]:
        return sorted(job.kind for job in workshop.do(lambda tx: jobs.claim(tx, limits, most, "ada", ENDLESS_S)))

    assert claimed({"bake": 1, "fry": 3}, most=100) == ["bake", "fry", "fry", "fry"]
    assert claimed({"boil": 2, "bake": 2}, most=3) == ["bake", "boil", "boil"]


def test_eight_workers_claim_each_job_once(workshop: Workshop) -> None:
    workshop.put_many(1000)
    together = threading.Barrier(8)

    def work(number: int) -> list[Job]:
        together.wait(10)
        mine: list[Job] = []
        while claimed := workshop.claim(f"worker {number}", most=7):
            mine += claimed
        return mine

    with ThreadPoolExecutor(8) as executor:
        claims = list(executor.map(work, range(8)))
    claimed = [job for mine in claims for job in mine]
    assert len(claimed) == len({job.id for job in claimed}) == 1000
    assert {job.attempt for job in claimed} == {1}


def test_a_claim_waits_for_nobody(workshop: Workshop) -> None:
    workshop.put("a", "b")
    with db.transaction(workshop.engine) as other:
        jobs.claim(other, {KIND: 1}, 1, "bob", ENDLESS_S)
        assert keys(workshop.claim()) == ["b"]


# -- claim_stale


def test_a_job_whose_owner_fell_silent_is_taken_over(workshop: Workshop) -> None:
    workshop.put("a")
    workshop.claim("ada", lease_s=OVER_S)
    (job,) = workshop.take_over("bob")
    assert (job.key, job.attempt, job.failures, job.taken_over) == ("a", 2, 1, True)
    assert workshop.row("a")["worker"] == "bob"


def test_a_job_whose_lease_lasts_is_not_taken_over(workshop: Workshop) -> None:
    workshop.put("a")
    workshop.claim("ada", lease_s=60)
    assert workshop.take_over() == []


def test_only_so_many_and_only_kinds_asked_for_are_taken_over(workshop: Workshop) -> None:
    workshop.put("a", "b", "c")
    workshop.claim(lease_s=OVER_S)
    assert len(workshop.take_over(most=2)) == 2
    assert workshop.do(lambda tx: jobs.claim_stale(tx, ["fry"], 10, "bob", ENDLESS_S)) == []


def test_a_job_left_by_its_owner_is_taken_over_by_one_of_eight(workshop: Workshop) -> None:
    workshop.put_many(200)
    workshop.claim("ada", most=200, lease_s=OVER_S)
    together = threading.Barrier(8)

    def work(number: int) -> list[Job]:
        together.wait(10)
        return workshop.take_over(f"worker {number}", most=200)

    with ThreadPoolExecutor(8) as executor:
        taken = [job.id for mine in executor.map(work, range(8)) for job in mine]
    assert len(taken) == len(set(taken)) == 200


# -- what the table itself does not allow


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "'DONE'"},
        {"state": "'LEASED'"},
        {"state": "'LEASED'", "worker": "'ada'"},
        {"state": "'LEASED'", "lease_until": "now()"},
        {"worker": "'ada'", "lease_until": "now()"},
        {"state": "'PARKED'"},
        {"attempt": "1", "excused": "2"},
        {"excused": "-1"},
    ],
    ids=str,
)
def test_the_table_refuses_what_makes_no_sense(workshop: Workshop, columns: dict[str, str]) -> None:
    names, values = ", ".join(columns), ", ".join(columns.values())
    insert = text(f"INSERT INTO jobs (kind, key, args, {names}) VALUES ('bake', 'a', '{{}}', {values})")
    with pytest.raises(IntegrityError, match="check constraint"):
        workshop.do(lambda tx: tx.execute(insert))
