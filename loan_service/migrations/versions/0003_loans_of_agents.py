"""Find the loans of an agent.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index(
        "loans_agent_index",
        "loans",
        ["assigned_agent_id", "loan_id"],
        postgresql_where=sa.text("assigned_agent_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("loans_agent_index", "loans")
