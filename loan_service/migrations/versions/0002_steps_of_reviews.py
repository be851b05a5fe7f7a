"""Histories hold the steps of reviews, and by which right and within which limits people took them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS_BEFORE = (
    "'SUBMITTED', 'ASSESSMENT_STARTED', 'ASSESSMENT_INTERRUPTED', 'REFERRED', "
    "'ASSIGNED', 'DECIDED', 'WITHDRAWN', 'EXPIRED'"
)
KINDS = f"{KINDS_BEFORE}, 'RECOMMENDED', 'FIRST_APPROVED', 'ESCALATED', 'COVERED', 'REASSIGNED', 'UNASSIGNED'"


def upgrade() -> None:
    _upgrade_loans()
    _upgrade_loan_events()


def downgrade() -> None:
    _downgrade_loan_events()
    _downgrade_loans()


def _upgrade_loans() -> None:
    # The number of the last assignment becomes that of the last step: the review service numbers its steps from there.
    op.drop_constraint(op.f("loans_assignment_check"), "loans")
    op.alter_column("loans", "assignment_number", new_column_name="review_step_number")
    op.create_check_constraint(
        op.f("loans_review_step_check"),
        "loans",
        "review_step_number >= CASE WHEN assigned_agent_id IS NULL THEN 0 ELSE 1 END",
    )


def _downgrade_loans() -> None:
    op.drop_constraint(op.f("loans_review_step_check"), "loans")
    op.alter_column("loans", "review_step_number", new_column_name="assignment_number")
    op.execute("UPDATE loans SET assignment_number = 0 WHERE assigned_agent_id IS NULL AND assignment_number > 0")
    op.create_check_constraint(
        op.f("loans_assignment_check"), "loans", "(assigned_agent_id IS NULL) = (assignment_number = 0)"
    )


def _upgrade_loan_events() -> None:
    op.add_column("loan_events", sa.Column("actor_right", sa.Text(), nullable=True))
    op.add_column("loan_events", sa.Column("on_behalf_of_agent_id", sa.Integer(), nullable=True))
    op.add_column("loan_events", sa.Column("approval_limit", sa.Numeric(precision=14, scale=2), nullable=True))
    op.add_column("loan_events", sa.Column("customer_exposure", sa.Numeric(precision=18, scale=2), nullable=True))
    _check_anew("kind", f"kind IN ({KINDS})")
    _check_anew(
        "assigned",
        "(kind IN ('ASSIGNED', 'ESCALATED', 'COVERED', 'REASSIGNED')) = (assigned_agent_id IS NOT NULL)",
    )
    op.create_check_constraint(
        op.f("loan_events_actor_right_check"),
        "loan_events",
        "actor_right IN ('RIGHT_OF_ASSIGNEE', 'RIGHT_OF_MANAGER', 'RIGHT_OF_SUBSTITUTE')",
    )
    op.create_check_constraint(
        op.f("loan_events_actor_check"), "loan_events", "actor_right IS NULL OR starts_with(actor, 'agent:')"
    )
    op.create_check_constraint(
        op.f("loan_events_approval_limit_check"), "loan_events", "approval_limit BETWEEN 0 AND 99999999.99"
    )
    op.create_check_constraint(
        op.f("loan_events_customer_exposure_check"),
        "loan_events",
        "customer_exposure BETWEEN 0 AND 9999999999999999.99",
    )


def _downgrade_loan_events() -> None:
    for name in ("actor_right", "actor", "approval_limit", "customer_exposure", "kind", "assigned"):
        op.drop_constraint(op.f(f"loan_events_{name}_check"), "loan_events")
    # What was not known before is told as an assignment, to the agent who had the review: no history gets a hole.
    op.execute("""
        UPDATE loan_events SET kind = 'ASSIGNED', assigned_agent_id = coalesce(
            assigned_agent_id,
            (SELECT earlier.assigned_agent_id FROM loan_events AS earlier
             WHERE earlier.loan_id = loan_events.loan_id AND earlier.version < loan_events.version
                 AND earlier.assigned_agent_id IS NOT NULL
             ORDER BY earlier.version DESC LIMIT 1),
            CAST(substring(actor FROM '^agent:([0-9]+)$') AS int)
        )
        WHERE kind IN ('RECOMMENDED', 'FIRST_APPROVED', 'ESCALATED', 'COVERED', 'REASSIGNED', 'UNASSIGNED')
    """)
    op.create_check_constraint(op.f("loan_events_kind_check"), "loan_events", f"kind IN ({KINDS_BEFORE})")
    op.create_check_constraint(
        op.f("loan_events_assigned_check"), "loan_events", "(kind = 'ASSIGNED') = (assigned_agent_id IS NOT NULL)"
    )
    for name in ("customer_exposure", "approval_limit", "on_behalf_of_agent_id", "actor_right"):
        op.drop_column("loan_events", name)


def _check_anew(name: str, condition: str) -> None:
    """Replace a check of the events."""
    op.drop_constraint(op.f(f"loan_events_{name}_check"), "loan_events")
    op.create_check_constraint(op.f(f"loan_events_{name}_check"), "loan_events", condition)
