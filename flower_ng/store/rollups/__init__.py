"""The rollups: what happened per minute, kept as minutes, ten minutes and hours, read by range."""
