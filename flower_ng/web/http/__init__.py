"""What every route is made of: checks, arguments, answers, errors, the frame of pages."""
