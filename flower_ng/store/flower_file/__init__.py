"""Imports the file in which Flower kept its state. At the start, blocking; only ever read.

Where the file is and of which kind of dbm is seen in `shelf`; `importer` has a process of its own
unpickle it into records (`content`), and merges them into the store.
"""
