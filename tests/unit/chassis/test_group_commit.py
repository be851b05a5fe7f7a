"""Group commit: who shares a commit with whom, and what each caller gets."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.batch import GroupCommit, Interrupted, TooManyWaiting
from chassis.errors import Unavailable

pytestmark = pytest.mark.anyio


class Commits:
    """A commit that waits until the test lets it go, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.failures: dict[str, Exception] = {}
        self._begun = threading.Semaphore(0)
        self._may_end = threading.Semaphore(0)

    def __call__(self, items: Sequence[str]) -> list[str]:
        self.batches.append(list(items))
        self._begun.release()
        self._may_end.acquire()
        for item in items:
            if item in self.failures:
                raise self.failures[item]
        return [item.upper() for item in items]

    async def begun(self) -> None:
        """Wait for the next commit to begin."""
        await asyncio.to_thread(self._begun.acquire)

    def end(self, count: int = 1) -> None:
        """Let so many commits end."""
        self._may_end.release(count)


@pytest.fixture
def commits() -> Iterator[Commits]:
    commits = Commits()
    yield commits
    commits.end(100)  # a test that failed leaves no thread behind


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def group(commits: Commits, executor: ThreadPoolExecutor, **limits: int) -> GroupCommit[str, str]:
    return GroupCommit(commits, executor, **{"batch_size": 100, "waiting_max": 100, **limits})


async def submitted(to: GroupCommit[str, str], *items: str) -> list[asyncio.Task[str]]:
    """Callers that wait for their answers."""
    tasks = [asyncio.create_task(to.submit(item)) for item in items]
    await asyncio.sleep(0)  # each runs up to its wait
    return tasks


async def test_callers_during_a_commit_share_the_next_one(commits: Commits, executor: ThreadPoolExecutor) -> None:
    together = group(commits, executor)
    first = await submitted(together, "a")
    await commits.begun()
    rest = await submitted(together, "b", "c", "d")
    commits.end(2)
    assert await asyncio.gather(*first, *rest) == ["A", "B", "C", "D"]
    assert commits.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_has_a_most_and_the_rest_comes_after_it_in_order(
    commits: Commits, executor: ThreadPoolExecutor
) -> None:
    together = group(commits, executor, batch_size=2)
    first = await submitted(together, "a")
    await commits.begun()
    rest = await submitted(together, "b", "c", "d")
    commits.end(3)
    await asyncio.gather(*first, *rest)
    assert commits.batches == [["a"], ["b", "c"], ["d"]]


async def test_an_idle_group_commits_the_next_one_alone_and_at_once(
    commits: Commits, executor: ThreadPoolExecutor
) -> None:
    together = group(commits, executor)
    commits.end(2)
    assert [await together.submit("a"), await together.submit("b")] == ["A", "B"]
    assert commits.batches == [["a"], ["b"]]


async def test_one_too_many_is_refused_and_the_others_get_their_answers(
    commits: Commits, executor: ThreadPoolExecutor
) -> None:
    together = group(commits, executor, waiting_max=2)
    first = await submitted(together, "a")
    await commits.begun()
    waiting = await submitted(together, "b", "c")
    with pytest.raises(TooManyWaiting):
        await together.submit("d")
    commits.end(2)
    assert await asyncio.gather(*first, *waiting) == ["A", "B", "C"]
    commits.end()
    assert await together.submit("e") == "E"


async def test_a_failure_reaches_the_caller_it_belongs_to_and_nobody_else(
    commits: Commits, executor: ThreadPoolExecutor
) -> None:
    together = group(commits, executor)
    commits.failures["b"] = KeyError("b")
    first = await submitted(together, "z")
    await commits.begun()
    rest = await submitted(together, "a", "b", "c")
    commits.end(100)
    answers = await asyncio.gather(*first, *rest, return_exceptions=True)
    assert answers == ["Z", "A", commits.failures["b"], "C"]


async def test_a_passing_failure_reaches_everybody_in_the_batch(commits: Commits, executor: ThreadPoolExecutor) -> None:
    together = group(commits, executor)
    commits.failures["b"] = Unavailable("the database is away")
    first = await submitted(together, "z")
    await commits.begun()
    rest = await submitted(together, "a", "b")
    commits.end(2)
    assert await asyncio.gather(*first, *rest, return_exceptions=True) == ["Z", *[commits.failures["b"]] * 2]


async def test_a_caller_that_leaves_before_its_batch_is_formed_leaves_no_trace(
    commits: Commits, executor: ThreadPoolExecutor
) -> None:
    together = group(commits, executor)
    first = await submitted(together, "a")
    await commits.begun()
    gone, stays = await submitted(together, "gone", "stays")
    gone.cancel()
    commits.end(2)
    assert await asyncio.gather(*first, stays) == ["A", "STAYS"]
    assert commits.batches == [["a"], ["stays"]]


async def test_a_caller_that_leaves_makes_room_for_another(commits: Commits, executor: ThreadPoolExecutor) -> None:
    together = group(commits, executor, waiting_max=1)
    first = await submitted(together, "a")
    await commits.begun()
    (gone,) = await submitted(together, "gone")
    gone.cancel()
    await asyncio.wait([gone])
    comes = await submitted(together, "comes")
    commits.end(2)
    assert await asyncio.gather(*first, *comes) == ["A", "COMES"]


async def test_a_caller_that_leaves_while_its_batch_runs_disturbs_nobody(
    commits: Commits, executor: ThreadPoolExecutor
) -> None:
    together = group(commits, executor)
    first = await submitted(together, "a")
    await commits.begun()
    gone, stays = await submitted(together, "gone", "stays")
    commits.end()
    await commits.begun()
    gone.cancel()
    commits.end()
    assert await stays == "STAYS"
    assert (await asyncio.gather(*first, gone, return_exceptions=True))[0] == "A"
    assert commits.batches == [["a"], ["gone", "stays"]]  # it is stored: nobody can know at which moment it left


async def test_whoever_waits_when_the_executor_is_shut_down_is_told(
    commits: Commits, executor: ThreadPoolExecutor
) -> None:
    together = group(commits, executor)
    first = await submitted(together, "a")
    await commits.begun()
    rest = await submitted(together, "b", "c")
    executor.shutdown(wait=False)
    commits.end()
    assert await asyncio.gather(*first) == ["A"]
    answers = await asyncio.gather(*rest, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Interrupted, Interrupted]
    with pytest.raises(Interrupted):
        await together.submit("d")


async def test_whoever_is_in_a_batch_that_the_executor_drops_is_told(
    commits: Commits, executor: ThreadPoolExecutor
) -> None:
    leave = threading.Event()
    executor.submit(leave.wait)  # keeps the batch in line
    callers = await submitted(group(commits, executor), "a", "b")
    executor.shutdown(wait=False, cancel_futures=True)
    answers = await asyncio.gather(*callers, return_exceptions=True)
    leave.set()
    assert [type(answer) for answer in answers] == [Interrupted, Interrupted]
    assert commits.batches == []


async def test_each_of_a_thousand_callers_gets_its_own_answer() -> None:
    stored: list[int] = []

    def store(items: Sequence[int]) -> list[int]:
        stored.extend(items)
        return [-item for item in items]

    with ThreadPoolExecutor(1) as executor:
        together = GroupCommit(store, executor, batch_size=50, waiting_max=1000)
        answers = await asyncio.gather(*(together.submit(number) for number in range(1000)))
    assert answers == [-number for number in range(1000)]
    assert sorted(stored) == list(range(1000))
