"""Settings."""

import pytest

from chassis import config
from notification_service.bootstrap import NotificationSettings


def test_only_the_database_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFICATION_DATABASE_URL", "postgresql://notification@127.0.0.1/los")
    settings = config.load(NotificationSettings)
    assert (settings.listen, settings.metrics_listen, settings.attempts_max) == ("127.0.0.1:50053", "", 5)


def test_everything_wrong_with_the_settings_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {
        "LISTEN": "nowhere",
        "METRICS_LISTEN": "9103",
        "ATTEMPTS_MAX": "0",
        "POOL_SIZE": "257",
        "POOL_BATCH": "0",
        "LEASE_S": "0.5",
        "SEND_LIMIT_S": "0",
        "RPC_THREADS": "0",
        "GRACE_S": "soon",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(f"NOTIFICATION_{name}", value)
    monkeypatch.delenv("NOTIFICATION_DATABASE_URL", raising=False)
    with pytest.raises(SystemExit, match="2"):
        config.load(NotificationSettings)
    said = capsys.readouterr().err
    assert all(f"NOTIFICATION_{name}" in said for name in (*wrong, "DATABASE_URL"))
