"""Alembic's way to the tables of the loan context."""

from chassis.db import run_migrations
from loan_service.store import METADATA

run_migrations(METADATA, "loan")
