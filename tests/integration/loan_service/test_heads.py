"""A head that was kept elsewhere shows what the chain alone cannot: that the end of a history was cut off."""

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from loan_service import audit
from loan_service.domain import Loan
from tests.integration.loan_service.loans import Loans


@pytest.fixture
def tampered(loan_database: Engine) -> Loans:
    """Loans of a test that leaves them changed, so that nothing is checked at its end."""
    return Loans(loan_database)


def today() -> datetime:
    return datetime.now(UTC)


def cut(owner: Engine, loan: Loan) -> None:
    """Remove the last event of a loan, and make everything look as if it had never been."""
    with owner.begin() as tx:
        tx.execute(text("SET LOCAL search_path = loan; SET LOCAL session_replication_role = replica"))
        tx.execute(text("DELETE FROM loan_events WHERE loan_id = :id AND version = :last"), {
            "id": loan.loan_id, "last": loan.version,
        })  # fmt: skip
        tx.execute(
            text("""
            UPDATE loans SET version = loans.version - 1, event_hash = hash, status = to_status, decided_at = NULL,
                             reason_codes = loan_events.reason_codes
            FROM loan_events
            WHERE loans.loan_id = :id AND loan_events.loan_id = :id AND loan_events.version = loans.version - 1
            """),
            {"id": loan.loan_id},
        )


def test_a_history_cut_short_with_everything_mended_is_found_by_the_head_alone(
    tampered: Loans, owner_engine: Engine
) -> None:
    loan = tampered.submit_to_review()
    kept = audit.get_head(tampered.engine, today().date())
    assert audit.difference(tampered.engine, kept) == ""
    cut(owner_engine, loan)
    assert audit.verify(tampered.engine).broken is None
    assert (
        audit.difference(tampered.engine, kept)
        == f"{kept.day}: there were {kept.events} events, and are {kept.events - 1}"
    )


def test_a_changed_event_is_found_by_the_head(tampered: Loans, owner_engine: Engine) -> None:
    loan = tampered.submit_to_review()
    kept = audit.get_head(tampered.engine, today().date())
    with owner_engine.begin() as tx:
        tx.execute(text("SET LOCAL search_path = loan; SET LOCAL session_replication_role = replica"))
        statement = "UPDATE loan_events SET hash = sha256('') WHERE loan_id = :id AND version = 2"
        tx.execute(text(statement), {"id": loan.loan_id})
    assert "are not what they were" in audit.difference(tampered.engine, kept)


def test_what_happens_later_leaves_a_head_as_it_is(loans: Loans) -> None:
    loans.submit_to_review()
    kept = audit.get_head(loans.engine, today().date())
    loans.submit_to_review()
    assert audit.difference(loans.engine, kept) == ""
    assert audit.get_head(loans.engine, today().date()).events > kept.events


def test_a_day_without_events_has_a_head_as_well(loans: Loans) -> None:
    kept = audit.get_head(loans.engine, today().replace(year=2001).date())
    assert (kept.events, len(kept.digest), audit.difference(loans.engine, kept)) == (0, 64, "")


def command(heads: Path) -> Namespace:
    return Namespace(part="verify", loan=None, heads=heads)


def test_heads_are_kept_as_lines_and_checked_by_command_line(
    tampered: Loans, owner_engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loan = tampered.submit_to_review()
    assert audit.run(tampered.engine, Namespace(part="head", day=today().date())) == 0
    kept = tmp_path / "heads"
    kept.write_text(capsys.readouterr().out * 2)
    assert audit.run(tampered.engine, command(kept)) == 0
    assert capsys.readouterr().out == "2 days checked\n"
    cut(owner_engine, loan)
    assert audit.run(tampered.engine, command(kept)) == 1
    assert "there were" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["nonsense", "{}", "[]", '{"day": "soon", "events": 1, "digest": "", "until": 1}'])
def test_a_file_that_holds_no_heads_is_refused(
    loans: Loans, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    file = tmp_path / "heads"
    file.write_text(content)
    assert audit.run(loans.engine, command(file)) == 2
    assert "cannot be used" in capsys.readouterr().err
    assert audit.run(loans.engine, command(tmp_path / "missing")) == 2
