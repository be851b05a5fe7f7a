"""Figures that are read from the database: they equal the rows, and an outage leaves the others."""

import time
from collections.abc import Iterator

import pytest
from prometheus_client import Metric
from sqlalchemy import Engine, text

from chassis import db, jobs
from chassis.jobs import NewJob
from chassis.metrics import stored
from chassis.metrics.stored import Stored
from deploy import postgres
from tests.frozen import frozen
from tests.integration.chassis import test_frozen_server
from tests.integration.chassis.test_jobs_plans import FILL
from tests.integration.chassis.workshop import KIND, Workshop
from tests.scraping import Scraped, Stand

SCRAPE_MAX_S = 10  # what Prometheus waits by default

server = test_frozen_server.server


def look(engine: Engine, *reads: stored.Read) -> Scraped:
    """What is served while these are read."""
    stand = Stand([Stored(engine, *reads)])
    try:
        return stand.scrape()
    finally:
        stand.close()


def jobs_by(workshop: Workshop, kind: str) -> dict[str, float]:
    """The jobs of a kind, as they are told, by state."""
    told = look(workshop.engine, stored.waiting([KIND, "fry"]))
    return {state: told.value("jobs", kind=kind, state=state) for state in stored.STATES}


def test_jobs_are_told_by_kind_and_state(workshop: Workshop) -> None:
    workshop.put("a", "b", "c", "d", "e", "f")
    workshop.put("later", delay_s=3600)
    workshop.put("other", kind="fry")
    first, *others = workshop.claim(most=4)
    workshop.park(first)
    workshop.finish(others[:1])
    assert jobs_by(workshop, KIND) == {"READY": 3, "LEASED": 2, "PARKED": 1}
    assert jobs_by(workshop, "fry") == {"READY": 1, "LEASED": 0, "PARKED": 0}


def test_kinds_without_jobs_are_told_as_0(workshop: Workshop) -> None:
    told = look(workshop.engine, stored.waiting(["never"]))
    assert told.by("jobs", "state") == {"READY": 0, "LEASED": 0, "PARKED": 0}
    assert told.by("jobs_oldest_ready_seconds", "kind") == {"never": 0}
    assert told.by("jobs_oldest_leased_seconds", "kind") == {"never": 0}


def test_kinds_that_nobody_handles_are_not_named(workshop: Workshop) -> None:
    workshop.put("a", kind="made up")
    assert set(look(workshop.engine, stored.waiting([KIND])).by("jobs", "kind")) == {KIND}


def test_the_longest_due_job_is_told_and_one_that_is_due_later_is_not(workshop: Workshop) -> None:
    workshop.do(lambda tx: jobs.enqueue(tx, [NewJob(KIND, "old", delay_s=-120), NewJob(KIND, "new", delay_s=-5)]))
    workshop.put("later", kind="fry", delay_s=3600)
    told = look(workshop.engine, stored.waiting([KIND, "fry"]))
    assert 120 <= told.value("jobs_oldest_ready_seconds", kind=KIND) < 180
    assert told.value("jobs_oldest_ready_seconds", kind="fry") == 0
    assert told.value("jobs_oldest_leased_seconds", kind=KIND) == 0
    workshop.claim()
    told = look(workshop.engine, stored.waiting([KIND]))
    assert told.value("jobs_oldest_ready_seconds", kind=KIND) == 0
    assert 120 <= told.value("jobs_oldest_leased_seconds", kind=KIND) < 180


def test_counting_ends_where_more_says_nothing_more(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "COUNT_MOST", 10)
    workshop.put_many(25)
    assert jobs_by(workshop, KIND)["READY"] == 10


def test_looking_reads_no_whole_table(workshop: Workshop) -> None:
    workshop.do(lambda tx: tx.execute(FILL))
    workshop.do(lambda tx: tx.execute(text("ANALYZE jobs")))
    explain = text(f"EXPLAIN {stored.WAITING.text}")
    values = {"kinds": [KIND, "fry"], "most": 100}
    plan = workshop.do(lambda tx: "\n".join(tx.scalars(explain, values)))
    assert "Seq Scan on jobs" not in plan
    for index in ("jobs_ready_index", "jobs_leased_index", "jobs_parked_index"):
        assert index in plan


def test_without_the_table_the_process_still_tells_its_own_figures(scratch_database: Engine) -> None:
    told = look(scratch_database, stored.waiting([KIND]))
    assert told.has("database_up")
    assert told.value("database_up") == 0
    assert told.has("process_resident_memory_bytes")
    assert not told.has("jobs")


def test_a_figure_that_cannot_be_read_takes_none_of_the_process_with_it(workshop: Workshop) -> None:
    def defective(_: object) -> list[Metric]:
        raise KeyError("a defect")

    told = look(workshop.engine, stored.waiting([KIND]), defective)
    assert told.value("database_up") == 0
    assert told.has("process_resident_memory_bytes")


@pytest.fixture
def frozen_soon(server: postgres.Server) -> Iterator[Engine]:
    """The way to look at a server that the test is going to freeze; it has an empty jobs table."""
    engine = stored.engine(server.url(), schema="public", name="test-figures")
    metadata = db.metadata()
    jobs.table(metadata)
    metadata.create_all(engine)
    yield engine
    metadata.drop_all(engine)
    engine.dispose()


@pytest.mark.parametrize("connected_before", [True, False])
def test_a_frozen_database_delays_an_answer_and_does_not_prevent_it(
    server: postgres.Server, frozen_soon: Engine, connected_before: bool
) -> None:
    if not connected_before:
        frozen_soon.dispose()
    stand = Stand([Stored(frozen_soon, stored.waiting([KIND]))])
    try:
        with frozen(server):
            began = time.monotonic()
            told = stand.scrape()
            assert time.monotonic() - began < SCRAPE_MAX_S
        assert told.has("database_up")
        assert told.value("database_up") == 0
        assert told.has("process_resident_memory_bytes")
        told = stand.scrape()
        assert told.value("database_up") == 1
        assert told.value("jobs", kind=KIND, state="READY") == 0
    finally:
        stand.close()


def test_a_server_that_is_gone_is_told_at_once_and_so_is_its_return(tmp_path_factory: pytest.TempPathFactory) -> None:
    mortal = postgres.Server(tmp_path_factory.mktemp("mortal"), durable=False)
    mortal.start()
    engine = stored.engine(mortal.url(), schema="public", name="test-figures")
    stand = Stand([Stored(engine)])
    try:
        assert stand.scrape().value("database_up") == 1
        mortal.stop()
        assert stand.scrape().value("database_up") == 0
        mortal.start()
        assert stand.scrape().value("database_up") == 1
    finally:
        stand.close()
        engine.dispose()
        mortal.stop()
