"""Alembic's way to the tables of the notification context."""

from chassis.db import run_migrations
from notification_service.store import METADATA

run_migrations(METADATA, "notification")
