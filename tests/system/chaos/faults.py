"""What goes wrong, and when: planned from a seed, so that a run can be repeated."""

import random
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

import psycopg2
import psycopg2.errors
from psycopg2 import sql

from tests.system.chaos.proxy import Direction, Link, Weather
from tests.system.chaos.supervisor import DATABASE, Supervisor

GAP_S = 1.2  # between the beginnings of two faults, on average
RECOVERY_S = 3  # how long a target is left alone after its fault

_KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'
      AND application_name <> 'chaos'
"""
_TABLES = (
    ("loan", "loans"),
    ("loan", "loan_events"),
    ("loan", "jobs"),
    ("loan", "status_counts"),
    ("review", "reviews"),
    ("review", "agents"),
    ("review", "jobs"),
    ("notification", "notifications"),
    ("notification", "jobs"),
)


class Place(Enum):
    """What a kind of fault happens to."""

    PROCESS = "process"
    LINK = "link"
    DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that will go wrong.

    Attributes:
        at_s: When it begins, counted from the start of the run.
        kind: What it is, a key of KINDS.
        target: The process or link it happens to, or `database`.
        lasts_s: How long.
        luck: Between 0 and 1, for what else the kind leaves open.
    """

    at_s: float
    kind: str
    target: str
    lasts_s: float
    luck: float

    def __str__(self) -> str:
        return f"{self.kind} {self.target} for {self.lasts_s:.1f} s"


@dataclass(slots=True)
class Scene:
    """Where faults happen.

    Attributes:
        system: What they happen to.
        over: Cuts all waiting short.
        turns: One fault at a time for each target: coming back may take longer than planned.
    """

    system: Supervisor
    over: threading.Event = field(default_factory=threading.Event)
    turns: defaultdict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def wait(self, seconds: float) -> bool:
        """Wait, and tell whether the run goes on."""
        return not self.over.wait(seconds)


Action = Callable[[Scene, Fault], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: how often it comes, where, for how long, and how it is done and undone."""

    weight: int
    place: Place
    shortest_s: float
    longest_s: float
    action: Action


# -- processes


def _kill(scene: Scene, fault: Fault) -> None:
    process = scene.system.processes[fault.target]
    process.kill()
    scene.wait(fault.lasts_s)
    process.start()


def _freeze(scene: Scene, fault: Fault) -> None:
    process = scene.system.processes[fault.target]
    process.send(signal.SIGSTOP)
    scene.wait(fault.lasts_s)
    process.send(signal.SIGCONT)


def _restart(scene: Scene, fault: Fault) -> None:
    scene.system.restart(fault.target, lambda: scene.wait(fault.lasts_s))


def _kill_again_and_again(scene: Scene, fault: Fault) -> None:
    process = scene.system.processes[fault.target]
    for _ in range(3):
        process.kill()
        process.start()
        scene.wait(fault.lasts_s / 3)


# -- the database


def _restart_database(scene: Scene, _: Fault) -> None:
    scene.system.server.stop()
    scene.system.server.start()


def _crash_database(scene: Scene, fault: Fault) -> None:
    process = scene.system.server.process
    process.send(signal.SIGQUIT)
    process.wait(grace_s=30)
    scene.wait(fault.lasts_s)
    scene.system.server.start()


def _kill_backends(scene: Scene, fault: Fault) -> None:
    for _ in range(int(fault.lasts_s / 0.5) + 1):
        with scene.system.as_owner() as cursor:
            cursor.execute(_KILL)
        scene.wait(0.5)


def _lock_table(scene: Scene, fault: Fault) -> None:
    schema, table = _TABLES[int(fault.luck * len(_TABLES))]
    with scene.system.as_owner() as cursor:
        cursor.execute("SET lock_timeout = '10s'")
        cursor.execute("BEGIN")
        try:
            cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(schema, table)))
        except psycopg2.errors.LockNotAvailable:
            return  # somebody frozen holds it; that everybody waited behind us was fault enough
        scene.wait(fault.lasts_s)
        cursor.execute("ROLLBACK")


def _idle_in_transaction(scene: Scene, fault: Fault) -> None:
    with scene.system.as_owner() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT count(*) FROM loan.jobs")
        scene.wait(fault.lasts_s)
        cursor.execute("ROLLBACK")


def _make_read_only(scene: Scene, fault: Fault) -> None:
    database = sql.Identifier(DATABASE)
    with scene.system.as_owner() as cursor:
        cursor.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(database))
        cursor.execute(_KILL)
        scene.wait(fault.lasts_s)
        cursor.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(database))
        cursor.execute(_KILL)


def _take_connections(scene: Scene, fault: Fault) -> None:
    role = sql.Identifier(("loan_service", "review_service", "notification_service")[int(fault.luck * 3)])
    with scene.system.as_owner() as cursor:
        cursor.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT 2").format(role))
        cursor.execute(_KILL)
        scene.wait(fault.lasts_s)
        cursor.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT -1").format(role))


def _freeze_database(scene: Scene, fault: Fault) -> None:
    links = [link for name, link in scene.system.proxy.links.items() if name.endswith("->database")]
    for link in links:
        link.worsen(Weather(is_silent=True))
    scene.wait(fault.lasts_s)
    for link in links:
        link.heal()


# -- the network


def _weather(make: Callable[[float], Weather], *, one_way: bool = False) -> Action:
    """Weather over a link, in one direction or in both."""

    def action(scene: Scene, fault: Fault) -> None:
        link = scene.system.proxy.links[fault.target]
        only = list(Direction)[int(fault.luck * 2)]
        link.worsen(make(fault.luck), *([only] if one_way else []))
        scene.wait(fault.lasts_s)
        link.heal()

    return action


def _again_and_again(act: Callable[[Link], None]) -> Action:
    """Something sudden that happens to a link twice a second."""

    def action(scene: Scene, fault: Fault) -> None:
        link = scene.system.proxy.links[fault.target]
        for _ in range(int(fault.lasts_s / 0.5) + 1):
            act(link)
            scene.wait(0.5)
        link.heal()

    return action


def _refuse(scene: Scene, fault: Fault) -> None:
    link = scene.system.proxy.links[fault.target]
    link.refuse()
    scene.wait(fault.lasts_s)
    link.heal()


# A lease is 2 s long: what is frozen, silent or away for longer is taken over.
KINDS = {
    "kill": Kind(7, Place.PROCESS, 0, 3, _kill),
    "kill in a loop": Kind(1, Place.PROCESS, 2, 6, _kill_again_and_again),
    "freeze": Kind(6, Place.PROCESS, 2.5, 6, _freeze),
    "restart": Kind(5, Place.PROCESS, 0, 1, _restart),
    "kill the backends of": Kind(3, Place.DATABASE, 1, 4, _kill_backends),
    "restart (fast)": Kind(1, Place.DATABASE, 0, 1, _restart_database),
    "restart (immediate)": Kind(2, Place.DATABASE, 0, 2, _crash_database),
    "lock a table of": Kind(3, Place.DATABASE, 2, 10, _lock_table),
    "leave a transaction idle in": Kind(2, Place.DATABASE, 4, 10, _idle_in_transaction),
    "make read-only": Kind(1, Place.DATABASE, 1, 3, _make_read_only),
    "take the connections of": Kind(1, Place.DATABASE, 1, 3, _take_connections),
    "freeze all of": Kind(1, Place.DATABASE, 2, 6, _freeze_database),
    "slow down": Kind(4, Place.LINK, 2, 8, _weather(lambda luck: Weather(latency_s=luck, jitter_s=luck))),
    "silence": Kind(4, Place.LINK, 2, 8, _weather(lambda _: Weather(is_silent=True))),
    "silence one way": Kind(4, Place.LINK, 2, 8, _weather(lambda _: Weather(is_silent=True), one_way=True)),
    "narrow": Kind(2, Place.LINK, 2, 8, _weather(lambda luck: Weather(bytes_per_s=2_000 + 50_000 * luck))),
    "slice": Kind(2, Place.LINK, 2, 8, _weather(lambda luck: Weather(slice_bytes=1 + int(luck * 50)))),
    "corrupt": Kind(2, Place.LINK, 0.5, 2, _weather(lambda _: Weather(is_corrupt=True), one_way=True)),
    "refuse": Kind(3, Place.LINK, 1, 5, _refuse),
    "reset": Kind(3, Place.LINK, 0, 3, _again_and_again(Link.reset)),
    "drop the replies of": Kind(6, Place.LINK, 0, 4, _again_and_again(Link.drop_replies)),
}


def plan(seed: int, lasts_s: float, processes: Sequence[str], links: Sequence[str]) -> list[Fault]:
    """The faults of a run, in the order of their beginnings; those of one target do not overlap.

    Args:
        seed: Of all chance; the same seed makes the same plan.
        lasts_s: How long the run is; every fault ends within it, but for what it takes to come back.
        processes: The processes there are.
        links: The links there are.
    """
    chance = random.Random(seed)  # noqa: S311 -- guards nothing
    targets = {Place.PROCESS: processes, Place.LINK: links, Place.DATABASE: ["database"]}
    free_at: dict[str, float] = {}
    faults = []
    at_s = GAP_S
    while at_s < lasts_s:
        kind = chance.choices(list(KINDS), [kind.weight for kind in KINDS.values()])[0]
        drawn = KINDS[kind]
        target = chance.choice(targets[drawn.place])
        fault = Fault(at_s, kind, target, chance.uniform(drawn.shortest_s, drawn.longest_s), chance.random())
        if free_at.get(target, 0) <= at_s and at_s + fault.lasts_s <= lasts_s:
            faults.append(fault)
            free_at[target] = at_s + fault.lasts_s + RECOVERY_S
        at_s += chance.expovariate(1 / GAP_S)
    return faults


def happen(fault: Fault, scene: Scene) -> None:
    """Let a fault begin, last and end; returns when it is over."""
    with scene.turns[fault.target]:
        KINDS[fault.kind].action(scene, fault)
