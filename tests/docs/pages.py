"""The pages of documentation, and the blocks of code in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
#: What is no promise about today: what changed, and why things were decided.
PAST = {"CHANGELOG.md", "decisions.md"}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code: its language as it was marked, its text, and where it is."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(*languages: str) -> Iterator[Block]:
    """Yield the blocks of these languages on all pages; an empty one is a block without a mark."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match[1] in languages:
                yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])


def block(page: str, language: str, number: int = 0) -> str:
    """Return the text of one block of a page."""
    found = [one.text for one in blocks(language) if one.page.name == page]
    return found[number]


def present() -> list[Path]:
    """Return the pages that tell of the code as it is now."""
    return [page for page in PAGES if page.name not in PAST]


def params(found: Iterator[Block]) -> list[object]:
    """Return blocks as parameters of a test, named by where they are."""
    return [pytest.param(one, id=one.where) for one in found]
