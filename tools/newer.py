"""Tells which releases of this environment are not those of requirements/tools.txt.

Run by `make test-latest`, in the environment that was resolved anew.
"""

import re
from importlib.metadata import distributions
from pathlib import Path

OURS = ("flower-ng", "setuptools")  # the latter is put there by venv, up to Python 3.11
LIST = Path(__file__).parent.parent / "requirements/tools.txt"


def main() -> None:
    """Print a line for each, with both releases."""
    listed, here = pins(), installed()
    different = [name for name in sorted(here) if here[name] != listed.get(name)]
    print(f"Not as in requirements/{LIST.name}: {len(different)} of {len(here)}")
    for name in different:
        print(f"  {name} {listed.get(name, 'not listed')} -> {here[name]}")


def pins() -> dict[str, str]:
    """The releases of the list."""
    return dict(re.findall(r"^(\S+)==(\S+)", LIST.read_text(), re.MULTILINE))


def installed() -> dict[str, str]:
    """The releases of this environment, by normalized name, but for what came with Python."""
    found = {re.sub(r"[-_.]+", "-", one.name).lower(): one.version for one in distributions()}
    return {name: version for name, version in found.items() if name not in OURS}


if __name__ == "__main__":
    main()
