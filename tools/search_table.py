"""Writes the tables of docs/search.md from the fields of the search; a test holds it to them."""

from collections.abc import Iterator
from pathlib import Path

from flower_ng.store import Field, fields

PAGE = Path(__file__).resolve().parent.parent / "docs" / "search.md"
BEGIN = "<!-- The tables are generated: `make docs` -->"
END = "<!-- end of the tables -->"


def page(text: str) -> str:
    """The page with its tables anew; ValueError when it has lost its marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} must hold {BEGIN!r}, then {END!r}")
    tables = "\n".join([*_fields(), "", *_forms()])
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def _fields() -> Iterator[str]:
    yield "| field | looks at | takes | example |"
    yield "| --- | --- | --- | --- |"
    for field in fields():
        names = ", ".join(f"`{name}:`" for name in (field.name, *field.aliases))
        yield f"| {names} | {field.about} | {_takes(field)} | `{field.example}` |"


def _takes(field: Field) -> str:
    known = ", ".join(f"`{value}`" for value in field.values)
    return f"{field.kind.takes}: {known}" if known else field.kind.takes


def _forms() -> Iterator[str]:
    """What may stand behind the colon, once for each kind of value."""
    yield "| takes | write | which means |"
    yield "| --- | --- | --- |"
    kinds = {field.kind.takes: field.kind for field in fields() if any(field.kind.forms.values())}
    for takes, kind in kinds.items():
        for form, meaning in kind.forms.items():
            yield f"| {takes} | `{form}` | {meaning} |"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
