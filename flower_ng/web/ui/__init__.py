"""Words, numbers, links and charts that pages share. Pure."""
