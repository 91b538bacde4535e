"""Auth: who someone is; passwords, sessions and login providers, without handlers."""
