"""What the service tells Prometheus of its notifications."""

from chassis import db
from chassis.metrics.stored import Stored
from notification_service import bootstrap, store
from tests.integration.notification_service.post import Post, StandIn, wait_for, working
from tests.scraping import Stand


def told(post: Post) -> dict[str, float]:
    """How many notifications are in each state, as it is told now."""
    stand = Stand([Stored(post.engine, bootstrap.figures)])
    try:
        return dict(stand.scrape().by("notifications", "state"))
    finally:
        stand.close()


def test_no_notifications_are_told_as_0(post: Post) -> None:
    assert told(post) == {"PENDING": 0, "SENDING": 0, "PARKED": 0}


def test_those_that_were_not_sent_are_told_by_state(post: Post, provider: StandIn) -> None:
    post.send_some(2)
    with working(post.engine, provider):
        wait_for(post, SENT=2)
    post.park(post.send_some(1)[0])
    post.send_some(3)
    assert post.states() == {"SENT": 2, "PARKED": 1, "PENDING": 3}
    assert told(post) == {"PENDING": 3, "SENDING": 0, "PARKED": 1}


def test_counting_ends_where_more_says_nothing_more(post: Post) -> None:
    post.send_some(3)
    with db.transaction(post.engine) as tx:
        assert store.count_unsent(tx, 2)["PENDING"] == 2
