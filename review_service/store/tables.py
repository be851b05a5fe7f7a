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
from review_service.domain import GIVING, Choice, Right, State, StepKind

METADATA = db.metadata()

_MONEY = Numeric(14, 2)
_SUM = Numeric(18, 2)
_TIME = DateTime(timezone=True)
_E164 = "'^[+][1-9][0-9]{2,14}$'"
_STATES = ", ".join(f"'{state}'" for state in State)
_CHOICES = ", ".join(f"'{choice}'" for choice in Choice)
_RIGHTS = ", ".join(f"'{right}'" for right in Right)
_KINDS = ", ".join(f"'{kind}'" for kind in StepKind)
_GIVING = ", ".join(f"'{kind}'" for kind in StepKind if kind in GIVING)
_APPLICATION = (
    "customer_name, customer_phone, loan_amount, currency_code, loan_type, reason_codes, customer_exposure, opened_at"
)
_DECISION = "decision, decided_by_agent_id, decision_reason_codes, decision_comment, decision_right, decided_at"

AGENTS = Table(
    "agents",
    METADATA,
    Column("agent_id", Integer, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("manager_id", Integer, ForeignKey("agents.agent_id")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("is_available", Boolean, nullable=False),
    Column("max_open_reviews", Integer),
    Column("loan_types", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("open_review_count", Integer, nullable=False, server_default="0"),
    Column("last_assigned_at", _TIME),
    Column("created_at", _TIME, nullable=False, server_default=text("now()")),
    Column("updated_at", _TIME, nullable=False, server_default=text("now()")),
    UniqueConstraint("email"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name"),
    CheckConstraint("email = lower(email) AND char_length(email) BETWEEN 3 AND 254", name="email"),
    CheckConstraint(f"phone ~ {_E164}", name="phone"),
    CheckConstraint("manager_id <> agent_id", name="manager"),
    CheckConstraint("max_open_reviews BETWEEN 0 AND 10000", name="max_open_reviews"),
    CheckConstraint("open_review_count >= 0", name="open_review_count"),
    # The counts change all the time and are in no index: room on the page keeps those updates heap-only.
    postgresql_with={"fillfactor": "50"},
)

# A limit holds from its own time until the next one of the same agent and type; none is ever changed.
APPROVAL_LIMITS = Table(
    "approval_limits",
    METADATA,
    Column("limit_id", Integer, Identity(), primary_key=True),
    Column("agent_id", Integer, ForeignKey("agents.agent_id"), nullable=False),
    Column("loan_type", Text),
    Column("amount", _MONEY),
    Column("valid_from", _TIME, nullable=False),
    Column("created_at", _TIME, nullable=False, server_default=text("now()")),
    UniqueConstraint("agent_id", "loan_type", "valid_from", postgresql_nulls_not_distinct=True),
    CheckConstraint("amount BETWEEN 0.01 AND 99999999.99", name="amount"),  # NaN would pass a mere > 0
)

# A cover that was taken back before it began is an empty time.
COVERS = Table(
    "covers",
    METADATA,
    Column("cover_id", Integer, Identity(), primary_key=True),
    Column("agent_id", Integer, ForeignKey("agents.agent_id"), nullable=False),
    Column("substitute_id", Integer, ForeignKey("agents.agent_id"), nullable=False),
    Column("starts_at", _TIME, nullable=False),
    Column("ends_at", _TIME, nullable=False),
    Column("created_at", _TIME, nullable=False, server_default=text("now()")),
    CheckConstraint("ends_at >= starts_at", name="times"),
    CheckConstraint("agent_id <> substitute_id", name="two_agents"),
    Index("covers_agent_index", "agent_id", "starts_at"),
    Index("covers_end_index", "ends_at"),
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
    Column("customer_exposure", _SUM),
    Column("opened_at", _TIME),
    Column("due_at", _TIME),
    Column("at_top", Boolean, nullable=False, server_default=text("false")),
    Column("escalation_count", Integer, nullable=False, server_default="0"),
    Column("step_number", Integer, nullable=False, server_default="0"),
    Column("assigned_agent_id", Integer, ForeignKey("agents.agent_id")),
    Column("on_behalf_of_agent_id", Integer, ForeignKey("agents.agent_id")),
    Column("assignment_number", Integer, nullable=False, server_default="0"),
    Column("assigned_at", _TIME),
    Column("first_approved_by_agent_id", Integer, ForeignKey("agents.agent_id")),
    Column("decision", Text),
    Column("decided_by_agent_id", Integer, ForeignKey("agents.agent_id")),
    Column("decision_reason_codes", ARRAY(Text)),
    Column("decision_comment", Text),
    Column("decision_right", Text),
    Column("decision_on_behalf_of_agent_id", Integer, ForeignKey("agents.agent_id")),
    Column("decision_limit", _MONEY),
    Column("decision_exposure", _SUM),
    Column("decision_subject", Text, nullable=False, server_default=""),
    Column("decided_at", _TIME),
    Column("cancelled_at", _TIME),
    CheckConstraint(f"state IN ({_STATES})", name="state"),
    CheckConstraint(
        f"num_nulls({_APPLICATION}) = 0 OR (num_nonnulls({_APPLICATION}) = 0 AND state = 'CANCELLED')",
        name="application",
    ),
    CheckConstraint("char_length(customer_name) BETWEEN 1 AND 200", name="customer_name"),
    CheckConstraint("customer_phone ~ '^([+][1-9][0-9]{2,14}|erased:[0-9a-f]{32})$'", name="customer_phone"),
    CheckConstraint("loan_amount BETWEEN 0.01 AND 99999999.99", name="loan_amount"),
    CheckConstraint("currency_code ~ '^[A-Z]{3}$'", name="currency_code"),
    CheckConstraint("customer_exposure BETWEEN 0 AND 9999999999999999.99", name="customer_exposure"),
    CheckConstraint("state <> 'OPEN' OR due_at IS NOT NULL", name="due"),
    # A review that was taken from an agent who left has been assigned before and waits again.
    CheckConstraint(
        "num_nulls(assigned_agent_id, assigned_at) IN (0, 2) AND (assigned_agent_id IS NULL OR assignment_number > 0)",
        name="assignment",
    ),
    CheckConstraint(
        "on_behalf_of_agent_id IS NULL "
        "OR (assigned_agent_id IS NOT NULL AND assigned_agent_id <> on_behalf_of_agent_id)",
        name="on_behalf_of",
    ),
    CheckConstraint("assignment_number = 0 OR opened_at IS NOT NULL", name="assigned_after_opened"),
    CheckConstraint("step_number >= assignment_number AND escalation_count >= 0", name="numbers"),
    CheckConstraint(f"num_nulls({_DECISION}) IN (0, 6)", name="whole_decision"),
    CheckConstraint(f"decision IN ({_CHOICES})", name="decision"),
    CheckConstraint(f"decision_right IN ({_RIGHTS})", name="decision_right"),
    CheckConstraint(
        "(decision_right = 'RIGHT_OF_SUBSTITUTE') = (decision_on_behalf_of_agent_id IS NOT NULL)",
        name="decision_on_behalf_of",
    ),
    CheckConstraint(
        "decision = 'APPROVE' OR num_nonnulls(decision_limit, decision_exposure) = 0", name="decision_limit"
    ),
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
    Index(
        "reviews_due_index",
        "due_at",
        postgresql_where=text("state = 'OPEN' AND assigned_agent_id IS NOT NULL AND NOT at_top"),
    ),
    postgresql_with={"fillfactor": "80"},
)

# The review's own log, in order; the decision that ends it is in the review.
REVIEW_STEPS = Table(
    "review_steps",
    METADATA,
    Column("loan_id", Uuid, ForeignKey("reviews.loan_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("occurred_at", _TIME, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason_codes", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("comment", Text, nullable=False, server_default=""),
    Column("assigned_agent_id", Integer, ForeignKey("agents.agent_id")),
    Column("step_right", Text),
    Column("on_behalf_of_agent_id", Integer, ForeignKey("agents.agent_id")),
    Column("approval_limit", _MONEY),
    Column("customer_exposure", _SUM),
    Column("subject", Text, nullable=False, server_default=""),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
    CheckConstraint("actor ~ '^(system|agent:[1-9][0-9]{0,9})$'", name="actor"),
    CheckConstraint(f"(kind IN ({_GIVING})) = (assigned_agent_id IS NOT NULL)", name="assigned"),
    CheckConstraint(f"step_right IN ({_RIGHTS})", name="step_right"),
    CheckConstraint("(actor = 'system') = (step_right IS NULL)", name="right_of_actor"),
)

JOBS = jobs.table(METADATA)

MISSING_TABLES = text("""
SELECT name FROM unnest(CAST(:names AS text[])) AS declared (name) WHERE to_regclass(quote_ident(name)) IS NULL
""")


def find_missing_tables(tx: Connection) -> list[str]:
    """The declared tables that the database does not have: it is not migrated yet."""
    return list(tx.scalars(MISSING_TABLES, {"names": sorted(METADATA.tables)}))
