"""Facts that the rules judge, and how they are gathered."""
