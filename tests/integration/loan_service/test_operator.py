"""`python -m loan_service jobs`: what waits, what was parked and why, and replaying it."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

from chassis import backlog, db, jobs
from chassis.jobs import Failure
from deploy.processes import ROOT
from loan_service import usecases
from tests.integration.loan_service.loans import Loans


def park(loans: Loans, amounts: Sequence[str]) -> list[str]:
    """Loans whose jobs were parked; answer the keys of the jobs."""
    loans.submit(*amounts)
    with db.transaction(loans.engine) as tx:
        claimed = jobs.claim(tx, {usecases.DECIDE_LOAN: len(amounts)}, len(amounts), "w", 60)
        jobs.park(tx, [Failure(job, "ValueError: no") for job in claimed], "w")
    return sorted(job.key for job in claimed)


def run(loans: Loans, *words: str) -> int:
    parser = argparse.ArgumentParser()
    backlog.add_command(parser.add_subparsers())
    return backlog.run(loans.engine, parser.parse_args(["jobs", *words]))


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_parked_jobs_are_listed_with_their_reason(loans: Loans, capsys: pytest.CaptureFixture[str]) -> None:
    keys = park(loans, ["1", "2"])
    assert run(loans) == 0
    rows = listed(capsys)
    assert [row["key"] for row in rows] == keys
    assert {(row["state"], row["kind"], row["attempt"], row["last_error"]) for row in rows} == {
        ("PARKED", "decide_loan", 1, "ValueError: no")
    }


def test_other_states_and_kinds_are_listed_when_asked_for(loans: Loans, capsys: pytest.CaptureFixture[str]) -> None:
    park(loans, ["1"])
    loans.submit("2")
    assert run(loans, "--state", "READY") == 0
    assert len(listed(capsys)) == 1
    assert run(loans, "--state", "READY", "--kind", "open_review") == 0
    assert listed(capsys) == []


def test_a_long_list_says_that_there_is_more(
    loans: Loans, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "PAGE", 2)
    park(loans, ["1"] * 5)
    assert run(loans, "--limit", "3") == 0
    captured = capsys.readouterr()
    assert (len(captured.out.splitlines()), captured.err) == (3, "more than 3: see --limit\n")
    assert run(loans, "--limit", "5") == 0
    assert len(listed(capsys)) == 5


def test_a_parked_job_is_replayed_by_its_key_and_the_others_are_not(
    loans: Loans, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = park(loans, ["1", "2"])
    assert run(loans, "--retry", first) == 0
    assert capsys.readouterr().out == "1 of 1 made due\n"
    assert loans.rows("SELECT key, state FROM jobs ORDER BY key") == [(first, "READY"), (second, "PARKED")]
    assert run(loans, "--retry", first, "nothing") == 1
    assert capsys.readouterr().out == "0 of 2 made due\n"


def test_all_parked_jobs_can_be_replayed_at_once(loans: Loans, capsys: pytest.CaptureFixture[str]) -> None:
    park(loans, ["1"] * 3)
    assert run(loans, "--retry-all", "--kind", "open_review") == 0
    assert run(loans, "--retry-all") == 0
    assert capsys.readouterr().out == "0 of 0 made due\n3 of 3 made due\n"


def test_it_is_a_command_of_the_service(loans: Loans) -> None:
    (key,) = park(loans, ["1"])
    environment = {**os.environ, "LOAN_DATABASE_URL": loans.url}
    command = [sys.executable, "-m", "loan_service", "jobs"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["key"] == key


def test_a_database_that_is_away_is_said_in_one_sentence(loans: Loans) -> None:
    url = loans.engine.url.set(port=1).render_as_string(hide_password=False)
    environment = {**os.environ, "LOAN_DATABASE_URL": url}
    command = [sys.executable, "-m", "loan_service", "jobs"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "jobs: the database is not available\n")
