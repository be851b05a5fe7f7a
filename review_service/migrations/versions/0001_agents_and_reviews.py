"""Agents, reviews, recommendations and jobs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_agents()
    _create_reviews()
    _create_recommendations()
    _create_jobs()


def downgrade() -> None:
    op.drop_table("jobs")
    op.drop_table("recommendations")
    op.drop_table("reviews")
    op.drop_table("agents")


def _create_agents() -> None:
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("manager_id", sa.Integer(), nullable=True),
        sa.Column("is_available", sa.Boolean(), nullable=False),
        sa.Column("approval_limit", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("open_review_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("phone ~ '^[+][1-9][0-9]{2,14}$'", name=op.f("agents_phone_check")),
        sa.CheckConstraint("approval_limit BETWEEN 0.01 AND 99999999.99", name=op.f("agents_approval_limit_check")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 200", name=op.f("agents_name_check")),
        sa.CheckConstraint(
            "email = lower(email) AND char_length(email) BETWEEN 3 AND 254", name=op.f("agents_email_check")
        ),
        sa.CheckConstraint("manager_id <> agent_id", name=op.f("agents_manager_check")),
        sa.CheckConstraint("open_review_count >= 0", name=op.f("agents_open_review_count_check")),
        sa.ForeignKeyConstraint(["manager_id"], ["agents.agent_id"], name=op.f("agents_manager_id_fkey")),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("agents_pkey")),
        sa.UniqueConstraint("email", name=op.f("agents_email_key")),
        postgresql_with={"fillfactor": "50"},
    )


def _create_reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("loan_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=True),
        sa.Column("customer_phone", sa.Text(), nullable=True),
        sa.Column("loan_amount", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("currency_code", sa.Text(), nullable=True),
        sa.Column("loan_type", sa.Text(), nullable=True),
        sa.Column("reason_codes", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_agent_id", sa.Integer(), nullable=True),
        sa.Column("assignment_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_by_agent_id", sa.Integer(), nullable=True),
        sa.Column("decision_reason_codes", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("decision_comment", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        *_review_checks(),
        sa.ForeignKeyConstraint(
            ["assigned_agent_id"], ["agents.agent_id"], name=op.f("reviews_assigned_agent_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_agent_id"], ["agents.agent_id"], name=op.f("reviews_decided_by_agent_id_fkey")
        ),
        sa.PrimaryKeyConstraint("loan_id", name=op.f("reviews_pkey")),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "reviews_queue_index",
        "reviews",
        ["assigned_agent_id", "opened_at", "loan_id"],
        unique=False,
        postgresql_where=sa.text("state = 'OPEN' AND assigned_agent_id IS NOT NULL"),
    )
    op.create_index(
        "reviews_waiting_index",
        "reviews",
        ["opened_at", "loan_id"],
        unique=False,
        postgresql_where=sa.text("state = 'OPEN' AND assigned_agent_id IS NULL"),
    )


def _review_checks() -> list[sa.CheckConstraint]:
    application = "customer_name, customer_phone, loan_amount, currency_code, loan_type, reason_codes, opened_at"
    return [
        sa.CheckConstraint("(state = 'CANCELLED') = (cancelled_at IS NOT NULL)", name=op.f("reviews_cancelled_check")),
        sa.CheckConstraint(
            "CASE state WHEN 'OPEN' THEN decision IS NULL WHEN 'DECIDED' THEN decision IS NOT NULL ELSE TRUE END",
            name=op.f("reviews_decided_check"),
        ),
        sa.CheckConstraint("currency_code ~ '^[A-Z]{3}$'", name=op.f("reviews_currency_code_check")),
        sa.CheckConstraint("customer_phone ~ '^[+][1-9][0-9]{2,14}$'", name=op.f("reviews_customer_phone_check")),
        sa.CheckConstraint("decision IN ('APPROVE', 'REJECT')", name=op.f("reviews_decision_check")),
        sa.CheckConstraint(
            f"num_nulls({application}) = 0 OR (num_nonnulls({application}) = 0 AND state = 'CANCELLED')",
            name=op.f("reviews_application_check"),
        ),
        sa.CheckConstraint("state IN ('OPEN', 'DECIDED', 'CANCELLED')", name=op.f("reviews_state_check")),
        sa.CheckConstraint(
            "assignment_number = 0 OR opened_at IS NOT NULL", name=op.f("reviews_assigned_after_opened_check")
        ),
        sa.CheckConstraint("char_length(customer_name) BETWEEN 1 AND 200", name=op.f("reviews_customer_name_check")),
        sa.CheckConstraint("loan_amount BETWEEN 0.01 AND 99999999.99", name=op.f("reviews_loan_amount_check")),
        sa.CheckConstraint(
            "num_nulls(assigned_agent_id, assigned_at) = CASE assignment_number WHEN 0 THEN 2 ELSE 0 END",
            name=op.f("reviews_assignment_check"),
        ),
        sa.CheckConstraint(
            "num_nulls(decision, decided_by_agent_id, decision_reason_codes, decision_comment, decided_at) IN (0, 5)",
            name=op.f("reviews_whole_decision_check"),
        ),
    ]


def _create_recommendations() -> None:
    op.create_table(
        "recommendations",
        sa.Column("loan_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("reason_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("recommended_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.agent_id"], name=op.f("recommendations_agent_id_fkey")),
        sa.ForeignKeyConstraint(["loan_id"], ["reviews.loan_id"], name=op.f("recommendations_loan_id_fkey")),
        sa.PrimaryKeyConstraint("loan_id", "agent_id", name=op.f("recommendations_pkey")),
    )


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
