"""Messages that must be sent by a certain time know it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("notifications", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "notifications_due_index",
        "notifications",
        ["due_at", "notification_id"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "notifications_unsent_due_index",
        "notifications",
        ["due_at", "notification_id"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL AND state <> 'SENT'"),
    )


def downgrade() -> None:
    op.drop_index("notifications_unsent_due_index", "notifications")
    op.drop_index("notifications_due_index", "notifications")
    op.drop_column("notifications", "due_at")
