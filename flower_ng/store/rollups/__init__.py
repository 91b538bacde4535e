"""Numbers over time: counts per minute, ten minutes and hour, read by time range."""
