"""Watching: every event once, in one order for all, resumable, whoever is slow or late."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager

import pytest
from sqlalchemy import Engine, text

from chassis import db
from loan_service import store, usecases
from loan_service.domain import Position, StoredEvent, Submission
from loan_service.servicer.feed import Feed, FeedClosed, TooManyWatchers
from tests.integration.loan_service.loans import Loans, application

pytestmark = pytest.mark.anyio

RENUMBER = text("""
UPDATE loan_events SET transaction = (7 + nth)::text::xid8
FROM (SELECT loan_id AS id, row_number() OVER (ORDER BY occurred_at) AS nth FROM loan_events) AS numbered
WHERE loan_id = id
""")


def make_feed(engine: Engine, **limits: int) -> Feed:
    def read(after: Position, most: int) -> list[StoredEvent]:
        with db.transaction(engine) as tx:
            return store.list_events_after(tx, after, most)

    def horizon() -> Position:
        with db.transaction(engine) as tx:
            return store.get_horizon(tx)

    return Feed(read, horizon, ThreadPoolExecutor(2), **limits)


@asynccontextmanager
async def watching(feed: Feed, after: str = "") -> AsyncIterator[AsyncIterator[StoredEvent]]:
    """A watcher that has joined."""
    present = await feed.join()
    try:
        async with aclosing(feed.events(Position.parse(after) if after else present)) as events:  # type: ignore[type-var]  # a generator
            yield events
    finally:
        feed.leave()


async def take(events: AsyncIterator[StoredEvent], count: int) -> list[StoredEvent]:
    async with asyncio.timeout(30):
        return [await anext(events) for _ in range(count)]


async def submit(loans: Loans, count: int) -> None:
    await asyncio.to_thread(loans.submit, *["100"] * count)


async def test_a_watcher_sees_what_comes_next_and_nothing_from_before(loans: Loans) -> None:
    await submit(loans, 3)
    async with watching(make_feed(loans.engine)) as events:
        waiting = asyncio.create_task(take(events, 2))
        await submit(loans, 2)
        seen = await waiting
    assert [stored.event.loan_id for stored in seen] == list(loans.statuses())[-2:]


async def test_all_watchers_see_the_same_order(loans: Loans) -> None:
    feed = make_feed(loans.engine)
    async with watching(feed) as one, watching(feed) as other:
        waiting = asyncio.gather(take(one, 30), take(other, 30))
        await asyncio.gather(*(submit(loans, 3) for _ in range(10)))
        first, second = await waiting
    assert first == second
    assert len({stored.event_id for stored in first}) == 30


@pytest.mark.parametrize("kept", [1, 4, 10_000])
async def test_a_stream_resumes_after_any_event_without_gap_or_repetition(loans: Loans, kept: int) -> None:
    feed = make_feed(loans.engine, kept=kept)
    async with watching(feed) as events:
        waiting = asyncio.create_task(take(events, 12))
        for _ in range(4):
            await submit(loans, 3)
        everything = await waiting
        for number, stored in enumerate(everything[:-1]):
            async with watching(feed, stored.event_id) as resumed:
                assert await take(resumed, 11 - number) == everything[number + 1 :]


async def test_a_stream_resumes_from_long_before_anybody_watched(loans: Loans) -> None:
    await submit(loans, 5)
    feed = make_feed(loans.engine)
    async with watching(feed, f"0-{'0' * 32}-0") as events:
        assert len(await take(events, 5)) == 5
        await submit(loans, 1)
        assert len(await take(events, 1)) == 1


async def test_a_reader_that_falls_behind_misses_nothing_and_delays_nobody(loans: Loans) -> None:
    feed = make_feed(loans.engine, kept=2)
    async with watching(feed) as slow, watching(feed) as quick:
        beginning = asyncio.create_task(take(slow, 1))
        reading = asyncio.create_task(take(quick, 41))
        await submit(loans, 1)
        seen = await beginning
        for _ in range(8):
            await submit(loans, 5)
        everything = await reading
        seen += await take(slow, 40)
    assert seen == everything


async def test_an_event_that_commits_late_is_not_skipped(loans: Loans, monkeypatch: pytest.MonkeyPatch) -> None:
    """The later transaction commits first; an ever-growing number alone would pass by the earlier one."""
    shards = itertools.count()
    monkeypatch.setattr(random, "randrange", lambda most: next(shards) % most)  # two that count in one shard take turns
    async with watching(make_feed(loans.engine)) as events:
        waiting = asyncio.create_task(take(events, 2))
        with db.transaction(loans.engine) as tx:
            (late,) = usecases.submit_loans(tx, [application()])
            await submit(loans, 1)
            await asyncio.sleep(0.3)  # in which a feed that skips would have gone on
        seen = await waiting
    assert isinstance(late, Submission)
    assert seen[0].event.loan_id == late.loan.loan_id
    assert len({stored.event.loan_id for stored in seen}) == 2


@pytest.mark.parametrize("most", [2, 100])
def test_events_come_in_the_order_of_numbers_when_the_transactions_gain_a_digit(
    loans: Loans, owner_engine: Engine, most: int
) -> None:
    """As text, 1000 comes before 999."""
    for _ in range(5):
        loans.submit("100")
    with owner_engine.begin() as tx:
        tx.execute(text("SET LOCAL search_path = loan; SET LOCAL session_replication_role = replica"))
        tx.execute(RENUMBER)
    seen: list[StoredEvent] = []
    place = Position.parse(f"0-{'0' * 32}-0")
    with db.transaction(loans.engine) as tx:
        while page := store.list_events_after(tx, place, most):
            seen += page
            place = Position.parse(page[-1].event_id)
    assert [stored.transaction for stored in seen] == [8, 9, 10, 11, 12]


async def test_a_feed_begins_anew_when_somebody_comes_after_all_have_left(loans: Loans) -> None:
    feed = make_feed(loans.engine)
    for _ in range(2):
        async with watching(feed) as events:
            waiting = asyncio.create_task(take(events, 1))
            await submit(loans, 1)
            assert len(await waiting) == 1


async def test_one_watcher_too_many_is_refused_and_a_place_that_is_left_is_free(loans: Loans) -> None:
    feed = make_feed(loans.engine, watchers_max=1)
    async with watching(feed):
        with pytest.raises(TooManyWatchers):
            await feed.join()
    async with watching(feed) as events:
        waiting = asyncio.create_task(take(events, 1))
        await submit(loans, 1)
        assert len(await waiting) == 1


async def test_draining_ends_every_stream_and_admits_nobody(loans: Loans) -> None:
    feed = make_feed(loans.engine)
    async with watching(feed) as events:
        waiting = asyncio.create_task(take(events, 1))
        await asyncio.sleep(0)
        feed.drain()
        with pytest.raises(FeedClosed):
            await waiting
        with pytest.raises(FeedClosed):
            await feed.join()


async def test_a_commit_of_this_process_is_seen_without_waiting_for_the_next_look(loans: Loans) -> None:
    feed = make_feed(loans.engine)
    async with watching(feed) as events:
        waiting = asyncio.create_task(take(events, 1))
        await submit(loans, 1)
        await asyncio.to_thread(feed.wake)
        assert len(await waiting) == 1
