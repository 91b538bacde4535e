"""Imports the file in which Flower kept its state. At the start, blocking; only ever read.

Where the file is and of which kind of dbm is seen in `shelf`; a process of its own unpickles it
(`process`), and hands over records (`content`), which `importer` merges into the store.
"""
