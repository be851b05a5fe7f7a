"""How a pool ends: running work finishes, the rest is given back, and nobody waits longer than the grace."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import Connection, Engine

from chassis import db
from chassis.errors import Unavailable
from chassis.pool import Pool, Task
from deploy import ports
from deploy.processes import wait_until
from tests.integration.chassis.bakery import WAIT_S, Bakery, Gate, enqueue
from tests.integration.chassis.workshop import KIND


def stopping(pool: Pool, grace_s: float) -> threading.Thread:
    """A thread that stops a pool."""
    thread = threading.Thread(target=pool.stop, args=(grace_s,))
    thread.start()
    return thread


def test_running_work_finishes_and_what_was_not_begun_is_given_back(bakery: Bakery, gate: Gate) -> None:
    bakery.oven.trouble["running"] = gate
    enqueue(bakery.workshop, "running")
    pool = bakery.open(size=1)
    assert gate.reached.wait(WAIT_S)
    enqueue(bakery.workshop, *"abc")
    stop = stopping(pool, WAIT_S)
    gate.open()
    stop.join(WAIT_S)
    assert not stop.is_alive()
    assert bakery.baked()["running"] == 1
    assert bakery.count("LEASED") == 0
    assert bakery.count("READY") == 4 - bakery.baked().total()


def test_a_pool_that_drains_claims_nothing_more(bakery: Bakery) -> None:
    pool = bakery.open()
    bakery.workshop.put("before")
    bakery.wait_until_baked("before")
    pool.drain()
    bakery.workshop.put("after")
    pool.wake()
    pool.stop(1)
    assert bakery.workshop.row("after")["attempt"] == 0


def test_work_that_outlasts_the_grace_is_given_back_and_its_late_result_has_no_effect(
    bakery: Bakery, gate: Gate
) -> None:
    bakery.oven.trouble["slow"] = gate
    bakery.workshop.put("slow")
    pool = bakery.open()
    assert gate.reached.wait(WAIT_S)
    pool.stop(0)
    row = bakery.workshop.row("slow")
    assert (row["state"], row["attempt"], row["excused"]) == ("READY", 1, 1)
    gate.open()
    bakery.open()
    bakery.wait_until_empty()
    assert bakery.baked() == Counter(["slow"])
    assert bakery.oven.count("slow") == 2


def test_what_was_begun_is_undone_when_it_is_given_back(bakery: Bakery, gate: Gate) -> None:
    released: list[str] = []

    def release(_: Connection, tasks: Sequence[Task]) -> None:
        released.extend(task.job.key for task in tasks)

    bakery.oven.trouble["slow"] = gate
    bakery.workshop.put("slow")
    pool = bakery.open({KIND: bakery.handler(release=release)})
    assert gate.reached.wait(WAIT_S)
    pool.stop(0)
    assert released == ["slow"]


def test_pools_that_come_and_go_under_load_lose_nothing_and_repeat_no_effect(bakery: Bakery) -> None:
    bakery.workshop.put_many(1000)
    for _ in range(5):
        pool = bakery.open(batch_size=20)
        bakery.wait_until_more()
        pool.stop(WAIT_S)
        assert bakery.count("LEASED") == 0
    bakery.open()
    bakery.wait_until_empty()
    assert bakery.baked() == Counter({f"{KIND}-{number}": 1 for number in range(1000)})


def test_a_pool_that_was_never_started_can_be_stopped(bakery: Bakery) -> None:
    pool = Pool(bakery.workshop.engine, {KIND: bakery.handler()}, name="idle", size=1)
    pool.stop(1)


def test_a_pool_can_be_stopped_twice(bakery: Bakery) -> None:
    pool = bakery.open()
    pool.stop(1)
    pool.stop(1)


def test_a_periodic_job_is_given_back_as_well(bakery: Bakery, gate: Gate) -> None:
    bakery.oven.trouble["clean"] = gate
    pool = bakery.open({"clean": bakery.handler(every_s=0)})
    assert gate.reached.wait(WAIT_S)
    pool.stop(0)
    assert bakery.workshop.row("clean")["state"] == "READY"


@pytest.fixture
def nowhere() -> Iterator[Engine]:
    """A database that does not listen."""
    engine = db.engine(f"postgresql://a@127.0.0.1:{ports.free_port()}/none", schema="none", name="test", pool_size=3)
    yield engine
    engine.dispose()


def test_a_pool_whose_database_is_away_ends_within_its_grace(bakery: Bakery, nowhere: Engine) -> None:
    pool = bakery.open({"clean": bakery.handler(every_s=60)}, engine=nowhere)
    since = time.monotonic()
    pool.stop(2)
    assert time.monotonic() - since < WAIT_S


def test_a_pool_with_many_kinds_away_ends_at_once(bakery: Bakery) -> None:
    def nobody(_: Sequence[Task]) -> Sequence[object]:
        raise Unavailable("nobody there")

    kinds = [f"kind {number}" for number in range(5)]
    for kind in kinds:
        bakery.workshop.put_many(3, kind)
    pool = bakery.open({kind: bakery.handler(perform=nobody) for kind in kinds})
    wait_until(lambda: bakery.workshop.row("kind 4-0")["attempt"] > 0, "a call", WAIT_S)
    pool.stop(WAIT_S)
    assert (bakery.count("LEASED"), bakery.count("READY")) == (0, 15)
