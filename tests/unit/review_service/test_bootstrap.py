"""Settings."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from chassis import config
from review_service.bootstrap import ReviewSettings
from review_service.domain import Calendar, Deadlines, ReviewPolicy


def test_only_the_database_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEW_DATABASE_URL", "postgresql://review@127.0.0.1/los")
    settings = config.load(ReviewSettings)
    assert (settings.listen, settings.loan_target, settings.notification_target, settings.phone_region) == (
        "127.0.0.1:50052",
        "127.0.0.1:50051",
        "127.0.0.1:50053",
        "US",
    )
    assert settings.metrics_listen == ""
    assert settings.policy == ReviewPolicy(Deadlines(86_400, {}, None), None)


def test_how_reviews_are_done_is_a_matter_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {
        "DATABASE_URL": "postgresql://review@127.0.0.1/los",
        "DUE_S": "3600",
        "DUE_S_BY_TYPE": '{"HOME": 7200}',
        "BUSINESS_HOURS": "Mon-Fri 09:00-17:00",
        "TIME_ZONE": "America/New_York",
        "HOLIDAYS": '["2026-12-25"]',
        "FOUR_EYES_ABOVE": "100000",
    }
    for name, value in chosen.items():
        monkeypatch.setenv(f"REVIEW_{name}", value)
    hours = dict.fromkeys(range(5), (9 * 60, 17 * 60))
    calendar = Calendar(hours, ZoneInfo("America/New_York"), frozenset({date(2026, 12, 25)}))
    expected = ReviewPolicy(Deadlines(3_600, {"HOME": 7_200}, calendar), Decimal(100_000))
    assert config.load(ReviewSettings).policy == expected


def test_everything_wrong_with_the_settings_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {
        "LISTEN": "nowhere",
        "METRICS_LISTEN": "9102",
        "PHONE_REGION": "usa",
        "ASSIGN_EVERY_S": "0",
        "DUE_S": "-1",
        "DUE_S_BY_TYPE": '{"BOAT": 1}',
        "BUSINESS_HOURS": "nine to five",
        "TIME_ZONE": "Europe/Atlantis",
        "HOLIDAYS": '["christmas"]',
        "FOUR_EYES_ABOVE": "NaN",
        "RPC_THREADS": "0",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(f"REVIEW_{name}", value)
    monkeypatch.delenv("REVIEW_DATABASE_URL", raising=False)
    with pytest.raises(SystemExit, match="2"):
        config.load(ReviewSettings)
    said = capsys.readouterr().err
    assert all(f"REVIEW_{name}" in said for name in (*wrong, "DATABASE_URL"))
