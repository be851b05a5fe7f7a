"""What the loan context remembers: tables, and the statements over them."""

from loan_service.store.counters import (
    add_customer_totals,
    add_status_counts,
    count_by_status,
    get_exposures,
    list_top_customers,
)
from loan_service.store.erasing import count_with_jobs, erase_loans, list_statuses, subtract_customer_totals
from loan_service.store.events import (
    get_head,
    get_history,
    get_horizon,
    insert_events,
    list_events_after,
    list_histories,
)
from loan_service.store.keys import (
    delete_old_idempotency_keys,
    find_idempotency_keys,
    insert_idempotency_keys,
)
from loan_service.store.loans import (
    count_loans,
    find_loans,
    get_loan,
    get_now,
    list_loans,
    list_loans_after,
    lock_loan,
    lock_loans,
    lock_loans_to_expire,
    update_loans,
)
from loan_service.store.submissions import insert_submissions
from loan_service.store.tables import METADATA

__all__ = [
    "METADATA",
    "add_customer_totals",
    "add_status_counts",
    "count_by_status",
    "count_loans",
    "count_with_jobs",
    "delete_old_idempotency_keys",
    "erase_loans",
    "find_idempotency_keys",
    "find_loans",
    "get_exposures",
    "get_head",
    "get_history",
    "get_horizon",
    "get_loan",
    "get_now",
    "insert_events",
    "insert_idempotency_keys",
    "insert_submissions",
    "list_events_after",
    "list_histories",
    "list_loans",
    "list_loans_after",
    "list_statuses",
    "list_top_customers",
    "lock_loan",
    "lock_loans",
    "lock_loans_to_expire",
    "subtract_customer_totals",
    "update_loans",
]
