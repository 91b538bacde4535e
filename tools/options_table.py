"""Writes docs/options.md and the README's short table from OPTIONS; tests compare them."""

import itertools
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path

from flower_ng.settings import OPTIONS, Option

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "options.md"
README = ROOT / "README.md"
BEGIN = "<!-- The table is generated: `make docs` -->"
END = "<!-- end of the table -->"
MOST_CHANGED = (
    "port",
    "address",
    "url_prefix",
    "basic_auth",
    "persistent",
    "history",
    "max_tasks",
    "broker_api",
    "purge_offline_workers",
    "webhook_url",
)
INTRODUCTION = """\
# Options

This page is generated from `flower_ng/settings/declared.py` by `make docs`.

Every option can be given in three places; a later one wins over an earlier one:

1. the environment: `FLOWER_` and the name in capitals, such as `FLOWER_PORT=5556`; with `_FILE`
   behind it, the path of a file that holds the value, as secrets are mounted:
   `FLOWER_COOKIE_SECRET_FILE=/run/secrets/cookie`;
2. the configuration file, `flowerconfig.py` in the working directory or the file that `--conf`
   names: Python whose globals are options, such as `port = 5556` ([an
   example](deployment.md#configuration-file));
3. the command line, after the sub-command: `--port=5556` or `--port 5556`, with one dash or two,
   with `-` or `_` in names. A boolean without a value is true.

Values are written the same way in all three, also as strings in the configuration file:

- **bool**: `true`, `yes`, `on`, `1`, `y` or `t`, and `false`, `no`, `off`, `0`, `n` or `f`, in any
  case. In Python `True` and `False`.
- **int**, **float**: numbers; in Python too.
- **Durations** such as `history_max_age`: a number and `s`, `m`, `h`, `d` or `w`, such as `12h` or
  `1.5d`; without a unit, seconds.
- **Sizes** such as `history_max_bytes`: a number and `k`, `m`, `g` or `t` for powers of 1000, `KiB`
  to `TiB` for powers of 1024, such as `500M` or `10GB`; without a unit, bytes. Upper and lower case
  are the same.
- **many**: several values separated by commas, or a list in Python. The URLs of `task_links` may
  contain commas; user names and passwords of `basic_auth` can't.
- **An empty value** (`FLOWER_BROKER_API=`, `--broker_api=`) is the default, also if an earlier
  place sets another value. For passwords and keys it is refused.

A wrong value ends the start with one line that names the option, the value and what would be
right. Unknown options of the command line and unknown `FLOWER_*` variables cause a warning that
names the likely option; in the configuration file, which is Python with names of its own, only
names that resemble an option do. `flower-ng probe` and `flower-ng doctor` refuse unknown options of
the command line.

The REST API is closed unless a login is configured or the environment variable
`FLOWER_UNAUTHENTICATED_API` is `true`.
"""
KINDS = {bool: "bool", int: "int", float: "float", str: "str", None: "function"}


def page() -> str:
    """The whole page."""
    return "\n".join((INTRODUCTION, *groups()))


def readme(text: str) -> str:
    """The README with its table made anew; ValueError when it has lost its marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md must hold {BEGIN!r}, then {END!r}")
    by_name = {option.name: option for option in OPTIONS}
    rows = "\n".join(table(by_name[name] for name in MOST_CHANGED))
    return f"{before}{BEGIN}\n\n{rows}\n{END}{after}"


def groups() -> Iterator[str]:
    """The table of each group of options under its heading."""
    for name, options in itertools.groupby(OPTIONS, attrgetter("group")):
        yield "\n".join((f"## {name}\n", *table(options)))


def table(options: Iterable[Option]) -> Iterator[str]:
    """The lines of a table, a row for each option."""
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
