"""What the pool's threads share: who may claim how much, who gets which tasks, and which kinds are paused."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from chassis import jobs
from chassis.errors import Unavailable
from chassis.jobs import Job
from chassis.pool import Handler, Hung, Task
from chassis.pool.board import Board
from deploy.processes import wait_until

WAIT_S = 10.0
LONG_S = 3600.0
numbers = count(1)


def task(kind: str = "bake", *, subject: Any = True, failures: int = 0, outcome: Any = None) -> Task:
    """A claimed job."""
    number = next(numbers)
    job = Job(number, kind, str(number), {}, failures + 1, failures, taken_over=False, created_at=datetime.now(UTC))
    return Task(job, subject, outcome)


def board(size: int = 4, batch_size: int = 100, kinds: Sequence[str] = ("bake", "fry"), **handler: Any) -> Board:
    return Board({kind: Handler(**handler) for kind in kinds}, name="pool", size=size, batch_size=batch_size)


def accepted(to: Board, *tasks: Task) -> None:
    to.accept(tasks)


def settled(on: Board, tasks: Sequence[Task], *, away: bool = False) -> None:
    """Tasks that were performed and whose claims have ended."""
    on.hand_over(tasks, [None] * len(tasks), away=away)
    on.forget(on.wait_for_done(WAIT_S))


def in_a_thread(work: Callable[[], Any]) -> Any:
    """What the work answers when it runs on another thread."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(work).result(WAIT_S)


# -- room


def test_an_idle_pool_has_room_for_as_many_jobs_as_it_has_threads() -> None:
    assert board(size=4).wait_for_room(0) == 4


def test_a_claim_is_never_larger_than_a_batch() -> None:
    assert board(size=4, batch_size=3).wait_for_room(0) == 3


def test_what_is_held_takes_room_until_its_claim_has_ended() -> None:
    on = board(size=2)
    accepted(on, task(), task())
    assert on.wait_for_room(0) == 0
    tasks = on.take()
    assert on.wait_for_room(0) == 0
    settled(on, tasks)
    assert on.wait_for_room(0) == len(tasks)


def test_who_waits_for_room_gets_it_as_soon_as_there_is_some() -> None:
    on = board(size=1)
    accepted(on, task())
    with ThreadPoolExecutor(1) as executor:
        room = executor.submit(on.wait_for_room, WAIT_S)
        settled(on, on.take())
        assert room.result(WAIT_S) == 1


def test_a_pool_that_drains_has_no_room() -> None:
    on = board()
    on.draining.set()
    assert on.wait_for_room(0) == 0


def test_a_job_that_was_claimed_again_is_not_let_go_with_its_earlier_claim() -> None:
    on = board(size=2)
    early = task()
    again = Task(Job(early.job.id, "bake", "a", {}, 2, 1, taken_over=True, created_at=early.job.created_at), True)
    accepted(on, early)
    accepted(on, again)
    on.forget([early])
    assert list(on.held()) == [again]


# -- fair shares


def test_threads_share_what_is_there() -> None:
    on = board(size=4)
    accepted(on, *(task() for _ in range(8)))
    assert [len(on.take()) for _ in range(5)] == [2, 2, 1, 1, 1]


def test_a_share_is_of_one_kind_in_the_order_of_the_line() -> None:
    on = board(size=1)
    line = [task("bake"), task("bake"), task("fry"), task("bake")]
    accepted(on, *line)
    assert [list(on.take()) for _ in range(3)] == [line[:2], line[2:3], line[3:]]


def test_a_job_that_failed_before_is_taken_alone() -> None:
    on = board(size=1)
    line = [task(), task(failures=1), task(failures=2), task(), task()]
    accepted(on, *line)
    assert [list(on.take()) for _ in range(4)] == [line[:1], line[1:2], line[2:3], line[3:]]


def test_who_waits_for_work_gets_it_when_it_comes_and_nothing_when_the_pool_ends() -> None:
    on = board()
    one = task()
    with ThreadPoolExecutor(1) as executor:
        taken = executor.submit(on.take)
        accepted(on, one)
        assert list(taken.result(WAIT_S)) == [one]
        taken = executor.submit(on.take)
        on.stop()
        assert list(taken.result(WAIT_S)) == []


def test_every_task_is_taken_once() -> None:
    on = board(size=8)
    tasks = [task() for _ in range(1000)]
    accepted(on, *tasks)
    together = threading.Barrier(8)
    taken: list[Task] = []

    def work(_: int) -> None:
        together.wait(WAIT_S)
        while share := on.take():
            taken.extend(share)
            if len(taken) == len(tasks):
                on.stop()

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(work, range(8)))
    assert sorted(one.job.id for one in taken) == [one.job.id for one in tasks]


# -- what needs no work


def test_a_task_without_a_subject_or_that_could_not_be_started_is_done_already() -> None:
    on = board()
    needless, failed = task(subject=None), task(subject=None, outcome=ValueError())
    accepted(on, needless, failed)
    assert list(on.wait_for_done(0)) == [needless, failed]


def test_a_job_whose_attempts_all_ended_without_a_result_is_not_tried_again() -> None:
    on = board(attempts_max=3)
    worn, last_chance = task(failures=3), task(failures=2)
    accepted(on, worn, last_chance)
    assert list(on.wait_for_done(0)) == [worn]
    assert isinstance(worn.outcome, Hung)
    assert list(on.take()) == [last_chance]


def test_a_job_with_nothing_left_to_do_is_done_however_often_it_was_left() -> None:
    on = board(attempts_max=3)
    accepted(on, worn := task(subject=None, failures=3))
    assert list(on.wait_for_done(0)) == [worn]
    assert not worn.failed


def test_done_tasks_are_settled_in_batches() -> None:
    on = board(batch_size=3)
    accepted(on, *(task(subject=None) for _ in range(7)))
    assert [len(on.wait_for_done(0)) for _ in range(4)] == [3, 3, 1, 0]


# -- pause and probe


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A function that says how long pauses will be, instead of chance."""

    def last(pause_s: float) -> None:
        monkeypatch.setattr(jobs, "backoff_s", lambda *_, **__: pause_s)

    last(LONG_S)
    return last


def away(on: Board, kind: str = "bake") -> None:
    """A call that finds nobody."""
    accepted(on, one := task(kind))
    on.take()
    on.hand_over([one], [Unavailable("nobody there")], away=True)
    on.forget(on.wait_for_done(WAIT_S))


def wait_for_probe(on: Board) -> dict[str, int]:
    """The limits once the pause is over."""
    wait_until(lambda: "bake" in on.limits(10), "the pause to end", WAIT_S)
    return on.limits(10)


def test_every_kind_may_be_claimed_and_takes_its_turn_to_be_first() -> None:
    on = board(kinds=("bake", "boil", "fry"))
    turns = [list(on.limits(10)) for _ in range(3)]
    assert {turn[0] for turn in turns} == {"bake", "boil", "fry"}
    assert on.limits(10) == {"bake": 10, "boil": 10, "fry": 10}


@pytest.mark.usefixtures("pauses")
def test_a_kind_whose_receiver_is_away_is_paused_and_others_are_not() -> None:
    on = board()
    away(on)
    assert on.limits(10) == {"fry": 10}


def test_a_receiver_that_was_away_is_asked_with_one_job_and_with_no_second_before_it_answers(
    pauses: Callable[[float], None],
) -> None:
    on = board()
    pauses(0)
    away(on)
    assert wait_for_probe(on) == {"bake": 1, "fry": 10}
    accepted(on, task("bake"))
    assert on.limits(10) == {"fry": 10}


def test_one_answer_ends_the_pause(pauses: Callable[[float], None]) -> None:
    on = board()
    pauses(0)
    away(on)
    wait_for_probe(on)
    accepted(on, task("bake"))
    settled(on, on.take())
    assert on.limits(10) == {"bake": 10, "fry": 10}


def test_a_probe_that_finds_nobody_pauses_again_and_moves_its_job_back_in_the_line(
    pauses: Callable[[float], None],
) -> None:
    on = board()
    pauses(0)
    away(on)
    assert not on.probing("bake")
    wait_for_probe(on)
    pauses(LONG_S)
    away(on)
    assert on.limits(10) == {"fry": 10}
    assert on.probing("bake")


@pytest.mark.usefixtures("pauses")
def test_several_calls_that_find_nobody_are_one_outage() -> None:
    on = board()
    tasks = [task(), task(), task()]
    accepted(on, *tasks)
    for one in tasks:
        on.hand_over([one], [Unavailable("nobody there")], away=True)
    assert not on.probing("bake")


# -- the end


@pytest.fixture
def busy() -> tuple[Board, Task, Task, Task]:
    """A board with a task that waits, one with a thread, and one that is done."""
    on = board(size=3)
    running, waiting, done = task(), task(), task(subject=None)
    accepted(on, running)
    on.take()
    accepted(on, waiting, done)
    return on, running, waiting, done


def test_what_no_thread_has_taken_can_be_withdrawn(busy: tuple[Board, Task, Task, Task]) -> None:
    on, running, waiting, done = busy
    assert list(on.withdraw_unstarted()) == [waiting]
    assert set(on.held()) == {running, waiting, done}
    assert list(on.withdraw_unstarted()) == []


def test_in_the_end_everything_can_be_withdrawn(busy: tuple[Board, Task, Task, Task]) -> None:
    on, *tasks = busy
    assert set(on.withdraw_everything()) == set(tasks)
    assert list(on.held()) == []


def test_who_waits_for_the_end_is_told_when_nothing_is_held(busy: tuple[Board, Task, Task, Task]) -> None:
    on, *tasks = busy
    with ThreadPoolExecutor(1) as executor:
        waited = executor.submit(on.wait_until_nothing_is_held, WAIT_S)
        on.forget(tasks)
        waited.result(WAIT_S)
    assert list(on.held()) == []


def test_nobody_waits_longer_than_asked_for_what_does_not_end(busy: tuple[Board, Task, Task, Task]) -> None:
    on, *tasks = busy
    in_a_thread(lambda: on.wait_until_nothing_is_held(0))
    assert set(on.held()) == set(tasks)
