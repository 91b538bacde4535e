"""Small records beside the tasks: gaps in what was observed, and notes."""
