"""Authority, cover, due times and the steps of reviews.

Recommendations become the first steps of their reviews, and the assignment that stands becomes the step after them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NO_TEXTS = sa.text("'{}'")
OLD_DECISION = "decision, decided_by_agent_id, decision_reason_codes, decision_comment, decided_at"
OLD_APPLICATION = "customer_name, customer_phone, loan_amount, currency_code, loan_type, reason_codes, opened_at"
APPLICATION = (
    "customer_name, customer_phone, loan_amount, currency_code, loan_type, reason_codes, customer_exposure, opened_at"
)
DECISION = "decision, decided_by_agent_id, decision_reason_codes, decision_comment, decision_right, decided_at"
RIGHTS = "'RIGHT_OF_ASSIGNEE', 'RIGHT_OF_MANAGER', 'RIGHT_OF_SUBSTITUTE'"
KINDS = "'ASSIGNED', 'RECOMMENDED', 'FIRST_APPROVED', 'ESCALATED', 'COVERED', 'REASSIGNED', 'UNASSIGNED'"
GIVING = "'ASSIGNED', 'ESCALATED', 'COVERED', 'REASSIGNED'"


def upgrade() -> None:
    _create_approval_limits()
    _create_covers()
    _change_agents()
    _change_reviews()
    _create_review_steps()
    _drop_recommendations()
    _turn_jobs()
    _check_reviews()


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'record_steps'")
    _create_recommendations()
    _restore_reviews()
    op.drop_table("review_steps")
    _restore_agents()
    op.drop_table("covers")
    op.drop_table("approval_limits")


def _create_approval_limits() -> None:
    op.create_table(
        "approval_limits",
        sa.Column("limit_id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("loan_type", sa.Text(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount BETWEEN 0.01 AND 99999999.99", name=op.f("approval_limits_amount_check")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.agent_id"], name=op.f("approval_limits_agent_id_fkey")),
        sa.PrimaryKeyConstraint("limit_id", name=op.f("approval_limits_pkey")),
        sa.UniqueConstraint(
            "agent_id",
            "loan_type",
            "valid_from",
            name=op.f("approval_limits_agent_id_loan_type_valid_from_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.execute(
        "INSERT INTO approval_limits (agent_id, amount, valid_from) "
        "SELECT agent_id, approval_limit, created_at FROM agents WHERE approval_limit IS NOT NULL"
    )


def _create_covers() -> None:
    op.create_table(
        "covers",
        sa.Column("cover_id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("substitute_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("ends_at >= starts_at", name=op.f("covers_times_check")),
        sa.CheckConstraint("agent_id <> substitute_id", name=op.f("covers_two_agents_check")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.agent_id"], name=op.f("covers_agent_id_fkey")),
        sa.ForeignKeyConstraint(["substitute_id"], ["agents.agent_id"], name=op.f("covers_substitute_id_fkey")),
        sa.PrimaryKeyConstraint("cover_id", name=op.f("covers_pkey")),
    )
    op.create_index("covers_agent_index", "covers", ["agent_id", "starts_at"], unique=False)
    op.create_index("covers_end_index", "covers", ["ends_at"], unique=False)


def _change_agents() -> None:
    op.add_column("agents", sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column("agents", sa.Column("max_open_reviews", sa.Integer(), nullable=True))
    op.add_column(
        "agents", sa.Column("loan_types", postgresql.ARRAY(sa.Text()), server_default=NO_TEXTS, nullable=False)
    )
    op.add_column("agents", sa.Column("last_assigned_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("agents_max_open_reviews_check"), "agents", "max_open_reviews BETWEEN 0 AND 10000")
    op.drop_column("agents", "approval_limit")  # and with it its constraint


def _change_reviews() -> None:
    """Add columns; the constraints come last, when old rows keep them."""
    for name in ("on_behalf_of_agent_id", "first_approved_by_agent_id", "decision_on_behalf_of_agent_id"):
        op.add_column("reviews", sa.Column(name, sa.Integer(), nullable=True))
        op.create_foreign_key(op.f(f"reviews_{name}_fkey"), "reviews", "agents", [name], ["agent_id"])
    for column in (
        sa.Column("customer_exposure", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at_top", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("escalation_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("step_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("decision_right", sa.Text(), nullable=True),
        sa.Column("decision_limit", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("decision_exposure", sa.Numeric(precision=18, scale=2), nullable=True),
    ):
        op.add_column("reviews", column)


def _create_review_steps() -> None:
    op.create_table(
        "review_steps",
        sa.Column("loan_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason_codes", postgresql.ARRAY(sa.Text()), server_default=NO_TEXTS, nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("assigned_agent_id", sa.Integer(), nullable=True),
        sa.Column("step_right", sa.Text(), nullable=True),
        sa.Column("on_behalf_of_agent_id", sa.Integer(), nullable=True),
        sa.Column("approval_limit", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("customer_exposure", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.CheckConstraint("number >= 1", name=op.f("review_steps_number_check")),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("review_steps_kind_check")),
        sa.CheckConstraint("actor ~ '^(system|agent:[1-9][0-9]{0,9})$'", name=op.f("review_steps_actor_check")),
        sa.CheckConstraint(
            f"(kind IN ({GIVING})) = (assigned_agent_id IS NOT NULL)", name=op.f("review_steps_assigned_check")
        ),
        sa.CheckConstraint(f"step_right IN ({RIGHTS})", name=op.f("review_steps_step_right_check")),
        sa.CheckConstraint("(actor = 'system') = (step_right IS NULL)", name=op.f("review_steps_right_of_actor_check")),
        sa.ForeignKeyConstraint(
            ["assigned_agent_id"], ["agents.agent_id"], name=op.f("review_steps_assigned_agent_id_fkey")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["reviews.loan_id"], name=op.f("review_steps_loan_id_fkey")),
        sa.ForeignKeyConstraint(
            ["on_behalf_of_agent_id"], ["agents.agent_id"], name=op.f("review_steps_on_behalf_of_agent_id_fkey")
        ),
        sa.PrimaryKeyConstraint("loan_id", "number", name=op.f("review_steps_pkey")),
    )


def _drop_recommendations() -> None:
    """Turn recommendations and the assignments that stand into steps."""
    op.execute("""
        INSERT INTO review_steps (loan_id, number, kind, occurred_at, actor, reason_codes, comment, step_right)
        SELECT loan_id, row_number() OVER (PARTITION BY loan_id ORDER BY recommended_at, agent_id), 'RECOMMENDED',
               recommended_at, 'agent:' || agent_id, reason_codes, comment, 'RIGHT_OF_ASSIGNEE'
        FROM recommendations
    """)
    op.execute("""
        INSERT INTO review_steps (loan_id, number, kind, occurred_at, actor, assigned_agent_id)
        SELECT loan_id, greatest(assignment_number, 1 + (
                   SELECT count(*) FROM recommendations WHERE recommendations.loan_id = reviews.loan_id
               )), 'ASSIGNED', assigned_at, 'system', assigned_agent_id
        FROM reviews WHERE assigned_agent_id IS NOT NULL
    """)
    op.execute("""
        UPDATE reviews
        SET step_number = (
                SELECT coalesce(max(number), 0) FROM review_steps WHERE review_steps.loan_id = reviews.loan_id
            ),
            customer_exposure = loan_amount,
            due_at = CASE state WHEN 'OPEN' THEN now() + interval '1 day' END,
            decision_right = CASE WHEN decision IS NULL THEN NULL
                                  WHEN decided_by_agent_id = assigned_agent_id THEN 'RIGHT_OF_ASSIGNEE'
                                  ELSE 'RIGHT_OF_MANAGER' END
        WHERE opened_at IS NOT NULL
    """)
    op.drop_table("recommendations")


def _turn_jobs() -> None:
    """Have the loan service told of steps where it has not been told of an assignment yet."""
    op.execute("""
        INSERT INTO jobs (kind, key, args)
        SELECT DISTINCT 'record_steps', 'record_steps:' || loan_id || ':' || step_number,
               jsonb_build_object('loan_id', loan_id)
        FROM jobs JOIN reviews ON loan_id = CAST(args ->> 'loan_id' AS uuid)
        WHERE kind = 'record_assignment'
    """)
    op.execute("DELETE FROM jobs WHERE kind = 'record_assignment'")


def _check_reviews() -> None:
    for name in ("application", "assignment", "whole_decision"):
        op.drop_constraint(op.f(f"reviews_{name}_check"), "reviews", type_="check")
    checks = {
        "application": f"num_nulls({APPLICATION}) = 0 OR (num_nonnulls({APPLICATION}) = 0 AND state = 'CANCELLED')",
        "customer_exposure": "customer_exposure BETWEEN 0 AND 9999999999999999.99",
        "due": "state <> 'OPEN' OR due_at IS NOT NULL",
        "assignment": "num_nulls(assigned_agent_id, assigned_at) IN (0, 2) "
        "AND (assigned_agent_id IS NULL OR assignment_number > 0)",
        "on_behalf_of": "on_behalf_of_agent_id IS NULL "
        "OR (assigned_agent_id IS NOT NULL AND assigned_agent_id <> on_behalf_of_agent_id)",
        "numbers": "step_number >= assignment_number AND escalation_count >= 0",
        "whole_decision": f"num_nulls({DECISION}) IN (0, 6)",
        "decision_right": f"decision_right IN ({RIGHTS})",
        "decision_on_behalf_of": "(decision_right = 'RIGHT_OF_SUBSTITUTE') "
        "= (decision_on_behalf_of_agent_id IS NOT NULL)",
        "decision_limit": "decision = 'APPROVE' OR num_nonnulls(decision_limit, decision_exposure) = 0",
    }
    for name, condition in checks.items():
        op.create_check_constraint(op.f(f"reviews_{name}_check"), "reviews", condition)
    op.create_index(
        "reviews_due_index",
        "reviews",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'OPEN' AND assigned_agent_id IS NOT NULL AND NOT at_top"),
    )


def _create_recommendations() -> None:
    """Keep of the steps what there was a table for: the first recommendation of each agent."""
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
    op.execute("""
        INSERT INTO recommendations (loan_id, agent_id, reason_codes, comment, recommended_at)
        SELECT DISTINCT ON (loan_id, actor) loan_id, CAST(substr(actor, 7) AS int), reason_codes, comment, occurred_at
        FROM review_steps WHERE kind = 'RECOMMENDED' ORDER BY loan_id, actor, number
    """)


def _restore_reviews() -> None:
    """Forget what there was no column for. A review that waits again waits as if it had never been assigned."""
    op.drop_index("reviews_due_index", table_name="reviews")
    for name in ("numbers", "due", "customer_exposure", "on_behalf_of", "decision_right", "decision_on_behalf_of"):
        op.drop_constraint(op.f(f"reviews_{name}_check"), "reviews", type_="check")
    for name in ("application", "assignment", "whole_decision", "decision_limit"):
        op.drop_constraint(op.f(f"reviews_{name}_check"), "reviews", type_="check")
    for column in (
        *("on_behalf_of_agent_id", "first_approved_by_agent_id", "decision_on_behalf_of_agent_id"),
        *("customer_exposure", "due_at", "at_top", "escalation_count", "step_number"),
        *("decision_right", "decision_limit", "decision_exposure"),
    ):
        op.drop_column("reviews", column)
    op.execute("UPDATE reviews SET assignment_number = 0 WHERE assigned_agent_id IS NULL")
    checks = {
        "application": f"num_nulls({OLD_APPLICATION}) = 0 "
        f"OR (num_nonnulls({OLD_APPLICATION}) = 0 AND state = 'CANCELLED')",
        "assignment": "num_nulls(assigned_agent_id, assigned_at) = CASE assignment_number WHEN 0 THEN 2 ELSE 0 END",
        "whole_decision": f"num_nulls({OLD_DECISION}) IN (0, 5)",
    }
    for name, condition in checks.items():
        op.create_check_constraint(op.f(f"reviews_{name}_check"), "reviews", condition)


def _restore_agents() -> None:
    """Keep the limit that holds now for all types; an inactive agent becomes one who is not available."""
    op.add_column("agents", sa.Column("approval_limit", sa.Numeric(precision=14, scale=2), nullable=True))
    op.execute("""
        UPDATE agents
        SET is_available = is_available AND is_active,
            approval_limit = (
                SELECT amount FROM approval_limits
                WHERE approval_limits.agent_id = agents.agent_id AND loan_type IS NULL AND valid_from <= now()
                ORDER BY valid_from DESC LIMIT 1
            )
    """)
    op.create_check_constraint(
        op.f("agents_approval_limit_check"), "agents", "approval_limit BETWEEN 0.01 AND 99999999.99"
    )
    op.drop_constraint(op.f("agents_max_open_reviews_check"), "agents", type_="check")
    for column in ("is_active", "max_open_reviews", "loan_types", "last_assigned_at"):
        op.drop_column("agents", column)
