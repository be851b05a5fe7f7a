"""Figures that are in the database, read when they are asked for.

While the database is away there are none of them, and `database_up` is 0: old figures would look like new ones.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import URL, Connection, Engine, text

from chassis import db
from chassis.errors import is_passing
from chassis.logs import log

COUNT_MOST = 100_000
"""Counting ends here: more is too much in any case, and looking must stay cheap when there is much to see."""

STATEMENT_MAX_S = 1.0
"""How long a look may take in the database; an answer that does not come is waited for a little longer."""

Read = Callable[[Connection], Iterable[Metric]]

STATES = ("READY", "LEASED", "PARKED")

# For each kind: how many jobs there are in each state, and for how long the first of those due or at work has been due.
# Each part reads one of the partial indexes and no more than so many of its entries.
WAITING = text("""
SELECT kind,
       (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'READY' AND jobs.kind = known.kind LIMIT :most) AS r),
       (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'LEASED' AND jobs.kind = known.kind LIMIT :most) AS l),
       (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'PARKED' AND jobs.kind = known.kind LIMIT :most) AS p),
       extract(epoch FROM now() - least(now(), (
           SELECT min(run_at) FROM jobs WHERE state = 'READY' AND jobs.kind = known.kind
       )))::float8,
       extract(epoch FROM now() - least(now(), (
           SELECT min(run_at) FROM jobs WHERE state = 'LEASED' AND jobs.kind = known.kind
       )))::float8
FROM unnest(CAST(:kinds AS text[])) AS known (kind)
""")


def engine(url: URL | str, *, schema: str, name: str) -> Engine:
    """One connection for looking, which nothing else waits for and which waits for nothing long."""
    return db.engine(url, schema=schema, name=name, pool_size=1, statement_timeout_s=STATEMENT_MAX_S)


class Stored:
    """Collects what is in the database.

    Args:
        engine: See `engine`.
        reads: Each answers some figures, all of them in one transaction.
    """

    def __init__(self, engine: Engine, *reads: Read) -> None:
        self._engine = engine
        self._reads = reads
        self._was_up = True

    def collect(self) -> Iterator[Metric]:
        """The figures, or that there are none."""
        figures: list[Metric] = []
        try:
            with db.transaction(self._engine) as tx:
                figures = [figure for read in self._reads for figure in read(tx)]
        except Exception as error:  # noqa: BLE001 -- whatever it is, the figures of the process are still worth having
            if self._was_up or not is_passing(error):
                log.warning("figures cannot be read", exc_info=None if is_passing(error) else error, error=str(error))
            self._was_up = False
        else:
            self._was_up = True
        yield gauge("database_up", "Whether the figures in the database could be read just now.", float(self._was_up))
        yield from figures


def waiting(kinds: Sequence[str]) -> Read:
    """What there is to tell of the jobs table.

    Args:
        kinds: The kinds that are told of, also when there is no job of them.
    """

    def read(tx: Connection) -> Iterator[Metric]:
        count = GaugeMetricFamily("jobs", f"Jobs in the table, counted up to {COUNT_MOST}.", labels=["kind", "state"])
        due, at_work = {}, {}
        for kind, *counts, due_s, at_work_s in tx.execute(WAITING, {"kinds": list(kinds), "most": COUNT_MOST}):
            for state, number in zip(STATES, counts, strict=True):
                count.add_metric([kind, state], number)
            due[kind], at_work[kind] = due_s, at_work_s
        yield count
        yield gauge("jobs_oldest_ready_seconds", "For how long the first READY job has been due.", due, "kind")
        yield gauge("jobs_oldest_leased_seconds", "For how long the first LEASED job has been due.", at_work, "kind")

    return read


def gauge(name: str, meaning: str, value: float | Mapping[str, float], label: str = "") -> Metric:
    """A figure as it is now, or one for each value of a label."""
    family = GaugeMetricFamily(name, meaning, labels=[label] if label else [])
    for labelled, number in value.items() if isinstance(value, Mapping) else [("", value)]:
        family.add_metric([labelled] if label else [], number)
    return family
