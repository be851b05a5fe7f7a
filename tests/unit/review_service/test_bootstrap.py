"""Settings."""

import pytest

from chassis import config
from review_service.bootstrap import ReviewSettings


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


def test_everything_wrong_with_the_settings_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {
        "LISTEN": "nowhere",
        "METRICS_LISTEN": "9102",
        "PHONE_REGION": "usa",
        "ASSIGN_EVERY_S": "0",
        "RPC_THREADS": "0",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(f"REVIEW_{name}", value)
    monkeypatch.delenv("REVIEW_DATABASE_URL", raising=False)
    with pytest.raises(SystemExit, match="2"):
        config.load(ReviewSettings)
    said = capsys.readouterr().err
    assert all(f"REVIEW_{name}" in said for name in (*wrong, "DATABASE_URL"))
