"""Writes docs/options.md and the README's tables of options from OPTIONS; tests hold them to it."""

import itertools
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path

from flower_ng.settings import OPTIONS, Option

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "options.md"
README = ROOT / "README.md"
BEGIN = "<!-- The tables are generated: `make docs` -->"
END = "<!-- end of the tables -->"
INTRODUCTION = """\
# Options

This page is generated from `flower_ng/settings/declared.py` by `make docs`.

Every option can be given in three places; the later ones win over the earlier:

1. the environment: `FLOWER_` and the name in capitals, as `FLOWER_PORT=5556`;
2. the configuration file, `flowerconfig.py` in the working directory or what `--conf` names: Python
   whose globals are options, as `port = 5556`;
3. the command line, after the sub-command: `--port=5556`. One dash or two, `-` or `_` in names; a
   value needs the equals sign, a boolean alone is true.

Options marked “many” take several values: separated by commas, or a list in the configuration
file. Unknown options are warned about, with what may have been meant; a wrong value ends the start
with one line that names it.

The REST API is closed unless a login is configured or the environment variable
`FLOWER_UNAUTHENTICATED_API` is `true`.
"""
KINDS = {bool: "bool", int: "int", float: "float", str: "str", None: "function"}


def page() -> str:
    """The whole page."""
    return f"{INTRODUCTION}\n{tables('##')}"


def readme(text: str) -> str:
    """The README with its tables anew; ValueError when it has lost its marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md must hold {BEGIN!r}, then {END!r}")
    return f"{before}{BEGIN}\n\n{tables('###')}\n{END}{after}"


def tables(heading: str) -> str:
    """The table of each group under its heading."""
    groups = itertools.groupby(OPTIONS, attrgetter("group"))
    return "\n".join("\n".join(table(f"{heading} {name}", group)) for name, group in groups)


def table(heading: str, options: Iterable[Option]) -> Iterator[str]:
    """The heading and the rows of one group."""
    yield f"{heading}\n"
    yield "| option | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    yield from map(row, options)
    yield ""


def row(option: Option) -> str:
    """One row."""
    kind = KINDS[option.type] + (", many" if option.multiple else "")
    meaning = option.help.replace("|", "\\|")
    default = f"`{option.default_text}`" if option.default_text else ""
    return f"| `{option.name}` | {kind} | {default} | {meaning} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
