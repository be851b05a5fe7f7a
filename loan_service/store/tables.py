"""Tables of the loan context; the constraints say once more what the domain says."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

from chassis import db, jobs
from loan_service.domain import EventKind, LoanType, Right, Status

METADATA = db.metadata()
_MONEY = Numeric(14, 2)
_TIME = DateTime(timezone=True)
_STATUSES = ", ".join(f"'{status}'" for status in Status)
_FINAL = ", ".join(f"'{status}'" for status in Status if status.is_final)
_TYPES = ", ".join(f"'{loan_type}'" for loan_type in LoanType)
_KINDS = ", ".join(f"'{kind}'" for kind in EventKind)
_ASSIGNING = ", ".join(f"'{kind}'" for kind in EventKind if kind.assigns)
_RIGHTS = ", ".join(f"'{right}'" for right in Right)


class Xid8(UserDefinedType[int]):
    """A transaction's id that never wraps around."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in SQL."""
        return "xid8"


ischema_names["xid8"] = Xid8  # so that Alembic recognises the column when it compares

LOANS = Table(
    "loans",
    METADATA,
    Column("loan_id", Uuid, primary_key=True),
    Column("customer_name", Text, nullable=False),
    Column("customer_phone", Text, nullable=False),
    Column("loan_amount", _MONEY, nullable=False),
    Column("currency_code", Text, nullable=False),
    Column("loan_type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("updated_at", _TIME, nullable=False),
    Column("decided_at", _TIME),
    Column("assigned_agent_id", Integer),
    Column("review_step_number", Integer, nullable=False, server_default="0"),
    Column("reason_codes", ARRAY(Text), nullable=False, server_default="{}"),
    Column("event_hash", LargeBinary, nullable=False),
    Column("salt", LargeBinary),
    CheckConstraint("char_length(customer_name) BETWEEN 1 AND 200", name="customer_name"),
    CheckConstraint("customer_phone ~ '^([+][1-9][0-9]{2,14}|erased:[0-9a-f]{32})$'", name="customer_phone"),
    CheckConstraint("loan_amount BETWEEN 0.01 AND 10000000", name="loan_amount"),  # NaN would pass a mere > 0
    CheckConstraint("currency_code ~ '^[A-Z]{3}$'", name="currency_code"),
    CheckConstraint(f"loan_type IN ({_TYPES})", name="loan_type"),
    CheckConstraint(f"status IN ({_STATUSES})", name="status"),
    CheckConstraint(f"(decided_at IS NOT NULL) = (status IN ({_FINAL}))", name="decided"),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("review_step_number >= CASE WHEN assigned_agent_id IS NULL THEN 0 ELSE 1 END", name="review_step"),
    CheckConstraint("octet_length(event_hash) = 32", name="event_hash"),
    CheckConstraint("octet_length(salt) = 16", name="salt"),
    Index("loans_status_index", "status", "loan_id"),
    Index("loans_customer_phone_index", "customer_phone", "loan_id"),
    Index("loans_agent_index", "assigned_agent_id", "loan_id", postgresql_where=text("assigned_agent_id IS NOT NULL")),
    Index("loans_under_review_index", "created_at", postgresql_where=text("status = 'UNDER_REVIEW'")),
    postgresql_with={"fillfactor": "80"},
)

LOAN_EVENTS = Table(
    "loan_events",
    METADATA,
    Column("loan_id", Uuid, ForeignKey("loans.loan_id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("transaction", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("kind", Text, nullable=False),
    Column("from_status", Text),
    Column("to_status", Text, nullable=False),
    Column("occurred_at", _TIME, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason_codes", ARRAY(Text), nullable=False, server_default="{}"),
    Column("comment", Text, nullable=False, server_default=""),
    Column("assigned_agent_id", Integer),
    Column("actor_right", Text),
    Column("on_behalf_of_agent_id", Integer),
    Column("approval_limit", _MONEY),
    Column("customer_exposure", Numeric(18, 2)),
    Column("subject", Text, nullable=False, server_default=""),
    Column("personal_digest", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
    CheckConstraint("(version = 1) = (from_status IS NULL)", name="first"),
    CheckConstraint(f"to_status IN ({_STATUSES})", name="to_status"),
    CheckConstraint(f"from_status NOT IN ({_FINAL}) OR kind = 'ERASED'", name="from_status"),
    CheckConstraint(f"kind <> 'ERASED' OR (from_status = to_status AND to_status IN ({_FINAL}))", name="erased"),
    CheckConstraint(f"(kind IN ({_ASSIGNING})) = (assigned_agent_id IS NOT NULL)", name="assigned"),
    CheckConstraint(f"actor_right IN ({_RIGHTS})", name="actor_right"),
    CheckConstraint("actor_right IS NULL OR starts_with(actor, 'agent:')", name="actor"),
    CheckConstraint("approval_limit BETWEEN 0 AND 99999999.99", name="approval_limit"),
    CheckConstraint("customer_exposure BETWEEN 0 AND 9999999999999999.99", name="customer_exposure"),
    CheckConstraint("octet_length(personal_digest) IN (0, 32)", name="personal_digest"),
    CheckConstraint("octet_length(hash) = 32", name="hash"),
    Index("loan_events_watch_index", "transaction", "loan_id", "version"),
)

STATUS_COUNTS = Table(
    "status_counts",
    METADATA,
    Column("shard", SmallInteger, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    CheckConstraint(f"status IN ({_STATUSES})", name="status"),
    postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "1000"},
)

CUSTOMER_TOTALS = Table(
    "customer_totals",
    METADATA,
    Column("customer_phone", Text, primary_key=True),
    Column("customer_name", Text, nullable=False),
    Column("approved_loan_count", Integer, nullable=False),
    Column("total_approved_amount", Numeric(20, 2), nullable=False),
    CheckConstraint("approved_loan_count >= 1", name="approved_loan_count"),
    Index(
        "customer_totals_top_index",
        text("approved_loan_count DESC"),
        text("total_approved_amount DESC"),
        "customer_phone",
    ),
)

IDEMPOTENCY_KEYS = Table(
    "idempotency_keys",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("loan_id", Uuid, nullable=False),
    Column("created_at", _TIME, nullable=False, server_default=text("now()")),
    Index("idempotency_keys_age_index", "created_at"),
)

JOBS = jobs.table(METADATA)
