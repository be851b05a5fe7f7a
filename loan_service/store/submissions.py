"""What a submission writes, in one statement: the round trips to the database are most of what a submission costs."""

import random
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from chassis import jobs
from chassis.jobs import NewJob
from loan_service.domain import Application, opening
from loan_service.store.counters import SHARDS

# The loan and its event as `domain.submitted` has them. The time is the database's, so the database finishes the hash.
INSERT_SUBMISSIONS = text(f"""
WITH submitted AS MATERIALIZED (
    SELECT loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, salt, actor, subject,
           personal_digest, sha256(form || int8send(CAST(extract(epoch FROM now()) * 1000000 AS bigint))) AS hash
    FROM unnest(CAST(:loan_ids AS uuid[]), CAST(:names AS text[]), CAST(:phones AS text[]), CAST(:amounts AS numeric[]),
                CAST(:currencies AS text[]), CAST(:types AS text[]), CAST(:salts AS bytea[]), CAST(:actors AS text[]),
                CAST(:subjects AS text[]), CAST(:personal_digests AS bytea[]), CAST(:forms AS bytea[]))
         AS given (loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, salt, actor, subject,
                   personal_digest, form)
), loan AS (
    INSERT INTO loans (loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, status, version,
                       created_at, updated_at, event_hash, salt)
    SELECT loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, 'APPLIED', 1, now(), now(),
           hash, salt
    FROM submitted
), event AS (
    INSERT INTO loan_events (loan_id, version, kind, to_status, occurred_at, actor, subject, personal_digest, hash)
    SELECT loan_id, 1, 'SUBMITTED', 'APPLIED', now(), actor, subject, personal_digest, hash FROM submitted
), job AS (
{jobs.ENQUEUE.text}
), counted AS (
    INSERT INTO status_counts (shard, status, count)
    SELECT :shard, 'APPLIED', count(*) FROM submitted
    ON CONFLICT (shard, status) DO UPDATE SET count = status_counts.count + excluded.count
)
SELECT now()
""")  # noqa: S608 -- constants


def insert_submissions(tx: Connection, applications: Sequence[Application], follow_ups: Sequence[NewJob]) -> datetime:
    """Store new loans, at least one, as APPLIED, with their first events and what follows from them.

    Returns:
        When that was: the time of the transaction, by the database's clock.
    """
    openings = [opening(application) for application in applications]
    now: datetime = tx.execute(
        INSERT_SUBMISSIONS,
        {
            "loan_ids": [application.loan_id for application in applications],
            "names": [application.customer_name for application in applications],
            "phones": [application.customer_phone for application in applications],
            "amounts": [application.loan_amount for application in applications],
            "currencies": [application.currency_code for application in applications],
            "types": [str(application.loan_type) for application in applications],
            "salts": [application.salt for application in applications],
            "actors": [application.actor for application in applications],
            "subjects": [application.subject for application in applications],
            "personal_digests": [digest for digest, _ in openings],
            "forms": [form for _, form in openings],
            "shard": random.randrange(SHARDS),  # noqa: S311 -- spreads load, guards nothing
            **jobs.values(follow_ups),
        },
    ).scalar_one()
    return now
