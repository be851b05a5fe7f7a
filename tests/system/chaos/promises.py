"""What must be true of the three schemas once nothing is left to do, as queries that find what breaks it.

Each promise is a sentence and the query whose rows fill it in: a row is a violation.
"""

from collections.abc import Iterator
from typing import Any

from loan_service.clients import TEMPLATES
from loan_service.domain import NEXT, CreditPolicy, Status
from review_service.domain import StepKind

PERIODIC = ("expire_loans", "purge_idempotency_keys", "assign_waiting")

JOBS = """(
    SELECT 'loan' AS service, key, kind, state, attempt, last_error, lease_until FROM loan.jobs
    UNION ALL
    SELECT 'review', key, kind, state, attempt, last_error, lease_until FROM review.jobs
    UNION ALL
    SELECT 'notification', key, kind, state, attempt, last_error, lease_until FROM notification.jobs
) AS jobs"""

# A periodic job has its kind as key; it is at work from time to time, but never after its lease.
UNFINISHED = f"""
FROM {JOBS}
WHERE state <> 'PARKED' AND kind <> key OR state = 'LEASED' AND lease_until < now()
"""

# Whoever is covered is left out: for whom their substitute could take a review is more than a query should say.
WAITING = """
FROM review.reviews
WHERE state = 'OPEN' AND assigned_agent_id IS NULL AND EXISTS (
    SELECT FROM review.agents
    WHERE is_active AND is_available AND phone <> customer_phone
          AND open_review_count < coalesce(max_open_reviews, open_review_count + 1)
          AND (loan_types = '{}' OR loan_type = ANY (loan_types))
          AND NOT EXISTS (
              SELECT FROM review.covers
              WHERE covers.agent_id = agents.agent_id AND starts_at <= now() AND now() < ends_at
          )
)
"""

# What histories imply: one SMS for each final loan, and for each step that gives a review to somebody one push to them,
# and to whom it was taken from because it was overdue.
IMPLIED = """(
    SELECT 'sms:' || loan_id AS key, customer_phone AS recipient, template
    FROM loan.loans JOIN unnest(CAST(:told AS text[]), CAST(:templates AS text[])) AS said (status, template)
         USING (status)
    UNION ALL
    SELECT 'push:' || loan_id || ':' || 'step-' || number || ':'
               || CASE kind WHEN 'ESCALATED' THEN 'manager' ELSE 'agent' END,
           'agent:' || assigned_agent_id,
           CASE kind WHEN 'ESCALATED' THEN 'LOAN_ESCALATED_TO_MANAGER' WHEN 'COVERED' THEN 'LOAN_COVERED'
                ELSE 'LOAN_ASSIGNED' END
    FROM review.review_steps WHERE assigned_agent_id IS NOT NULL
    UNION ALL
    SELECT 'push:' || loan_id || ':' || 'step-' || number || ':' || 'from', 'agent:' || had_by, 'LOAN_ESCALATED'
    FROM (
        SELECT loan_id, number, kind, lag(assigned_agent_id) OVER (PARTITION BY loan_id ORDER BY number) AS had_by
        FROM review.review_steps WHERE assigned_agent_id IS NOT NULL
    ) AS given
    WHERE kind = 'ESCALATED'
) AS implied"""

MANAGERS_TOLD = """
SELECT 'push:' || loan_id || ':' || 'step-' || number || ':' || 'manager'
FROM review.review_steps WHERE kind IN ('ASSIGNED', 'REASSIGNED')
"""

HISTORY = {
    "the history of loan {} has gaps: {} events, numbered {} to {}": """
        SELECT loan_id, count(*), min(version), max(version) FROM loan.loan_events GROUP BY loan_id
        HAVING min(version) <> 1 OR max(version) <> count(*)
    """,
    "loan {} is {} in version {}, but its history ends with {} in version {}": """
        SELECT loan_id, status, loans.version, to_status, last.version
        FROM loan.loans LEFT JOIN (
            SELECT DISTINCT ON (loan_id) loan_id, version, to_status FROM loan.loan_events
            ORDER BY loan_id, version DESC
        ) AS last USING (loan_id)
        WHERE (status, loans.version) IS DISTINCT FROM (to_status, last.version)
    """,
    "loan {}: event {} leaves {}, but the event before it led to {}": """
        SELECT loan_id, version, from_status, before FROM (
            SELECT *, lag(to_status) OVER (PARTITION BY loan_id ORDER BY version) AS before FROM loan.loan_events
        ) AS chain
        WHERE from_status IS DISTINCT FROM before
    """,
    "loan {}: event {} goes from {} to {}, which no loan may": """
        SELECT loan_id, version, from_status, to_status FROM loan.loan_events
        WHERE CASE
            WHEN from_status IS NULL THEN to_status <> 'APPLIED'
            WHEN kind = 'ERASED' THEN from_status <> to_status OR to_status <> ALL (:finals)
            WHEN kind = ANY (:steps) THEN from_status <> 'UNDER_REVIEW' OR to_status <> 'UNDER_REVIEW'
            ELSE (from_status, to_status) NOT IN (
                SELECT * FROM unnest(CAST(:befores AS text[]), CAST(:afters AS text[]))
            )
        END
    """,
    "loan {} has {} final outcomes": """
        SELECT loan_id, count(*) FROM loan.loan_events
        WHERE to_status = ANY (:finals) AND kind <> 'ERASED' GROUP BY loan_id
        HAVING count(*) > 1
    """,
    "loan {} over {} is {}, which the policy does not say": """
        SELECT loan_id, loan_amount, status FROM loan.loans
        WHERE status = 'APPROVED_BY_SYSTEM' AND loan_amount >= :review_from
           OR status = 'REJECTED_BY_SYSTEM' AND loan_amount <= :review_to
    """,
    "idempotency key {} stands for loan {}, which does not exist": """
        SELECT key, loan_id FROM loan.idempotency_keys LEFT JOIN loan.loans USING (loan_id) WHERE status IS NULL
    """,
}

FIGURES = {
    "{} loans are counted as {}, but there are {}": """
        SELECT coalesce(kept, 0), status, coalesce(counted, 0)
        FROM (SELECT status, sum(count) AS kept FROM loan.status_counts GROUP BY status) AS kept
             FULL JOIN (SELECT status, count(*) AS counted FROM loan.loans GROUP BY status) AS counted USING (status)
        WHERE coalesce(kept, 0) <> coalesce(counted, 0)
    """,
    "customer {} has {} approved loans over {} in the totals, but {} over {} in fact": """
        SELECT customer_phone, approved_loan_count, total_approved_amount, counted, amount
        FROM loan.customer_totals FULL JOIN (
            SELECT customer_phone, count(*) AS counted, sum(loan_amount) AS amount FROM loan.loans
            WHERE status IN ('APPROVED_BY_SYSTEM', 'APPROVED_BY_AGENT') GROUP BY customer_phone
        ) AS fact USING (customer_phone)
        WHERE (approved_loan_count, total_approved_amount) IS DISTINCT FROM (counted, amount)
    """,
    "agent {} is said to have {} open reviews, but has {}": """
        SELECT agent_id, open_review_count, counted
        FROM review.agents CROSS JOIN LATERAL (
            SELECT count(*) AS counted FROM review.reviews WHERE state = 'OPEN' AND assigned_agent_id = agent_id
        ) AS fact
        WHERE open_review_count <> counted
    """,
}

REVIEWS = {
    "loan {} is {}, but its review is {} with the decision {}": """
        SELECT loan_id, status, state, decision FROM loan.loans FULL JOIN review.reviews USING (loan_id)
        WHERE CASE
            WHEN status IS NULL THEN FALSE
            WHEN status = 'UNDER_REVIEW' THEN state = 'OPEN'
            WHEN status = 'APPROVED_BY_AGENT' THEN state = 'DECIDED' AND decision = 'APPROVE'
            WHEN status = 'REJECTED_BY_AGENT' THEN state = 'DECIDED' AND decision = 'REJECT'
            WHEN EXISTS (
                SELECT FROM loan.loan_events AS event
                WHERE event.loan_id = loans.loan_id AND event.to_status = 'UNDER_REVIEW'
            ) THEN state = 'CANCELLED'
            ELSE state IS NULL
        END IS NOT TRUE
    """,
    "loan {} was decided by {}, but its review by agent {}": """
        SELECT loan_id, actor, decided_by_agent_id
        FROM loan.loan_events JOIN review.reviews USING (loan_id)
        WHERE kind = 'DECIDED' AND to_status IN ('APPROVED_BY_AGENT', 'REJECTED_BY_AGENT')
              AND actor <> 'agent:' || decided_by_agent_id
    """,
    "loan {} is said to be with agent {} after step {}, but its review is with agent {} after step {}": """
        SELECT loan_id, loans.assigned_agent_id, review_step_number, reviews.assigned_agent_id, step_number
        FROM loan.loans JOIN review.reviews USING (loan_id)
        WHERE status = 'UNDER_REVIEW' AND (loans.assigned_agent_id, review_step_number)
              IS DISTINCT FROM (reviews.assigned_agent_id, step_number)
           OR status IN ('APPROVED_BY_AGENT', 'REJECTED_BY_AGENT') AND review_step_number <> step_number
           OR review_step_number > step_number
    """,
    "step {} of the review of loan {} is {} by {}, but its history says {} by {}": """
        SELECT number, loan_id, step.kind, step.actor, event.kind, event.actor
        FROM (
            SELECT review_steps.* FROM review.review_steps JOIN loan.loans USING (loan_id)
            WHERE number <= review_step_number
        ) AS step
        FULL JOIN (
            SELECT *, row_number() OVER (PARTITION BY loan_id ORDER BY version) AS number
            FROM loan.loan_events WHERE kind = ANY (:steps)
        ) AS event USING (loan_id, number)
        WHERE (step.kind, step.actor, step.assigned_agent_id, step.on_behalf_of_agent_id, step.occurred_at)
              IS DISTINCT FROM
              (event.kind, event.actor, event.assigned_agent_id, event.on_behalf_of_agent_id, event.occurred_at)
    """,
    "the review of loan {} has had {} steps, the last of them number {}, but counts {}": """
        SELECT reviews.loan_id, count(number), coalesce(max(number), 0), step_number
        FROM review.reviews LEFT JOIN review.review_steps USING (loan_id) GROUP BY reviews.loan_id
        HAVING (count(number), coalesce(max(number), 0)) <> (step_number, step_number)
    """,
    "the review of loan {} was escalated {} times, but counts {}": """
        SELECT reviews.loan_id, count(*) FILTER (WHERE kind = 'ESCALATED'), escalation_count
        FROM review.reviews LEFT JOIN review.review_steps USING (loan_id) GROUP BY reviews.loan_id
        HAVING count(*) FILTER (WHERE kind = 'ESCALATED') <> escalation_count
    """,
    "agent {} approved loan {} over {} with an exposure of {}, which their limit of {} does not cover": """
        SELECT decided_by_agent_id, loan_id, loan_amount, decision_exposure, decision_limit FROM review.reviews
        WHERE decision = 'APPROVE' AND decision_limit < greatest(loan_amount, decision_exposure)
    """,
    "agent {} approved loan {} with the limit {}, but had {} at that time": """
        SELECT decided_by_agent_id, loan_id, decision_limit, held.amount
        FROM review.reviews LEFT JOIN LATERAL (
            SELECT amount FROM review.approval_limits
            WHERE agent_id = decided_by_agent_id AND valid_from <= decided_at
                  AND coalesce(approval_limits.loan_type, reviews.loan_type) = reviews.loan_type
            ORDER BY approval_limits.loan_type IS NULL, valid_from DESC LIMIT 1
        ) AS held ON TRUE
        WHERE decision = 'APPROVE' AND decision_limit IS DISTINCT FROM held.amount
    """,
    "both approvals of loan {} are agent {}'s": """
        SELECT loan_id, decided_by_agent_id FROM review.reviews
        WHERE decision = 'APPROVE' AND decided_by_agent_id = first_approved_by_agent_id
    """,
    "the review of loan {} waits although somebody could take it": f"SELECT loan_id {WAITING}",
}

MESSAGES = {
    "{} messages have the key {}": """
        SELECT count(*), dedupe_key FROM notification.notifications GROUP BY dedupe_key HAVING count(*) > 1
    """,
    "message {} must be a {} to {}, but is a {} to {} and {}": f"""
        SELECT key, implied.template, implied.recipient, sent.template, sent.recipient, state
        FROM {IMPLIED} LEFT JOIN notification.notifications AS sent ON dedupe_key = key
        WHERE (state = 'SENT' AND sent.template = implied.template
               AND sent.recipient = coalesce(implied.recipient, sent.recipient)) IS NOT TRUE
    """,
    "message {} to the manager must be to agent {}, but is to {}": """
        SELECT 'push:' || steps.loan_id || ':' || 'step-' || number || ':' || 'manager', manager_id, recipient
        FROM review.review_steps AS steps
             JOIN review.agents ON agent_id = coalesce(on_behalf_of_agent_id, assigned_agent_id)
             LEFT JOIN notification.notifications
             ON dedupe_key = 'push:' || steps.loan_id || ':' || 'step-' || number || ':' || 'manager'
        WHERE kind IN ('ASSIGNED', 'REASSIGNED') AND agents.updated_at <= occurred_at
              AND step_right IS DISTINCT FROM 'RIGHT_OF_SUBSTITUTE' AND manager_id IS DISTINCT FROM assigned_agent_id
              AND recipient IS DISTINCT FROM 'agent:' || manager_id
    """,
    "nothing implies message {}, a {} to {}": f"""
        SELECT dedupe_key, template, recipient FROM notification.notifications
        WHERE dedupe_key NOT IN (SELECT key FROM {IMPLIED}) AND dedupe_key NOT IN ({MANAGERS_TOLD})
    """,
    "the rejection of loan {} has no time at which its notice is due": """
        SELECT loan_id FROM notification.notifications WHERE template = 'LOAN_REJECTED' AND due_at IS NULL
    """,
    "message {} is still {}": """
        SELECT dedupe_key, state FROM notification.notifications WHERE state NOT IN ('SENT', 'PARKED')
    """,
}

WORK = {
    "job {} of the {} service is still {} after {} attempts, the last error was: {}": f"""
        SELECT key, service, state, attempt, last_error {UNFINISHED}
    """,
    "{} jobs of the {} service have the key {}": f"""
        SELECT count(*), service, key FROM {JOBS} GROUP BY service, key HAVING count(*) > 1
    """,
    "job {} of the {} service is PARKED and does not say why": f"""
        SELECT key, service FROM {JOBS} WHERE state = 'PARKED' AND coalesce(last_error, '') = ''
    """,
    "there is no job {} any more": f"""
        SELECT wanted FROM unnest(CAST(:periodic AS text[])) AS wanted
        WHERE wanted NOT IN (SELECT key FROM {JOBS} WHERE kind = key)
    """,
    "loan {} is {}, and nothing will go on with it": """
        SELECT loan_id, status FROM loan.loans
        WHERE status IN ('APPLIED', 'PROCESSING')
              AND NOT EXISTS (SELECT FROM loan.jobs WHERE key = 'decide_loan:' || loan_id AND state <> 'PARKED')
    """,
}

PROMISES = {**HISTORY, **FIGURES, **REVIEWS, **MESSAGES, **WORK}


def values(policy: CreditPolicy) -> dict[str, Any]:
    """What the queries compare with: the rules of the domain, and the policy of the system."""
    steps: Iterator[tuple[Status, Status]] = ((before, after) for before, afters in NEXT.items() for after in afters)
    befores, afters = zip(*((str(before), str(after)) for before, after in steps), strict=True)
    return {
        "befores": list(befores),
        "afters": list(afters),
        "finals": [str(status) for status in Status if status.is_final],
        "told": [str(status) for status in TEMPLATES],
        "templates": list(TEMPLATES.values()),
        "review_from": policy.review_from,
        "review_to": policy.review_to,
        "periodic": list(PERIODIC),
        "steps": [str(kind) for kind in StepKind],
    }
