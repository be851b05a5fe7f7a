"""A pseudonym may stand for the recipient of a message."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _check_recipient("^([+][1-9][0-9]{2,14}|erased:[0-9a-f]{32})$")


def downgrade() -> None:
    """Refuse while somebody is erased: what was forgotten cannot be had back."""
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM notifications WHERE recipient LIKE 'erased:%')")):
        raise RuntimeError("customers were erased, which the version before has no place for")
    _check_recipient("^[+][1-9][0-9]{2,14}$")


def _check_recipient(of_sms: str) -> None:
    op.drop_constraint(op.f("notifications_recipient_check"), "notifications")
    op.create_check_constraint(
        op.f("notifications_recipient_check"),
        "notifications",
        f"channel = 'SMS' AND recipient ~ '{of_sms}' OR channel = 'PUSH' AND recipient ~ '^agent:[1-9][0-9]{{0,9}}$'",
    )
