"""Find the loans of an agent.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index(
        "loans_agent_index",
        "loans",
        ["assigned_agent_id", "loan_id"],
        postgresql_where=sa.text("assigned_agent_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("loans_agent_index", "loans")
