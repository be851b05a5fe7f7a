"""Whoever changes a history is found, and the database refuses to."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from loan_service import audit
from loan_service.domain import EventKind, Loan
from tests.integration.loan_service.loans import Loans, step


@pytest.fixture
def tampered(loan_database: Engine) -> Loans:
    """Loans of a test that leaves them broken, so that nothing is checked at its end."""
    return Loans(loan_database)


def reviewed(loans: Loans) -> Loan:
    loan = loans.submit_to_review()
    authored = step(1, actor="agent:1", comment="a word", subject="jane", reason_codes=("OTHER",))
    return loans.record_steps(loan, authored, step(2, EventKind.UNASSIGNED))


def tamper(owner: Engine, statement: str, loan: Loan) -> None:
    """What somebody can do who owns the database and has switched the triggers off."""
    with owner.begin() as tx:
        tx.execute(text("SET LOCAL search_path = loan; SET LOCAL session_replication_role = replica"))
        tx.execute(text(statement), {"id": loan.loan_id})


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'COVERED'",
        "from_status = 'APPLIED'",
        "to_status = 'APPLIED'",
        "occurred_at = occurred_at + interval '1 microsecond'",
        "actor = 'agent:2'",
        "reason_codes = '{}'",
        "comment = 'a sword'",
        "assigned_agent_id = 8",
        "actor_right = 'RIGHT_OF_MANAGER'",
        "on_behalf_of_agent_id = 1",
        "approval_limit = 1",
        "customer_exposure = 1",
        "subject = 'june'",
        "personal_digest = sha256('')",
        "hash = sha256('')",
    ],
)
def test_a_change_of_any_column_of_an_event_is_found(tampered: Loans, owner_engine: Engine, change: str) -> None:
    loan = reviewed(tampered)
    tamper(owner_engine, f"UPDATE loan_events SET {change} WHERE loan_id = :id AND version = 4", loan)
    broken = audit.verify(tampered.engine).broken
    assert broken is not None
    assert (broken[0], broken[1].version) == (loan.loan_id, 4)


@pytest.mark.parametrize(
    "change",
    ["customer_name = 'Eve'", "customer_phone = '+14155550000'", "loan_amount = 1", "currency_code = 'EUR'",
     "loan_type = 'AUTO'", "status = 'APPLIED'", "salt = NULL", "event_hash = sha256('')", "assigned_agent_id = 9"],
)  # fmt: skip
def test_a_change_of_what_the_history_says_of_the_loan_is_found(
    tampered: Loans, owner_engine: Engine, change: str
) -> None:
    loan = reviewed(tampered)
    tamper(owner_engine, f"UPDATE loans SET {change} WHERE loan_id = :id", loan)
    assert audit.verify(tampered.engine).broken is not None


@pytest.mark.parametrize("version", [1, 3, 5])
def test_a_removed_event_is_found(tampered: Loans, owner_engine: Engine, version: int) -> None:
    loan = reviewed(tampered)
    tamper(owner_engine, f"DELETE FROM loan_events WHERE loan_id = :id AND version = {version}", loan)
    broken = audit.verify(tampered.engine).broken
    assert broken is not None
    assert broken[1].version == version


def test_an_event_added_by_hand_is_found(tampered: Loans, owner_engine: Engine) -> None:
    loan = reviewed(tampered)
    tamper(
        owner_engine,
        """
        INSERT INTO loan_events (loan_id, version, kind, from_status, to_status, occurred_at, actor, personal_digest,
                                 hash)
        SELECT loan_id, 6, 'UNASSIGNED', to_status, to_status, occurred_at, 'system', '', hash
        FROM loan_events WHERE loan_id = :id AND version = 5
        """,
        loan,
    )
    broken = audit.verify(tampered.engine).broken
    assert broken is not None
    assert broken[1].version == 6


@pytest.mark.parametrize(
    "statement",
    ["UPDATE loan.loan_events SET actor = 'agent:2'", "DELETE FROM loan.loan_events", "TRUNCATE loan.loan_events"],
)
def test_neither_the_service_nor_the_owner_changes_events(loans: Loans, owner_engine: Engine, statement: str) -> None:
    reviewed(loans)
    for login, refusal in ((loans.engine, "permission denied"), (owner_engine, "events of loans are never")):
        with pytest.raises(DBAPIError, match=refusal), login.begin() as tx:
            tx.execute(text(statement))


def test_what_is_personal_can_be_emptied_and_nothing_else_written(loans: Loans) -> None:
    loan = reviewed(loans)
    with pytest.raises(DBAPIError, match="events of loans are never changed"), loans.engine.begin() as tx:
        tx.execute(text("UPDATE loan_events SET comment = 'other'"))
    with loans.engine.connect() as tx:  # rolled back
        tx.execute(text("UPDATE loan_events SET comment = '' WHERE loan_id = :id"), {"id": loan.loan_id})


def test_the_form_in_sql_is_the_form_of_the_domain(loans: Loans) -> None:
    reviewed(loans)
    different = """
        SELECT count(*) FROM loan_events AS event JOIN loans AS loan ON loan.loan_id = event.loan_id
             LEFT JOIN loan_events AS before ON before.loan_id = loan.loan_id AND before.version = event.version - 1
        WHERE event.hash <> event_hash(coalesce(before.hash, chain_start(event.loan_id)), event, loan)
           OR event.personal_digest <> personal_digest(event, loan)
    """
    assert loans.rows(different) == [(0,)]
