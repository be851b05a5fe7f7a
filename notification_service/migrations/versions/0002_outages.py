"""Attempts remember that the provider was away, and each channel has its own kind of job."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("delivery_attempts", sa.Column("away", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_check_constraint(op.f("delivery_attempts_away_check"), "delivery_attempts", "NOT away OR error <> ''")
    op.execute("""
        UPDATE jobs SET kind = 'deliver_' || lower(channel)
        FROM notifications WHERE kind = 'deliver' AND notification_id = CAST(args ->> 'notification_id' AS uuid)
    """)


def downgrade() -> None:
    op.execute("UPDATE jobs SET kind = 'deliver' WHERE kind IN ('deliver_sms', 'deliver_push')")
    op.drop_constraint(op.f("delivery_attempts_away_check"), "delivery_attempts")
    op.drop_column("delivery_attempts", "away")
