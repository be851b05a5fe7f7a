"""The first tables: loans with their events, counters, idempotency keys and jobs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FINAL = "('APPROVED_BY_SYSTEM', 'REJECTED_BY_SYSTEM', 'APPROVED_BY_AGENT', 'REJECTED_BY_AGENT', 'WITHDRAWN', 'EXPIRED')"
STATUSES = (
    "('APPLIED', 'PROCESSING', 'UNDER_REVIEW', 'APPROVED_BY_SYSTEM', 'REJECTED_BY_SYSTEM', "
    "'APPROVED_BY_AGENT', 'REJECTED_BY_AGENT', 'WITHDRAWN', 'EXPIRED')"
)
KINDS = (
    "('SUBMITTED', 'ASSESSMENT_STARTED', 'ASSESSMENT_INTERRUPTED', 'REFERRED', "
    "'ASSIGNED', 'DECIDED', 'WITHDRAWN', 'EXPIRED')"
)


def upgrade() -> None:
    _create_customer_totals()
    _create_idempotency_keys()
    _create_jobs()
    _create_loans()
    _create_status_counts()
    _create_loan_events()


def downgrade() -> None:
    for table in ("loan_events", "status_counts", "loans", "jobs", "idempotency_keys", "customer_totals"):
        op.drop_table(table)


def _create_customer_totals() -> None:
    op.create_table(
        "customer_totals",
        sa.Column("customer_phone", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=False),
        sa.Column("approved_loan_count", sa.Integer(), nullable=False),
        sa.Column("total_approved_amount", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.CheckConstraint("approved_loan_count >= 1", name=op.f("customer_totals_approved_loan_count_check")),
        sa.PrimaryKeyConstraint("customer_phone", name=op.f("customer_totals_pkey")),
    )
    op.create_index(
        "customer_totals_top_index",
        "customer_totals",
        [
            sa.literal_column("approved_loan_count DESC"),
            sa.literal_column("total_approved_amount DESC"),
            "customer_phone",
        ],
        unique=False,
    )


def _create_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("loan_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("idempotency_keys_pkey")),
    )
    op.create_index("idempotency_keys_age_index", "idempotency_keys", ["created_at"], unique=False)


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


def _create_loans() -> None:
    op.create_table(
        "loans",
        sa.Column("loan_id", sa.Uuid(), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=False),
        sa.Column("customer_phone", sa.Text(), nullable=False),
        sa.Column("loan_amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("currency_code", sa.Text(), nullable=False),
        sa.Column("loan_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_agent_id", sa.Integer(), nullable=True),
        sa.Column("assignment_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason_codes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint(f"(decided_at IS NOT NULL) = (status IN {FINAL})", name=op.f("loans_decided_check")),
        sa.CheckConstraint("currency_code ~ '^[A-Z]{3}$'", name=op.f("loans_currency_code_check")),
        sa.CheckConstraint("customer_phone ~ '^[+][1-9][0-9]{2,14}$'", name=op.f("loans_customer_phone_check")),
        sa.CheckConstraint("loan_type IN ('PERSONAL', 'HOME', 'AUTO', 'BUSINESS')", name=op.f("loans_loan_type_check")),
        sa.CheckConstraint(f"status IN {STATUSES}", name=op.f("loans_status_check")),
        sa.CheckConstraint(
            "(assigned_agent_id IS NULL) = (assignment_number = 0)", name=op.f("loans_assignment_check")
        ),
        sa.CheckConstraint("char_length(customer_name) BETWEEN 1 AND 200", name=op.f("loans_customer_name_check")),
        sa.CheckConstraint("loan_amount BETWEEN 0.01 AND 10000000", name=op.f("loans_loan_amount_check")),
        sa.CheckConstraint("version >= 1", name=op.f("loans_version_check")),
        sa.PrimaryKeyConstraint("loan_id", name=op.f("loans_pkey")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("loans_customer_phone_index", "loans", ["customer_phone", "loan_id"], unique=False)
    op.create_index("loans_status_index", "loans", ["status", "loan_id"], unique=False)
    op.create_index(
        "loans_under_review_index",
        "loans",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("status = 'UNDER_REVIEW'"),
    )


def _create_status_counts() -> None:
    op.create_table(
        "status_counts",
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"status IN {STATUSES}", name=op.f("status_counts_status_check")),
        sa.PrimaryKeyConstraint("shard", "status", name=op.f("status_counts_pkey")),
        postgresql_with={
            "fillfactor": "50",
            "autovacuum_vacuum_scale_factor": "0",
            "autovacuum_vacuum_threshold": "1000",
        },
    )


def _create_loan_events() -> None:
    op.create_table(
        "loan_events",
        sa.Column("loan_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason_codes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("assigned_agent_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'ASSIGNED') = (assigned_agent_id IS NOT NULL)", name=op.f("loan_events_assigned_check")
        ),
        sa.CheckConstraint(f"from_status NOT IN {FINAL}", name=op.f("loan_events_from_status_check")),
        sa.CheckConstraint(f"kind IN {KINDS}", name=op.f("loan_events_kind_check")),
        sa.CheckConstraint(f"to_status IN {STATUSES}", name=op.f("loan_events_to_status_check")),
        sa.CheckConstraint("(version = 1) = (from_status IS NULL)", name=op.f("loan_events_first_check")),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.loan_id"], name=op.f("loan_events_loan_id_fkey")),
        sa.PrimaryKeyConstraint("loan_id", "version", name=op.f("loan_events_pkey")),
    )
    # A transaction's id that never wraps around: a type that SQLAlchemy does not know.
    op.execute("ALTER TABLE loan_events ADD COLUMN transaction xid8 NOT NULL DEFAULT pg_current_xact_id()")
    op.create_index("loan_events_watch_index", "loan_events", ["transaction", "loan_id", "version"], unique=False)
