"""From the broker to the loop: events are received, decoded and queued."""
