"""A pseudonym may stand for a customer.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _check_phone("^([+][1-9][0-9]{2,14}|erased:[0-9a-f]{32})$")


def downgrade() -> None:
    """Refuse while somebody is erased: what was forgotten cannot be had back."""
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM reviews WHERE customer_phone LIKE 'erased:%')")):
        raise RuntimeError("customers were erased, which the version before has no place for")
    _check_phone("^[+][1-9][0-9]{2,14}$")


def _check_phone(pattern: str) -> None:
    op.drop_constraint(op.f("reviews_customer_phone_check"), "reviews", type_="check")
    op.create_check_constraint(op.f("reviews_customer_phone_check"), "reviews", f"customer_phone ~ '{pattern}'")
