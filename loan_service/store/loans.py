"""Statements over loans. All of them work on sets; one loan is a list of one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from chassis.personal import Name, Phone
from loan_service.domain import ALL, Change, Loan, LoanNotFound, LoanType, Sight, Status
from loan_service.store import sight as sights

_COLUMNS = """loan_id, customer_name, customer_phone, loan_amount, currency_code, loan_type, status, version,
    created_at, updated_at, decided_at, assigned_agent_id, review_step_number, reason_codes, event_hash, salt"""

NOW = text("SELECT now()")

# The guard: a loan that moved since it was read is not in the answer.
# Lists cannot be nested in an SQL array when their lengths differ: reason codes travel joined by commas.
UPDATE_LOANS = text("""
UPDATE loans
SET status = after.status, version = after.version, updated_at = after.updated_at, decided_at = after.decided_at,
    assigned_agent_id = after.assigned_agent_id, review_step_number = after.review_step_number,
    reason_codes = string_to_array(after.reason_codes, ','), event_hash = after.event_hash
FROM unnest(CAST(:loan_ids AS uuid[]), CAST(:versions_before AS int[]), CAST(:statuses AS text[]),
            CAST(:versions AS int[]), CAST(:updated_ats AS timestamptz[]), CAST(:decided_ats AS timestamptz[]),
            CAST(:agent_ids AS int[]), CAST(:review_step_numbers AS int[]), CAST(:reason_codes AS text[]),
            CAST(:event_hashes AS bytea[]))
     AS after (loan_id, version_before, status, version, updated_at, decided_at, assigned_agent_id, review_step_number,
               reason_codes, event_hash)
WHERE loans.loan_id = after.loan_id AND loans.version = after.version_before
RETURNING loans.loan_id
""")

# One order for all transactions: no deadlock.
LOCK_LOANS = text(f"""
SELECT {_COLUMNS} FROM loans WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) AND {sights.IS_SEEN}
ORDER BY loan_id FOR UPDATE
""")  # noqa: S608 -- constants of this module

GET_LOANS = text(f"""
SELECT {_COLUMNS} FROM loans WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) AND {sights.IS_SEEN}
""")  # noqa: S608 -- constants of these modules

LIST_LOANS_AFTER = text(f"""
SELECT {_COLUMNS} FROM loans WHERE loan_id > :after ORDER BY loan_id LIMIT :most
""")  # noqa: S608 -- constants of this module

LOCK_LOANS_TO_EXPIRE = text(f"""
SELECT {_COLUMNS} FROM loans
WHERE status = 'UNDER_REVIEW' AND created_at < now() - make_interval(secs => :age_s)
ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED
""")  # noqa: S608 -- constants of this module

# What of a listing is seen, by index: a customer's loans, and those of each agent.
_SEEN = {
    "seen_phone": "SELECT * FROM loans WHERE customer_phone = :seen_phone AND {page}",
    "seen_agents": """
SELECT of_agent.* FROM unnest(CAST(:seen_agents AS int[])) AS agents (agent_id) CROSS JOIN LATERAL (
    SELECT * FROM loans WHERE assigned_agent_id = agents.agent_id AND {page}
) AS of_agent""",
}

COUNT_LOANS = text(f"""
SELECT count(*) FROM loans
WHERE (:phone = '' OR customer_phone = :phone) AND {sights.IS_SEEN}
  AND (CAST(:status AS text) IS NULL OR status = CAST(:status AS text))
""")  # noqa: S608 -- constants of these modules


def get_now(tx: Connection) -> datetime:
    """The time of the transaction, by the database's clock."""
    now: datetime = tx.execute(NOW).scalar_one()
    return now


def update_loans(tx: Connection, changes: Sequence[Change]) -> set[UUID]:
    """Write the last step of each loan; answer those that had not moved since they were read."""
    if not changes:
        return set()
    steps: dict[UUID, int] = Counter(change.loan.loan_id for change in changes)
    after = {change.loan.loan_id: change.loan for change in changes}  # the last step of a loan wins
    loans = [after[loan_id] for loan_id in sorted(after)]
    rows = tx.execute(
        UPDATE_LOANS,
        {
            "loan_ids": [loan.loan_id for loan in loans],
            "versions_before": [loan.version - steps[loan.loan_id] for loan in loans],
            "statuses": [str(loan.status) for loan in loans],
            "versions": [loan.version for loan in loans],
            "updated_ats": [loan.updated_at for loan in loans],
            "decided_ats": [loan.decided_at for loan in loans],
            "agent_ids": [loan.assigned_agent_id for loan in loans],
            "review_step_numbers": [loan.review_step_number for loan in loans],
            "reason_codes": [",".join(loan.reason_codes) for loan in loans],
            "event_hashes": [loan.event_hash for loan in loans],
        },
    )
    return {row[0] for row in rows}


def lock_loans(tx: Connection, loan_ids: Iterable[UUID], sight: Sight = ALL) -> dict[UUID, Loan]:
    """Those of the loans that exist and are in sight, locked until the transaction ends."""
    wanted = {"loan_ids": list(loan_ids), **sights.values(sight)}
    return {loan.loan_id: loan for loan in _loans(tx.execute(LOCK_LOANS, wanted))}


def lock_loan(tx: Connection, loan_id: UUID, sight: Sight = ALL) -> Loan:
    """One loan, locked until the transaction ends.

    Raises:
        LoanNotFound: There is none in sight.
    """
    return _one(lock_loans(tx, [loan_id], sight), loan_id)


def find_loans(tx: Connection, loan_ids: Iterable[UUID], sight: Sight = ALL) -> dict[UUID, Loan]:
    """Those of the loans that exist and are in sight."""
    wanted = {"loan_ids": list(loan_ids), **sights.values(sight)}
    return {loan.loan_id: loan for loan in _loans(tx.execute(GET_LOANS, wanted))}


def get_loan(tx: Connection, loan_id: UUID, sight: Sight = ALL) -> Loan:
    """One loan.

    Raises:
        LoanNotFound: There is none in sight.
    """
    return _one(find_loans(tx, [loan_id], sight), loan_id)


def lock_loans_to_expire(tx: Connection, age_s: float, most: int) -> list[Loan]:
    """Loans still under review so long after their submission, the oldest first; not those that others hold."""
    return _loans(tx.execute(LOCK_LOANS_TO_EXPIRE, {"age_s": age_s, "most": most}))


def list_loans(  # noqa: PLR0913 -- the filters of a listing
    tx: Connection,
    *,
    status: Status | None,
    phone: str,
    size: int,
    skip: int = 0,
    before: UUID | None = None,
    sight: Sight = ALL,
) -> list[Loan]:
    """Loans in sight, newest first: those after `skip` others, or those older than `before`."""
    given: dict[str, Any] = {"status": status and str(status), "phone": phone, "before": before}
    if not sight.everything:
        given |= {"seen_phone": sight.phone, "seen_agents": list(sight.agent_ids)}
    filters = {name: value for name, value in given.items() if value}
    if not sight.everything and not (sight.phone or sight.agent_ids):
        return []
    return _loans(tx.execute(listing(*filters), {**filters, "size": size, "skip": skip}))


@cache
def listing(*filters: str) -> TextClause:
    """The listing with these filters. Each has its own plan, which an index must serve: no `OR :phone IS NULL`.

    Where not everything is seen, no more is read of each customer and each agent whose loans are than the page needs.
    """
    conditions = {"status": "status = :status", "phone": "customer_phone = :phone", "before": "loan_id < :before"}
    where = " AND ".join(["TRUE", *(conditions[name] for name in filters if name in conditions)])
    page = f"{where} ORDER BY loan_id DESC LIMIT CAST(:size AS bigint) + CAST(:skip AS bigint)"
    seen = " UNION ".join(f"({_SEEN[name].format(page=page)})" for name in filters if name in _SEEN)
    return text(f"""
SELECT {_COLUMNS} FROM {f"({seen}) AS loans" if seen else "loans"}
WHERE {where} ORDER BY loan_id DESC LIMIT :size OFFSET :skip
""")  # noqa: S608 -- constants of this module


def list_loans_after(tx: Connection, after: UUID, most: int) -> list[Loan]:
    """Loans, oldest first, after one of them."""
    return _loans(tx.execute(LIST_LOANS_AFTER, {"after": after, "most": most}))


def count_loans(tx: Connection, phone: str, status: Status | None, sight: Sight = ALL) -> int:
    """The number of loans in sight, of a customer if a phone is given; for few: they are counted one by one."""
    wanted = {"phone": phone, "status": status and str(status), **sights.values(sight)}
    return int(tx.execute(COUNT_LOANS, wanted).scalar_one())


def _one(found: dict[UUID, Loan], loan_id: UUID) -> Loan:
    if loan_id not in found:
        raise LoanNotFound(f"there is no loan {loan_id}")
    return found[loan_id]


def _loans(rows: Iterable[Sequence[Any]]) -> list[Loan]:
    return [
        Loan(
            row[0], Name(row[1]), Phone(row[2]), row[3], row[4], LoanType(row[5]), Status(row[6]), row[7], row[8],
            row[9], row[10], row[11], row[12], tuple(row[13]), bytes(row[14]),
            None if row[15] is None else bytes(row[15]),
        )
        for row in rows
    ]  # fmt: skip
