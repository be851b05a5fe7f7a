"""How a claim ends: finished, given back, parked, periodic; and that nobody else can end it."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Connection, text

from chassis import db, jobs
from chassis.jobs import Failure, Job
from tests.integration.chassis.workshop import OVER_S, Workshop

Ending = Callable[[Connection, list[Job], str], Collection[int]]


def extended(tx: Connection, held: list[Job], worker: str) -> set[int]:
    return jobs.extend(tx, held, worker, 60)


def rescheduled(tx: Connection, held: list[Job], worker: str) -> set[int]:
    return jobs.reschedule(tx, held, worker, 60)


def retried(tx: Connection, held: list[Job], worker: str) -> set[int]:
    return jobs.retry(tx, [Failure(job, "burnt", delay_s=60) for job in held], worker)


def parked(tx: Connection, held: list[Job], worker: str) -> set[int]:
    return jobs.park(tx, [Failure(job, "burnt") for job in held], worker)


ENDINGS = (jobs.finish, jobs.lock, extended, rescheduled, retried, parked)
every_ending = pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)


def claimed(workshop: Workshop, key: str = "a", lease_s: float = 60) -> Job:
    """A new job, claimed by Ada."""
    workshop.put(key)
    (job,) = workshop.claim("ada", lease_s=lease_s)
    return job


# -- the fence


@every_ending
def test_the_owner_may_end_its_claims_and_is_told_which_they_were(workshop: Workshop, ending: Ending) -> None:
    held = [claimed(workshop, key) for key in "abc"]
    assert workshop.do(lambda tx: ending(tx, held[::2], "ada")) == {held[0].id, held[2].id}


@every_ending
def test_a_worker_that_was_superseded_can_end_nothing(workshop: Workshop, ending: Ending) -> None:
    old = claimed(workshop, lease_s=OVER_S)
    workshop.take_over("bob")
    before = workshop.row("a")
    assert workshop.do(lambda tx: ending(tx, [old], "ada")) == set()
    after = workshop.row("a")
    assert {**after, "left_s": 0, "due_in_s": 0} == {**before, "left_s": 0, "due_in_s": 0}


@every_ending
def test_a_hung_thread_of_the_worker_that_took_over_itself_can_end_nothing(workshop: Workshop, ending: Ending) -> None:
    old = claimed(workshop, lease_s=OVER_S)
    (new,) = workshop.take_over("ada")
    assert workshop.do(lambda tx: ending(tx, [old], "ada")) == set()
    assert workshop.do(lambda tx: ending(tx, [new], "ada")) == {new.id}


@every_ending
def test_nobody_can_end_the_claim_of_somebody_else(workshop: Workshop, ending: Ending) -> None:
    job = claimed(workshop)
    assert workshop.do(lambda tx: ending(tx, [job], "bob")) == set()
    assert workshop.row("a")["worker"] == "ada"


@pytest.mark.parametrize("first", [jobs.finish, rescheduled, retried, parked], ids=lambda ending: ending.__name__)
@every_ending
def test_a_claim_ends_once(workshop: Workshop, first: Ending, ending: Ending) -> None:
    job = claimed(workshop)
    workshop.do(lambda tx: first(tx, [job], "ada"))
    assert workshop.do(lambda tx: ending(tx, [job], "ada")) == set()


@every_ending
def test_an_owner_whose_lease_is_over_may_still_end_a_claim_that_nobody_took(
    workshop: Workshop, ending: Ending
) -> None:
    job = claimed(workshop, lease_s=OVER_S)
    assert workshop.do(lambda tx: ending(tx, [job], "ada")) == {job.id}


@every_ending
def test_an_ending_that_is_rolled_back_has_not_happened(workshop: Workshop, ending: Ending) -> None:
    job = claimed(workshop)

    def fail(tx: Connection) -> None:
        ending(tx, [job], "ada")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        workshop.do(fail)
    assert workshop.finish([job]) == {job.id}


# -- finish


def test_a_finished_job_is_gone(workshop: Workshop) -> None:
    workshop.finish([claimed(workshop)])
    assert workshop.keys() == []


# -- retry


def test_a_job_given_back_keeps_its_place_in_the_line(workshop: Workshop) -> None:
    job = claimed(workshop, "first")
    workshop.put("second")
    workshop.retry(job)
    assert [job.key for job in workshop.claim()] == ["first", "second"]
    assert workshop.row("first")["last_error"] == "burnt"


def test_a_job_given_back_for_later_is_not_due_before(workshop: Workshop) -> None:
    workshop.retry(claimed(workshop), delay_s=60)
    assert workshop.claim() == []
    assert 50 < workshop.row("a")["due_in_s"] <= 60


def test_an_attempt_counts_as_a_failure_unless_it_is_excused(workshop: Workshop) -> None:
    job = claimed(workshop)
    failures = [job.failures]
    for excused in (True, False, True, True, False):
        workshop.retry(job, excused=excused)
        (job,) = workshop.claim()
        failures.append(job.failures)
    assert failures == [0, 0, 1, 1, 1, 2]
    assert job.attempt == 6


def test_jobs_given_back_together_have_each_its_own_error_and_delay(workshop: Workshop) -> None:
    held = [claimed(workshop, key) for key in "abc"]
    failures = [
        Failure(held[2], "too hot", delay_s=600),
        Failure(held[0], "too cold", excused=True),
        Failure(held[1], "", delay_s=60),
    ]
    workshop.do(lambda tx: jobs.retry(tx, failures, "ada"))
    rows = [workshop.row(key) for key in "abc"]
    assert [(row["last_error"], row["excused"], round(row["due_in_s"], -1)) for row in rows] == [
        ("too cold", 1, 0),
        ("", 0, 60),
        ("too hot", 0, 600),
    ]


# -- park and replay


def test_a_parked_job_waits_with_its_reason_and_in_nobodys_way(workshop: Workshop) -> None:
    workshop.park(claimed(workshop), error="no such dish")
    row = workshop.row("a")
    assert (row["state"], row["last_error"], row["worker"]) == ("PARKED", "no such dish", None)
    workshop.put("b")
    assert [job.key for job in workshop.claim()] == ["b"]
    assert workshop.take_over() == []


def test_a_replayed_job_is_due_with_all_its_attempts_before_it(workshop: Workshop) -> None:
    for _ in range(3):
        workshop.retry(claimed(workshop))
    workshop.park(workshop.claim()[0])
    assert workshop.do(lambda tx: jobs.replay(tx, ["a"])) == 1
    (job,) = workshop.claim()
    assert (job.attempt, job.failures) == (5, 0)
    workshop.retry(job)
    assert workshop.claim()[0].failures == 1


def test_only_parked_jobs_are_replayed_and_counted(workshop: Workshop) -> None:
    workshop.park(claimed(workshop, "parked"))
    claimed(workshop, "held")
    workshop.put("ready", delay_s=60)
    assert workshop.do(lambda tx: jobs.replay(tx, ["parked", "held", "ready", "unknown"])) == 1
    assert workshop.row("held")["state"] == "LEASED"
    assert workshop.row("ready")["due_in_s"] > 50


# -- periodic jobs, and those in a hurry


def test_a_rescheduled_job_is_due_later_as_if_it_were_new(workshop: Workshop) -> None:
    workshop.retry(claimed(workshop), delay_s=0)
    (job,) = workshop.claim()
    assert job.failures == 1
    workshop.do(lambda tx: jobs.reschedule(tx, [job], "ada", 60))
    row = workshop.row("a")
    assert 50 < row["due_in_s"] <= 60
    assert row["last_error"] is None
    workshop.do(lambda tx: jobs.hasten(tx, "a"))
    (job,) = workshop.claim()
    assert (job.attempt, job.failures) == (3, 0)


def test_a_waiting_job_can_be_hastened(workshop: Workshop) -> None:
    workshop.put("a", "b", delay_s=60)
    workshop.do(lambda tx: jobs.hasten(tx, "b"))
    assert [job.key for job in workshop.claim()] == ["b"]


def test_a_job_that_is_due_or_claimed_keeps_its_place_when_hastened(workshop: Workshop) -> None:
    claimed(workshop, "held")
    workshop.put("due")
    before = [workshop.row(key)["run_at"] for key in ("held", "due")]
    for key in ("held", "due", "unknown"):
        workshop.do(partial(jobs.hasten, key=key))
    assert [workshop.row(key)["run_at"] for key in ("held", "due")] == before


# -- leases


def test_an_extended_lease_keeps_others_away(workshop: Workshop) -> None:
    job = claimed(workshop, lease_s=OVER_S)
    workshop.do(lambda tx: jobs.extend(tx, [job], "ada", 60))
    assert workshop.take_over() == []
    assert 50 < workshop.row("a")["left_s"] <= 60


def test_prolonging_leases_waits_for_no_transaction_that_is_just_ending_one(workshop: Workshop) -> None:
    held = [claimed(workshop, key) for key in "abc"]
    with db.transaction(workshop.engine) as ending:
        jobs.finish(ending, held[1:2], "ada")
        assert workshop.do(lambda tx: jobs.extend(tx, held, "ada", 600)) == {held[0].id, held[2].id}
    assert workshop.row("c")["left_s"] > 500


def test_prolonging_leases_and_finishing_jobs_never_block_each_other_for_good(workshop: Workshop) -> None:
    workshop.put_many(2000)
    held = workshop.claim(most=2000)

    def finish(share: int) -> int:
        mine = held[share::2]
        batches = [mine[start : start + 100][:: 1 if start % 200 else -1] for start in range(0, len(mine), 100)]
        return sum(len(workshop.finish(batch)) for batch in batches)

    with ThreadPoolExecutor(4) as executor:
        finished = [executor.submit(finish, share) for share in range(2)]
        while not all(done.done() for done in finished):
            workshop.do(lambda tx: jobs.extend(tx, held, "ada", 60))
            workshop.do(lambda tx: jobs.extend(tx, held[::-1], "ada", 60))
    assert sum(done.result() for done in finished) == 2000
    assert workshop.do(lambda tx: tx.scalar(text("SELECT count(*) FROM jobs"))) == 0
