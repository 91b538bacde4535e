"""Answers to questions about tasks, on threads that only read."""
