"""Statements that take a customer out of the tables."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from chassis.personal import Phone
from loan_service.domain import Loan, Status, erasing

LIST_STATUSES = text("SELECT loan_id, status FROM loans WHERE customer_phone = :phone ORDER BY loan_id")

# Whatever its kind and state: a job that was parked may be replayed. The table holds only what is left to do, and is
# read as a whole.
COUNT_WITH_JOBS = text("""
SELECT count(DISTINCT args ->> 'loan_id') FROM jobs WHERE args ->> 'loan_id' = ANY (CAST(:loan_ids AS text[]))
""")

ERASE_LOANS = text("""
UPDATE loans SET customer_name = :name, customer_phone = :pseudonym, salt = NULL
WHERE loan_id = ANY (CAST(:loan_ids AS uuid[]))
""")

# Comments are what staff wrote about the customer, in words of their own. The subjects of staff stay: they are the
# record of who decided.
ERASE_EVENTS = text("""
UPDATE loan_events SET comment = '', subject = CASE WHEN actor = 'customer' THEN '' ELSE subject END
WHERE loan_id = ANY (CAST(:loan_ids AS uuid[])) AND (comment <> '' OR actor = 'customer' AND subject <> '')
""")

# The fingerprint of a key is a digest of the name and the phone number, which could be guessed. A key is as old as its
# loan to the microsecond, because both come from one transaction: the index on the age finds it.
DELETE_IDEMPOTENCY_KEYS = text("""
DELETE FROM idempotency_keys USING loans
WHERE loans.loan_id = ANY (CAST(:loan_ids AS uuid[]))
    AND idempotency_keys.created_at = loans.created_at AND idempotency_keys.loan_id = loans.loan_id
""")

# No row is left with nothing in it. A loan that is approved at this moment is added before, or makes the row anew.
DELETE_CUSTOMER_TOTALS = text("""
DELETE FROM customer_totals WHERE customer_phone = :phone AND approved_loan_count = :count
""")

SUBTRACT_CUSTOMER_TOTALS = text("""
UPDATE customer_totals
SET approved_loan_count = approved_loan_count - :count, total_approved_amount = total_approved_amount - :amount
WHERE customer_phone = :phone
""")


def list_statuses(tx: Connection, phone: str) -> dict[UUID, Status]:
    """Where all loans of a customer stand, by the loans' ids."""
    return {row[0]: Status(row[1]) for row in tx.execute(LIST_STATUSES, {"phone": phone})}


def count_with_jobs(tx: Connection, loan_ids: Sequence[UUID]) -> int:
    """How many of the loans have something left to be done about them."""
    return int(tx.execute(COUNT_WITH_JOBS, {"loan_ids": [str(loan_id) for loan_id in loan_ids]}).scalar_one())


def erase_loans(tx: Connection, loan_ids: Sequence[UUID], pseudonym: Phone) -> None:
    """Have a pseudonym stand for the customer of loans, and clear what else tells who they are."""
    values = {"loan_ids": list(loan_ids)}
    tx.execute(DELETE_IDEMPOTENCY_KEYS, values)
    tx.execute(ERASE_EVENTS, values)
    tx.execute(ERASE_LOANS, {**values, "name": erasing.NAME, "pseudonym": pseudonym})


def subtract_customer_totals(tx: Connection, phone: str, approved: Sequence[Loan]) -> None:
    """Count approved loans of one customer as theirs no more."""
    if not approved:
        return
    count = len(approved)
    if tx.execute(DELETE_CUSTOMER_TOTALS, {"phone": phone, "count": count}).rowcount == 0:
        amount = sum(loan.loan_amount for loan in approved)
        tx.execute(SUBTRACT_CUSTOMER_TOTALS, {"phone": phone, "count": count, "amount": amount})
