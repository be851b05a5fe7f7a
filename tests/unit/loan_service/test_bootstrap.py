"""The settings of the loan service."""

import pytest

from chassis import config
from loan_service.bootstrap import LoanSettings

URL = "postgresql://loan_service:x@127.0.0.1/los"


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAN_DATABASE_URL", URL)


def test_only_the_database_must_be_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    settings = config.load(LoanSettings)
    assert (settings.listen, settings.metrics_listen) == ("127.0.0.1:50051", "")
    monkeypatch.delenv("LOAN_DATABASE_URL")
    with pytest.raises(SystemExit):
        config.load(LoanSettings)
    assert "LOAN_DATABASE_URL: Field required" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOAN_DATABASE_URL", "mysql://localhost/los"),
        ("LOAN_LISTEN", "50051"),
        ("LOAN_METRICS_LISTEN", "9101"),
        ("LOAN_CURRENCY", "dollar"),
        ("LOAN_PHONE_REGION", "usa"),
        ("LOAN_REVIEW_FROM", "-1"),
        ("LOAN_REVIEW_FROM", "NaN"),
        ("LOAN_POOL_SIZE", "0"),
        ("LOAN_LEASE_S", "0.1"),
        ("LOAN_ASSESSMENT_ATTEMPTS", "0"),
        ("LOAN_NOTICE_DUE_DAYS", "0"),
        ("LOAN_GRACE_S", "soon"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as refusal:
        config.load(LoanSettings)
    assert refusal.value.code == 2
    assert name in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"LOAN_ASSESSMENT_DELAY_MIN_S": "3", "LOAN_ASSESSMENT_DELAY_MAX_S": "1"},
            "LOAN_ASSESSMENT_DELAY_MIN_S must not be above LOAN_ASSESSMENT_DELAY_MAX_S",
        ),
        (
            {"LOAN_ASSESSMENT_DELAY_MAX_S": "60", "LOAN_ASSESSMENT_LIMIT_S": "60"},
            "LOAN_ASSESSMENT_DELAY_MAX_S must be below LOAN_ASSESSMENT_LIMIT_S",
        ),
        (
            {"LOAN_REVIEW_FROM": "10", "LOAN_REVIEW_TO": "9.99"},
            "LOAN_REVIEW_FROM must not be above LOAN_REVIEW_TO",
        ),
    ],
)
def test_values_that_do_not_fit_together_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: dict[str, str], sentence: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        config.load(LoanSettings)
    assert sentence in capsys.readouterr().err
