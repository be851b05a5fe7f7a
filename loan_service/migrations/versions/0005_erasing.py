"""A pseudonym may stand for a customer."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FINAL = "'APPROVED_BY_SYSTEM', 'REJECTED_BY_SYSTEM', 'APPROVED_BY_AGENT', 'REJECTED_BY_AGENT', 'WITHDRAWN', 'EXPIRED'"
PHONE_BEFORE = "^[+][1-9][0-9]{2,14}$"
PHONE = "^([+][1-9][0-9]{2,14}|erased:[0-9a-f]{32})$"


def upgrade() -> None:
    _check_anew("loans", "customer_phone", f"customer_phone ~ '{PHONE}'")
    op.create_check_constraint(
        op.f("loan_events_erased_check"),
        "loan_events",
        f"kind <> 'ERASED' OR (from_status = to_status AND to_status IN ({FINAL}))",
    )


def downgrade() -> None:
    """Refuse while somebody is erased: what was forgotten cannot be had back, nor be said in the words of before."""
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM loan_events WHERE kind = 'ERASED')")):
        raise RuntimeError("customers were erased, which the version before has no words for")
    op.drop_constraint(op.f("loan_events_erased_check"), "loan_events")
    _check_anew("loans", "customer_phone", f"customer_phone ~ '{PHONE_BEFORE}'")


def _check_anew(table: str, name: str, condition: str) -> None:
    """Replace a check."""
    op.drop_constraint(op.f(f"{table}_{name}_check"), table)
    op.create_check_constraint(op.f(f"{table}_{name}_check"), table, condition)
