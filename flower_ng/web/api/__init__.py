"""The REST API: Flower's routes, one small class each. All of it runs on the loop."""
