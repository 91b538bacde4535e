"""Links between the pages of documentation: each leads to a file, and to a heading in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")


def links() -> Iterator[object]:
    for page in PAGES:
        for where, heading in LINK.findall(page.read_text(encoding="utf-8")):
            yield pytest.param(page, where, heading, id=f"{page.name}-{where}#{heading}")


def anchors(page: Path) -> set[str]:
    """The fragments by which a page's headings are linked to."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "where", "heading"), list(links()))
def test_a_link_leads_somewhere(page: Path, where: str, heading: str) -> None:
    target = page.parent / where if where else page

    assert target.is_file()
    assert not heading or heading in anchors(target)
