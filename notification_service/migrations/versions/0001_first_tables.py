"""The first tables: notifications with their attempts, and jobs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_jobs()
    _create_notifications()
    _create_delivery_attempts()


def downgrade() -> None:
    for table in ("delivery_attempts", "notifications", "jobs"):
        op.drop_table(table)


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="READY", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("excused", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(state = 'LEASED') = (worker IS NOT NULL AND lease_until IS NOT NULL)", name=op.f("jobs_leased_check")
        ),
        sa.CheckConstraint("state <> 'PARKED' OR last_error IS NOT NULL", name=op.f("jobs_parked_with_reason_check")),
        sa.CheckConstraint("state IN ('READY', 'LEASED', 'PARKED')", name=op.f("jobs_state_check")),
        sa.CheckConstraint("excused BETWEEN 0 AND attempt", name=op.f("jobs_excused_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("jobs_pkey")),
        sa.UniqueConstraint("key", name=op.f("jobs_key_key")),
        postgresql_with={
            "fillfactor": "70",
            "autovacuum_vacuum_scale_factor": "0.01",
            "autovacuum_vacuum_cost_delay": "0",
        },
    )
    op.create_index("jobs_leased_index", "jobs", ["kind"], unique=False, postgresql_where=sa.text("state = 'LEASED'"))
    op.create_index("jobs_parked_index", "jobs", ["kind"], unique=False, postgresql_where=sa.text("state = 'PARKED'"))
    op.create_index(
        "jobs_ready_index", "jobs", ["kind", "run_at"], unique=False, postgresql_where=sa.text("state = 'READY'")
    )


def _create_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("loan_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("attempt_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'SENT') = (sent_at IS NOT NULL)", name=op.f("notifications_sent_check")),
        sa.CheckConstraint(
            "attempt_count >= CASE WHEN state IN ('SENDING', 'SENT') THEN 1 ELSE 0 END",
            name=op.f("notifications_attempt_count_check"),
        ),
        sa.CheckConstraint(
            "channel = 'SMS' AND recipient ~ '^[+][1-9][0-9]{2,14}$'"
            " OR channel = 'PUSH' AND recipient ~ '^agent:[1-9][0-9]{0,9}$'",
            name=op.f("notifications_recipient_check"),
        ),
        sa.CheckConstraint(
            "state <> 'PARKED' OR last_error <> ''", name=op.f("notifications_parked_with_reason_check")
        ),
        sa.CheckConstraint("state IN ('PENDING', 'SENDING', 'SENT', 'PARKED')", name=op.f("notifications_state_check")),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("notifications_pkey")),
        sa.UniqueConstraint("dedupe_key", name=op.f("notifications_dedupe_key_key")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("notifications_loan_index", "notifications", ["loan_id", "notification_id"], unique=False)
    op.create_index("notifications_recipient_index", "notifications", ["recipient", "notification_id"], unique=False)
    op.create_index("notifications_state_index", "notifications", ["state", "notification_id"], unique=False)


def _create_delivery_attempts() -> None:
    op.create_table(
        "delivery_attempts",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("error = '' OR finished_at IS NOT NULL", name=op.f("delivery_attempts_error_check")),
        sa.CheckConstraint("number >= 1", name=op.f("delivery_attempts_number_check")),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notifications.notification_id"], name=op.f("delivery_attempts_notification_id_fkey")
        ),
        sa.PrimaryKeyConstraint("notification_id", "number", name=op.f("delivery_attempts_pkey")),
    )
