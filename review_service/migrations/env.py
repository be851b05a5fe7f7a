"""Alembic's way to the tables of the review context."""

from chassis.db import run_migrations
from review_service.store import METADATA

run_migrations(METADATA, "review")
