"""Each event is sealed by a hash over itself and the event before it, and events are only ever added."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FINAL = "('APPROVED_BY_SYSTEM', 'REJECTED_BY_SYSTEM', 'APPROVED_BY_AGENT', 'REJECTED_BY_AGENT', 'WITHDRAWN', 'EXPIRED')"
KINDS_BEFORE = (
    "'SUBMITTED', 'ASSESSMENT_STARTED', 'ASSESSMENT_INTERRUPTED', 'REFERRED', "
    "'ASSIGNED', 'DECIDED', 'WITHDRAWN', 'EXPIRED', "
    "'RECOMMENDED', 'FIRST_APPROVED', 'ESCALATED', 'COVERED', 'REASSIGNED', 'UNASSIGNED'"
)
BATCH = 1000
"""How many loans are sealed by one statement."""

# The form of an event (see the domain's chain), for rows that no service writes: those that are there already, and
# those that are made in bulk.
CHAIN_FIELD = """
CREATE FUNCTION chain_field(value text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN coalesce(octet_length(value) || ':' || value || ',', '-,')
"""
CHAIN_START = """
CREATE FUNCTION chain_start(loan_id uuid) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN sha256('\\x01'::bytea || uuid_send(loan_id))
"""
PERSONAL_DIGEST = """
CREATE FUNCTION personal_digest(event loan_events, loan loans) RETURNS bytea LANGUAGE sql STABLE
RETURN CASE
    WHEN event.version > 1 AND event.comment = '' AND (event.actor <> 'customer' OR event.subject = '') THEN ''::bytea
    ELSE sha256(loan.salt || convert_to(
        CASE WHEN event.version = 1 THEN chain_field(loan.customer_name) || chain_field(loan.customer_phone) ELSE '' END
        || chain_field(event.comment)
        || chain_field(CASE WHEN event.actor = 'customer' THEN event.subject ELSE '' END), 'UTF8'))
END
"""
EVENT_HASH = """
CREATE FUNCTION event_hash(previous bytea, event loan_events, loan loans) RETURNS bytea LANGUAGE sql STABLE
RETURN sha256('\\x01'::bytea || previous || convert_to(
    chain_field(event.loan_id::text) || chain_field(event.version::text) || chain_field(event.kind)
    || chain_field(event.from_status) || chain_field(event.to_status) || chain_field(event.actor)
    || chain_field(CASE WHEN event.actor <> 'customer' THEN event.subject END)
    || chain_field((SELECT coalesce(string_agg(chain_field(code), '' ORDER BY place), '')
                    FROM unnest(event.reason_codes) WITH ORDINALITY AS reason (code, place)))
    || chain_field(event.assigned_agent_id::text) || chain_field(event.actor_right)
    || chain_field(event.on_behalf_of_agent_id::text) || chain_field(event.approval_limit::text)
    || chain_field(event.customer_exposure::text) || chain_field(encode(event.personal_digest, 'hex'))
    || CASE WHEN event.version = 1
            THEN chain_field(loan.loan_amount::text) || chain_field(loan.currency_code) || chain_field(loan.loan_type)
            ELSE '' END, 'UTF8')
    || int8send(CAST(extract(epoch FROM event.occurred_at) * 1000000 AS bigint)))
"""

SALT = "UPDATE loans SET salt = uuid_send(gen_random_uuid()) WHERE loan_id BETWEEN :first AND :last"
DIGEST = """
UPDATE loan_events SET personal_digest = personal_digest(loan_events, loans)
FROM loans WHERE loans.loan_id = loan_events.loan_id AND loans.loan_id BETWEEN :first AND :last
"""
SEAL_EVENTS = """
WITH RECURSIVE link AS (
    SELECT loan_id, version, event_hash(chain_start(loan_id), event, loan) AS hash
    FROM loan_events AS event JOIN loans AS loan USING (loan_id)
    WHERE event.version = 1 AND loan_id BETWEEN :first AND :last
    UNION ALL
    SELECT event.loan_id, event.version, event_hash(link.hash, event, loan)
    FROM link JOIN loan_events AS event ON event.loan_id = link.loan_id AND event.version = link.version + 1
         JOIN loans AS loan ON loan.loan_id = link.loan_id
)
UPDATE loan_events SET hash = link.hash
FROM link WHERE link.loan_id = loan_events.loan_id AND link.version = loan_events.version
"""
SEAL_LOANS = """
UPDATE loans SET event_hash = hash
FROM loan_events WHERE loan_events.loan_id = loans.loan_id AND loan_events.version = loans.version
     AND loans.loan_id BETWEEN :first AND :last
"""
NEXT_BATCH = """
SELECT min(loan_id::text), max(loan_id::text)
FROM (SELECT loan_id FROM loans WHERE loan_id > :after ORDER BY loan_id LIMIT :most) AS batch
"""

# Erasing empties what is personal; whoever may do that may do nothing else to an event, and nobody removes one.
ONLY_ERASED = """
CREATE FUNCTION loan_events_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    OLD.comment := '';
    IF OLD.actor = 'customer' THEN
        OLD.subject := '';
    END IF;
    IF NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'events of loans are never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$
"""
NEVER_REMOVED = """
CREATE FUNCTION loan_events_never_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events of loans are never removed' USING ERRCODE = 'restrict_violation';
END
$$
"""
TRIGGERS = """
CREATE TRIGGER loan_events_only_erased BEFORE UPDATE ON loan_events
FOR EACH ROW EXECUTE FUNCTION loan_events_only_erased();
CREATE TRIGGER loan_events_never_removed BEFORE DELETE OR TRUNCATE ON loan_events
FOR EACH STATEMENT EXECUTE FUNCTION loan_events_never_removed();
"""


def upgrade() -> None:
    op.add_column("loans", sa.Column("event_hash", sa.LargeBinary(), nullable=True))
    op.add_column("loans", sa.Column("salt", sa.LargeBinary(), nullable=True))
    op.add_column("loan_events", sa.Column("subject", sa.Text(), server_default="", nullable=False))
    op.add_column("loan_events", sa.Column("personal_digest", sa.LargeBinary(), nullable=True))
    op.add_column("loan_events", sa.Column("hash", sa.LargeBinary(), nullable=True))
    for function in (CHAIN_FIELD, CHAIN_START, PERSONAL_DIGEST, EVENT_HASH, ONLY_ERASED, NEVER_REMOVED):
        op.execute(function)
    _seal()
    op.alter_column("loans", "event_hash", nullable=False)
    op.alter_column("loan_events", "personal_digest", nullable=False)
    op.alter_column("loan_events", "hash", nullable=False)
    op.create_check_constraint(op.f("loans_event_hash_check"), "loans", "octet_length(event_hash) = 32")
    op.create_check_constraint(op.f("loans_salt_check"), "loans", "octet_length(salt) = 16")
    op.create_check_constraint(
        op.f("loan_events_personal_digest_check"), "loan_events", "octet_length(personal_digest) IN (0, 32)"
    )
    op.create_check_constraint(op.f("loan_events_hash_check"), "loan_events", "octet_length(hash) = 32")
    _check_anew("kind", f"kind IN ({KINDS_BEFORE}, 'ERASED')")
    _check_anew("from_status", f"from_status NOT IN {FINAL} OR kind = 'ERASED'")
    op.execute(TRIGGERS)


def downgrade() -> None:
    op.execute("DROP TRIGGER loan_events_only_erased ON loan_events")
    op.execute("DROP TRIGGER loan_events_never_removed ON loan_events")
    for function in (
        "loan_events_only_erased()",
        "loan_events_never_removed()",
        "event_hash(bytea, loan_events, loans)",
        "personal_digest(loan_events, loans)",
        "chain_start(uuid)",
        "chain_field(text)",
    ):
        op.execute(f"DROP FUNCTION {function}")
    # What was not known before leaves the history, and is always its end.
    op.execute("""
        WITH gone AS (DELETE FROM loan_events WHERE kind = 'ERASED' RETURNING loan_id)
        UPDATE loans SET version = loans.version - 1 FROM gone WHERE gone.loan_id = loans.loan_id
    """)
    _check_anew("kind", f"kind IN ({KINDS_BEFORE})")
    _check_anew("from_status", f"from_status NOT IN {FINAL}")
    for name in ("event_hash", "salt"):
        op.drop_column("loans", name)
    for name in ("subject", "personal_digest", "hash"):
        op.drop_column("loan_events", name)


def _seal() -> None:
    """Seal the histories that are there. One with a hole cannot be, and then nothing is migrated."""
    connection = op.get_bind()
    after: UUID | str = UUID(int=0)
    while True:
        first, last = connection.execute(sa.text(NEXT_BATCH), {"after": after, "most": BATCH}).one()
        if last is None:
            return
        for statement in (SALT, DIGEST, SEAL_EVENTS, SEAL_LOANS):
            connection.execute(sa.text(statement), {"first": first, "last": last})
        after = last


def _check_anew(name: str, condition: str) -> None:
    """Replace a check of the events."""
    op.drop_constraint(op.f(f"loan_events_{name}_check"), "loan_events")
    op.create_check_constraint(op.f(f"loan_events_{name}_check"), "loan_events", condition)
