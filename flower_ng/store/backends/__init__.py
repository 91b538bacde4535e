"""Where a history is kept: one SQLite file, or a PostgreSQL database."""
