"""The search text: its fields, values and conditions. Pure."""
