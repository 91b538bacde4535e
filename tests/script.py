"""The console script `flower-ng` as a module, which a fork can run (forks.py)."""

from flower_ng.cli.script import main

if __name__ == "__main__":
    main()
