"""docs/architecture.md has the layers of the linter and the threads of the code."""

import re
import tomllib

import pytest

from flower_ng.doctor.check import CheckMark
from tests.services import ROOT

PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
CONTRACTS = {
    contract["containers"][0]: [re.split(r" [|:] ", layer) for layer in contract["layers"]]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
    if contract["type"] == "layers"
}


def names(cell: str) -> set[str]:
    """Return the modules and folders that a cell names, as the linter does."""
    return {name.removesuffix(".py").rstrip("/") for name in re.findall(r"`([\w./]+)`", cell)}


def test_the_layers_of_the_package_are_those_of_the_linter() -> None:
    table = PAGE.partition("| layer | what it is for |")[2].partition("\n\n")[0]
    shown = [names(row) for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)]

    # The page puts neighbours of the linter into one row where they are told of together.
    order = [name for layer in CONTRACTS["flower_ng"] for name in layer]
    assert sorted(name for row in shown for name in row) == sorted(order)
    ranks = {name: rank for rank, layer in enumerate(CONTRACTS["flower_ng"]) for name in layer}
    lows = [min(ranks[name] for name in row) for row in shown]
    highs = [max(ranks[name] for name in row) for row in shown]
    assert all(high <= low for high, low in zip(highs, lows[1:], strict=False))


@pytest.mark.parametrize("folder", ["web", "store", "health", "monitor"])
def test_the_layers_of_a_folder_are_those_of_the_linter(folder: str) -> None:
    inside = PAGE.partition("| folder | layers |")[2]
    [row] = re.findall(rf"^\| `{folder}/` \| (`.+?)(?:\. .+)? \|$", inside, re.MULTILINE)
    shown = [names(layer) for layer in row.split(" > ")]

    assert shown == [
        present
        for layer in CONTRACTS[f"flower_ng.{folder}"]
        if (present := set(layer) & set().union(*shown))
    ]


def test_the_threads_are_started_where_the_page_says() -> None:
    table = PAGE.partition("| thread | name |")[2].partition("\n\n")[0]
    rows = re.findall(r"\| `(flower[\w-]+)` \| `([\w./]+)` \|", table)

    assert len(rows) == 9
    for name, module in rows:
        assert f'"{name}"' in (ROOT / "flower_ng" / module).read_text("utf-8")


def test_the_marks_of_the_doctor_are_those_of_the_page() -> None:
    page = (ROOT / "docs/doctor.md").read_text("utf-8")
    shown = re.findall(r"^\| `. (.+?)` \|", page, re.MULTILINE)

    assert shown == list(reversed(CheckMark))
