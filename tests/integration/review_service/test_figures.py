"""What the service tells Prometheus of its reviews."""

from functools import partial

from sqlalchemy import text

from chassis import db
from chassis.metrics.stored import Stored
from review_service import bootstrap, store
from tests.integration.review_service.office import Office
from tests.scraping import Scraped, Stand


def told(office: Office) -> Scraped:
    """What is told now."""
    stand = Stand([Stored(office.engine, bootstrap.figures)])
    try:
        return stand.scrape()
    finally:
        stand.close()


def test_nothing_to_review_is_told_as_0(office: Office) -> None:
    figures = told(office)
    assert figures.by("reviews_open", "assignment") == {"assigned": 0, "unassigned": 0}
    assert figures.has("reviews_oldest_unassigned_seconds")
    assert figures.value("reviews_oldest_unassigned_seconds") == 0


def test_open_reviews_are_told_by_whether_somebody_has_them(office: Office) -> None:
    agent = office.hire()
    decided, cancelled, *_ = [office.open()[0] for _ in range(5)]
    office.decide(decided, agent)
    office.cancel(cancelled)
    assert told(office).by("reviews_open", "assignment") == {"assigned": 3, "unassigned": 0}


def test_the_first_that_waits_for_an_agent_is_told_by_its_age(office: Office) -> None:
    office.open()
    (first,) = office.open()
    office.rows(
        text("UPDATE reviews SET opened_at = now() - interval '10 min' WHERE loan_id = :id RETURNING 1"), id=first
    )
    figures = told(office)
    assert figures.by("reviews_open", "assignment") == {"assigned": 0, "unassigned": 2}
    assert 600 <= figures.value("reviews_oldest_unassigned_seconds") < 660


def test_counting_ends_where_more_says_nothing_more(office: Office) -> None:
    for _ in range(3):
        office.open()
    with db.transaction(office.engine) as tx:
        counted = partial(store.count_open_reviews, tx)
        assert (counted(2).unassigned, counted(10).unassigned) == (2, 3)
