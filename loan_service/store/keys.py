"""Statements over idempotency keys."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from loan_service.domain import Application

INSERT_IDEMPOTENCY_KEYS = text("""
INSERT INTO idempotency_keys (key, fingerprint, loan_id)
SELECT key, fingerprint, loan_id
FROM unnest(CAST(:keys AS text[]), CAST(:fingerprints AS bytea[]), CAST(:loan_ids AS uuid[]))
     AS new (key, fingerprint, loan_id)
ON CONFLICT (key) DO NOTHING
RETURNING key
""")

GET_IDEMPOTENCY_KEYS = text("""
SELECT key, fingerprint, loan_id FROM idempotency_keys WHERE key = ANY (CAST(:keys AS text[]))
""")

DELETE_OLD_IDEMPOTENCY_KEYS = text("""
DELETE FROM idempotency_keys
WHERE key IN (SELECT key FROM idempotency_keys WHERE created_at < now() - make_interval(secs => :age_s)
              ORDER BY created_at LIMIT :most)
""")


def insert_idempotency_keys(tx: Connection, applications: Sequence[Application]) -> set[str]:
    """Take the keys that are free; waits for whoever is taking one of them at this moment."""
    ordered = sorted(applications, key=lambda application: application.idempotency_key)
    values = {
        "keys": [application.idempotency_key for application in ordered],
        "fingerprints": [application.fingerprint() for application in ordered],
        "loan_ids": [application.loan_id for application in ordered],
    }
    return {row[0] for row in tx.execute(INSERT_IDEMPOTENCY_KEYS, values)}


def find_idempotency_keys(tx: Connection, keys: Sequence[str]) -> dict[str, tuple[bytes, UUID]]:
    """For each key that is taken, the fingerprint of what it came with, and the loan."""
    rows = tx.execute(GET_IDEMPOTENCY_KEYS, {"keys": list(keys)})
    return {row[0]: (bytes(row[1]), row[2]) for row in rows}


def delete_old_idempotency_keys(tx: Connection, age_s: float, most: int) -> int:
    """Free keys taken so long ago, the oldest first; answer how many."""
    return tx.execute(DELETE_OLD_IDEMPOTENCY_KEYS, {"age_s": age_s, "most": most}).rowcount
