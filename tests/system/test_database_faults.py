"""A database that is there and does not do what it should, under load: refused quickly, then everything goes on."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg2
import pytest
from psycopg2 import sql

from deploy import postgres
from deploy.processes import wait_until
from tests.system.siege import AWAY, BUSY, PATIENCE_S, Answer, Applicant, Siege, under_siege

DATABASE = "database_faults"
QUICK_S = 5.0  # a lock is waited for two seconds, perhaps behind another who does
END_SERVICES = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE '%\\_service'"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """A database server of our own: what is done to it concerns all of its databases."""
    server = postgres.Server(tmp_path_factory.mktemp("faults"), durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def siege(server: postgres.Server) -> Iterator[Siege]:
    with under_siege(server, DATABASE) as started:
        yield started


@contextmanager
def locked(siege: Siege, table: str) -> Iterator[None]:
    """A table that somebody holds for themselves while the block lasts."""
    with siege.as_owner() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def test_submits_and_decisions_behind_a_lock_are_refused_quickly_and_go_on_afterwards(siege: Siege) -> None:
    loan_id, agent_id = siege.reviewed_loan()
    applicants = [Applicant() for _ in range(20)]
    with locked(siege, "loan.loans"), ThreadPoolExecutor(1) as agents:
        decided = agents.submit(siege.decide, loan_id, agent_id)
        answers = [*siege.submit_at_once(applicants), *siege.submit_at_once(applicants)]
    assert {answer.status for answer in (*answers, decided.result())} <= BUSY | AWAY
    assert max(answer.took_s for answer in answers) < QUICK_S
    siege.serves_again(*applicants)
    wait_until(lambda: siege.decide(loan_id, agent_id).status == 200, "the decision to be applied", PATIENCE_S)
    assert siege.status_of(loan_id) == "REJECTED_BY_AGENT"


def test_a_lock_on_the_jobs_delays_what_follows_and_nothing_else(siege: Siege) -> None:
    with locked(siege, "notification.jobs"):
        loan_id = siege.submit(Applicant()).body["loan_id"]
        wait_until(lambda: siege.status_of(loan_id) == "APPROVED_BY_SYSTEM", "the decision", PATIENCE_S)
        time.sleep(3)  # longer than one of theirs waits for a lock
        with siege.as_owner() as cursor:
            cursor.execute("SELECT count(*) FROM notification.notifications WHERE loan_id = %s", (loan_id,))
            assert cursor.fetchone() == (0,)
    siege.serves_again()


def test_more_calls_than_threads_and_connections_are_429_with_retry_after(siege: Siege) -> None:
    loan_id = siege.submit(Applicant()).body["loan_id"]
    with locked(siege, "loan.loans"), ThreadPoolExecutor(250) as threads:
        answers = list(threads.map(lambda _: siege.ask("GET", f"/api/v1/loans/{loan_id}"), range(250)))
    assert {answer.status for answer in answers} <= BUSY | AWAY
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    siege.serves_again()


def test_a_transaction_that_is_left_idle_stops_nobody(siege: Siege) -> None:
    with siege.as_owner() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT pg_current_xact_id(), count(*) FROM loan.jobs")
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            answer = siege.submit(Applicant())
            assert answer.status == 201
            loan_id = answer.body["loan_id"]
            wait_until(lambda loan_id=loan_id: siege.status_of(loan_id) == "APPROVED_BY_SYSTEM", "a decision", 10)  # type: ignore[misc]  # bound now
        cursor.execute("ROLLBACK")
    siege.serves_again()


def test_a_database_that_is_read_only_is_read_and_nothing_is_accepted_and_it_is_found_writable_again(
    siege: Siege,
) -> None:
    known = siege.submit(Applicant()).body["loan_id"]
    applicant = Applicant()
    database = sql.Identifier(DATABASE)
    with siege.as_owner("postgres") as cursor:
        cursor.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(database))
        cursor.execute(END_SERVICES)
        try:
            wait_until(lambda: siege.health().status == 503, "the health page to say so", PATIENCE_S)
            answer = siege.submit(applicant)
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert answer.took_s < QUICK_S
            assert siege.ask("GET", f"/api/v1/loans/{known}").status == 200
        finally:
            cursor.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(database))
    siege.serves_again(applicant)  # although nobody ended the connections that were made meanwhile


def test_connections_that_others_have_taken_are_waited_for(siege: Siege, server: postgres.Server) -> None:
    applicant = Applicant()
    with siege.as_owner("postgres") as cursor, slots_taken(server):

        def refusal() -> bool:
            """Whether none of ours had a connection left, nor got the one that became free last."""
            cursor.execute(END_SERVICES)
            answers.append(siege.submit(applicant))
            return cursor.rowcount == 0 and answers[-1].status == 503

        answers: list[Answer] = []
        wait_until(refusal, "others to take every connection", PATIENCE_S)
        assert answers[-1].headers["retry-after"] == "1"
        assert answers[-1].took_s < QUICK_S
        wait_until(lambda: siege.health().status == 503, "the health page to say so", PATIENCE_S)
    siege.serves_again(applicant)


@contextmanager
def slots_taken(server: postgres.Server) -> Iterator[None]:
    """Every connection that is free, or becomes free, taken by others while the block lasts."""
    enough, refused = threading.Event(), threading.Event()
    url = server.url().replace("postgres:", "hog:", 1)
    password = (server.folder / "password").read_text()
    with psycopg2.connect(server.url()) as owner, owner.cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = 'hog'")
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE ROLE hog LOGIN PASSWORD {}").format(sql.Literal(password)))
        cursor.execute("GRANT CONNECT ON DATABASE postgres TO hog")  # which no service has
    owner.close()

    def hog() -> None:
        with ExitStack() as held:
            while not enough.is_set():
                try:
                    held.callback(psycopg2.connect(url).close)
                except psycopg2.OperationalError:
                    refused.set()
                    enough.wait(0.001)

    with ThreadPoolExecutor(4) as threads:
        for _ in range(4):
            threads.submit(hog)
        try:
            wait_until(refused.is_set, "every connection to be taken", PATIENCE_S)
            yield
        finally:
            enough.set()
