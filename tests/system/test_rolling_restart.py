"""Old code on a new schema, and every process restarted in turn, while customers go on submitting."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Text, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from deploy import postgres
from deploy.processes import wait_until
from tests.system.siege import PATIENCE_S, Applicant, Siege, under_siege

CUSTOMERS = 6
TABLES = {"loan": ("loans", "jobs"), "review": ("reviews", "jobs"), "notification": ("notifications", "jobs")}


class Crowd:
    """Customers who submit on and on, each loan with a key and again until it is accepted.

    Attributes:
        statuses: How often each status was answered; 0 is no answer at all.
    """

    def __init__(self, siege: Siege) -> None:
        self.statuses: Counter[int] = Counter()
        self._siege = siege
        self._count = threading.Lock()

    def submit_until(self, enough: threading.Event) -> None:
        while not enough.is_set():
            applicant = Applicant()
            wait_until(lambda applicant=applicant: self._is_accepted(applicant), "a loan to be accepted", PATIENCE_S)  # type: ignore[misc]  # bound now

    def _is_accepted(self, applicant: Applicant) -> bool:
        try:
            status = self._siege.submit(applicant).status
        except httpx.TransportError:
            status = 0
        with self._count:
            self.statuses[status] += 1
        return status == 201


def migrate(owner_url: str) -> None:
    """Add a column to the busiest tables, as the next version's migration would, which this version does not know."""
    engine = create_engine(make_url(owner_url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    for schema, tables in TABLES.items():
        for table in tables:
            with engine.begin() as connection:
                connection.execute(text("SET lock_timeout TO '5s'"))
                column: Column[str] = Column("next_version_note", Text, nullable=True)
                Operations(MigrationContext.configure(connection)).add_column(table, column, schema=schema)
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {schema}.alembic_version SET version_num = 'next'"))


def test_a_new_schema_and_restarts_in_turn_cost_customers_a_repetition_at_most(
    postgres_server: postgres.Server,
) -> None:
    with under_siege(postgres_server, "rolling") as siege, ThreadPoolExecutor(CUSTOMERS) as threads:
        crowd, enough = Crowd(siege), threading.Event()
        customers = [threads.submit(crowd.submit_until, enough) for _ in range(CUSTOMERS)]
        try:
            migrate(siege.system.owner_url)
            for name in siege.system.processes:
                accepted = crowd.statuses[201]
                siege.system.restart_process(name)
                siege.system.wait_until_serving()
                wait_until(lambda before=accepted: crowd.statuses[201] > before + 10, "more loans", PATIENCE_S)  # type: ignore[misc]  # bound now
        finally:
            enough.set()
        for customer in customers:
            customer.result(PATIENCE_S)
        siege.serves_again()
    assert set(crowd.statuses) <= {201, 503, 0}
    assert crowd.statuses[201] > 100
