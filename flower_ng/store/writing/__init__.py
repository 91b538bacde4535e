"""What changed becomes rows, on the thread that writes."""
