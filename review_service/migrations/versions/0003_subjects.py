"""Who acted, by their token.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("review_steps", sa.Column("subject", sa.Text(), server_default="", nullable=False))
    op.add_column("reviews", sa.Column("decision_subject", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("reviews", "decision_subject")
    op.drop_column("review_steps", "subject")
