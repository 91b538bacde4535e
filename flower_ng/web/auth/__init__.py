"""Auth: who someone is; passwords and address patterns, without handlers."""
