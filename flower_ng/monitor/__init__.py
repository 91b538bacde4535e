"""What we know of a cluster: events in, state out, and the commands that ask or change it."""
