"""The tables of the review context."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from chassis import db, jobs
from review_service.domain import Choice, State

METADATA = db.metadata()

_MONEY = Numeric(14, 2)
_TIME = DateTime(timezone=True)
_E164 = "'^[+][1-9][0-9]{2,14}$'"
_STATES = ", ".join(f"'{state}'" for state in State)
_CHOICES = ", ".join(f"'{choice}'" for choice in Choice)
_APPLICATION = "customer_name, customer_phone, loan_amount, currency_code, loan_type, reason_codes, opened_at"

AGENTS = Table(
    "agents",
    METADATA,
    Column("agent_id", Integer, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("manager_id", Integer, ForeignKey("agents.agent_id")),
    Column("is_available", Boolean, nullable=False),
    Column("approval_limit", _MONEY),
    Column("open_review_count", Integer, nullable=False, server_default="0"),
    Column("created_at", _TIME, nullable=False, server_default=text("now()")),
    Column("updated_at", _TIME, nullable=False, server_default=text("now()")),
    UniqueConstraint("email"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name"),
    CheckConstraint("email = lower(email) AND char_length(email) BETWEEN 3 AND 254", name="email"),
    CheckConstraint(f"phone ~ {_E164}", name="phone"),
    CheckConstraint("manager_id <> agent_id", name="manager"),
    CheckConstraint("approval_limit BETWEEN 0.01 AND 99999999.99", name="approval_limit"),  # NaN would pass a mere > 0
    CheckConstraint("open_review_count >= 0", name="open_review_count"),
    # The counts change all the time and are in no index: room on the page keeps those updates heap-only.
    postgresql_with={"fillfactor": "50"},
)

# A review that was cancelled before it was opened is a row without an application: it keeps the loan's place taken.
REVIEWS = Table(
    "reviews",
    METADATA,
    Column("loan_id", Uuid, primary_key=True),
    Column("state", Text, nullable=False),
    Column("customer_name", Text),
    Column("customer_phone", Text),
    Column("loan_amount", _MONEY),
    Column("currency_code", Text),
    Column("loan_type", Text),
    Column("reason_codes", ARRAY(Text)),
    Column("opened_at", _TIME),
    Column("assigned_agent_id", Integer, ForeignKey("agents.agent_id")),
    Column("assignment_number", Integer, nullable=False, server_default="0"),
    Column("assigned_at", _TIME),
    Column("decision", Text),
    Column("decided_by_agent_id", Integer, ForeignKey("agents.agent_id")),
    Column("decision_reason_codes", ARRAY(Text)),
    Column("decision_comment", Text),
    Column("decided_at", _TIME),
    Column("cancelled_at", _TIME),
    CheckConstraint(f"state IN ({_STATES})", name="state"),
    CheckConstraint(
        f"num_nulls({_APPLICATION}) = 0 OR (num_nonnulls({_APPLICATION}) = 0 AND state = 'CANCELLED')",
        name="application",
    ),
    CheckConstraint("char_length(customer_name) BETWEEN 1 AND 200", name="customer_name"),
    CheckConstraint(f"customer_phone ~ {_E164}", name="customer_phone"),
    CheckConstraint("loan_amount BETWEEN 0.01 AND 99999999.99", name="loan_amount"),
    CheckConstraint("currency_code ~ '^[A-Z]{3}$'", name="currency_code"),
    CheckConstraint(
        "num_nulls(assigned_agent_id, assigned_at) = CASE assignment_number WHEN 0 THEN 2 ELSE 0 END",
        name="assignment",
    ),
    CheckConstraint("assignment_number = 0 OR opened_at IS NOT NULL", name="assigned_after_opened"),
    CheckConstraint(
        "num_nulls(decision, decided_by_agent_id, decision_reason_codes, decision_comment, decided_at) IN (0, 5)",
        name="whole_decision",
    ),
    CheckConstraint(f"decision IN ({_CHOICES})", name="decision"),
    # A decision that came too late is kept: the review is then cancelled.
    CheckConstraint(
        "CASE state WHEN 'OPEN' THEN decision IS NULL WHEN 'DECIDED' THEN decision IS NOT NULL ELSE TRUE END",
        name="decided",
    ),
    CheckConstraint("(state = 'CANCELLED') = (cancelled_at IS NOT NULL)", name="cancelled"),
    Index(
        "reviews_waiting_index",
        "opened_at",
        "loan_id",
        postgresql_where=text("state = 'OPEN' AND assigned_agent_id IS NULL"),
    ),
    Index(
        "reviews_queue_index",
        "assigned_agent_id",
        "opened_at",
        "loan_id",
        postgresql_where=text("state = 'OPEN' AND assigned_agent_id IS NOT NULL"),
    ),
    postgresql_with={"fillfactor": "80"},
)

RECOMMENDATIONS = Table(
    "recommendations",
    METADATA,
    Column("loan_id", Uuid, ForeignKey("reviews.loan_id"), primary_key=True),
    Column("agent_id", Integer, ForeignKey("agents.agent_id"), primary_key=True),
    Column("reason_codes", ARRAY(Text), nullable=False),
    Column("comment", Text, nullable=False),
    Column("recommended_at", _TIME, nullable=False, server_default=text("now()")),
)

JOBS = jobs.table(METADATA)

MISSING_TABLES = text("""
SELECT name FROM unnest(CAST(:names AS text[])) AS declared (name) WHERE to_regclass(quote_ident(name)) IS NULL
""")


def find_missing_tables(tx: Connection) -> list[str]:
    """The declared tables that the database does not have: it is not migrated yet."""
    return list(tx.scalars(MISSING_TABLES, {"names": sorted(METADATA.tables)}))
