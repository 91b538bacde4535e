"""Reads what a Flower kept with `--persistent`: tasks, workers, counters. At the start, blocking.

Flower's file is a Python shelve of pickles. Where it is and of which kind of dbm is seen here
(shelf); a process of its own unpickles it (process), which builds plain data only (pickles), and
hands over records (content). The file is only ever read.
"""

from flower_ng.store.flower_file.content import Host
from flower_ng.store.flower_file.process import Reading, reading
from flower_ng.store.flower_file.shelf import Shelf, shelf_at

__all__ = ["Host", "Reading", "Shelf", "reading", "shelf_at"]
