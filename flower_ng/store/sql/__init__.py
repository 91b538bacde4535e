"""From a TaskQuery to SQL. Pure."""
