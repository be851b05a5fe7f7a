"""Running the system: embedded PostgreSQL, migrations, all processes on one machine, and what looks at them."""
