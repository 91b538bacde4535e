"""The tables of the store, and the values in them. Pure."""
