"""What celery beat is to send, and when: read from where it is kept."""
