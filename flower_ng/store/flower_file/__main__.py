"""The subprocess that reads Flower's file: `python -m … FILE FORM`. Main thread."""

import sys
from pathlib import Path

from flower_ng.store.flower_file.process import write
from flower_ng.store.flower_file.shelf import Shelf

if __name__ == "__main__":
    write(Shelf(Path(sys.argv[1]), sys.argv[2]), sys.stdout.buffer)
